"""What the user guide needs and a test has not: licensed corpora, models on the Hub, a checkpoint, a folder of wavs.

Each stand-in is whole but small: EmoDB's names and label list with a tenth of a second of noise, models of a few
thousand random weights on a Hub on the loopback interface.
"""

import io
import zipfile
from pathlib import Path

import emotion2vec_reference as emotion2vec
import numpy as np
import soundfile
import torch
from classifiers import fit, save, tiny
from hub_server import HubServer
from published_models import save_as_funasr
from publisher_server import PublisherServer
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

from emobox_datasets import corpora
from emobox_datasets.audio_files.synthesis import STYLES, VOICES, demo_names, utter
from emobox_datasets.released.utterances import released_utterances
from hub_cards.paper import read_table_4

# The id on the Hub, and what makes the folder that stands for it.
CLASSES = {"neu": "neutral", "hap": "happy", "ang": "angry", "sad": "sad"}
MODELS = {
    "openai/whisper-base": lambda folder: tiny_whisper(folder),
    "superb/wav2vec2-base-superb-er": lambda folder: trained_classifier(folder),
    "emotion2vec/emotion2vec_plus_base": lambda folder: save_as_funasr(folder),
}
# The model and its card to which the guide publishes scores.
OWN = {"my-lab/encoder": b"---\nlicense: mit\n---\n\n# My encoder\n"}


def tiny_whisper(folder: Path) -> None:
    """Windows of one second instead of thirty."""
    torch.manual_seed(0)
    size = {
        "d_model": 16,
        "encoder_layers": 2,
        "decoder_layers": 1,
        "encoder_ffn_dim": 16,
        "decoder_ffn_dim": 16,
    }
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    config = WhisperConfig(
        **size, **heads, num_mel_bins=80, vocab_size=8, max_source_positions=50,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor(chunk_length=1).save_pretrained(folder)


def trained_classifier(folder: Path) -> None:
    """It has learned a third of the demo corpus, as well as it can."""
    model, extractor = tiny(tuple(CLASSES))
    heard = [(voice, emotion, take) for voice, emotion, take in demo_names() if take % 3 == 0]
    waveforms = [
        utter(VOICES[voice], STYLES[emotion], f"{voice}_{emotion}_{take:02d}")
        for voice, emotion, take in heard
    ]
    fit(model, extractor, waveforms, [list(CLASSES.values()).index(emotion) for _, emotion, _ in heard])
    save(folder, model, extractor)


def fill_hub(hub: HubServer, folder: Path) -> None:
    """Put the models on the Hub; one stands for all others of the paper."""
    for name, make in MODELS.items():
        made = folder / name
        made.mkdir(parents=True)
        make(made)
        files = {path.name: path.read_bytes() for path in made.iterdir()}
        hub.create("model", name).add("main", "a model", files)
    listed = {model for model in read_table_4()["model"] if "/" in model} - set(MODELS)
    for name in sorted(listed):
        hub.create("model", name).add(
            "main", "a model", hub.repository("model", "openai/whisper-base").files()
        )
    for name, card in OWN.items():
        hub.create("model", name).add("main", "by hand", {"README.md": card})


def fill_data(data: Path) -> None:
    """Lay out what the guide has below /data."""
    random = np.random.default_rng(0)
    for id in sorted(corpora.load("emodb").listed_ids):
        waveform(data / "emodb" / "wav" / f"{id.removeprefix('emodb-')}.wav", random, 0.1)
    for id in released_utterances("ravdess"):
        name = id.removeprefix("ravdess-")
        waveform(data / "ravdess" / f"Actor_{name[-2:]}" / f"{name}.wav", random, 0.1)
    for speaker in ("ana", "bela", "carla", "dino"):
        for emotion in ("angry", "calm", "glad"):
            for take in range(1, 6):
                waveform(data / "kitchen" / speaker / f"{speaker}_{emotion}_{take}.wav", random, 0.2)
    byol_s(data / "byol-s" / "default512.pth")
    conf = emotion2vec.settings(tiny=True)
    checkpoint = data / "emotion2vec" / "model.pt"
    checkpoint.parent.mkdir()
    emotion2vec.save_fairseq(emotion2vec.published_state(conf), conf, checkpoint)


def fill_publishers(publishers: PublisherServer) -> None:
    """Put RAVDESS on Zenodo, as it is packed there."""
    random = np.random.default_rng(0)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for id in released_utterances("ravdess"):
            sound = io.BytesIO()
            soundfile.write(sound, 0.1 * random.standard_normal(1_600), 16_000, format="WAV")
            name = id.removeprefix("ravdess-")
            archive.writestr(f"Actor_{name[-2:]}/{name}.wav", sound.getvalue())
    publishers.zenodo("1188976", {"Audio_Speech_Actors_01-24.zip": packed.getvalue()})


def byol_s(file: Path) -> None:
    """Random weights in the shapes of the published state dict."""
    file.parent.mkdir()
    parts = {
        "features": [(0, torch.nn.Conv2d(1, 64, 3)), (4, torch.nn.Conv2d(64, 64, 3)), (8, torch.nn.Conv2d(64, 64, 3)),
                     *((place, torch.nn.BatchNorm2d(64)) for place in (1, 5, 9))],
        "fc": [(0, torch.nn.Linear(512, 512)), (3, torch.nn.Linear(512, 512))],
    }  # fmt: skip
    named = {f"{part}.{place}": module for part, places in parts.items() for place, module in places}
    torch.save(
        {
            f"{prefix}.{name}": value
            for prefix, module in named.items()
            for name, value in module.state_dict().items()
        },
        file,
    )


def waveform(file: Path, random: np.random.Generator, seconds: float) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, 0.1 * random.standard_normal(round(16_000 * seconds)), 16_000)
