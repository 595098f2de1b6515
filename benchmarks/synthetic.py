"""A plan at scale without a corpus or a model: random weights of real sizes on synthetic speech corpora of 20 hours.

    python benchmarks/synthetic.py FOLDER [--hours 0.3 0.6 ...] [--models wav2vec2-base ...]
    EMOBOX_CORPORA=FOLDER/corpora python benchmarks/bench.py whole FOLDER/plan.yaml --out FILE

Writes corpora of ten speakers and four emotions, their modules, the models and `plan.yaml` into the folder. An
utterance is noise whose loudness and colour follow its emotion and speaker, 1 to 12 s long, 4 s in the mean: what is
timed depends on how much there is, not on what is said.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import torch
import yaml
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)

HOURS = (0.3, 0.6, 1.0, 1.6, 2.5, 3.5, 4.5, 6.0)
EMOTIONS = ("angry", "glad", "sad", "calm")
SPEAKERS = 10
RATE = 16_000
MODULE = '''"""Synthetic speech."""

from emobox_datasets.corpus import Corpus, SpeakerFolds, from_names

CORPUS = Corpus(
    name="{name}",
    display_name="{name}",
    languages=("en",),
    source="acted",
    licence="unknown",
    homepage="https://example.org",
    citation="",
    labels={{"angry": "Angry", "glad": "Happy", "sad": "Sad", "calm": "Neutral"}},
    utterances={utterances},
    hours={hours},
    speakers={speakers},
    read=from_names(r"(?P<speaker>s\\d)_(?P<raw_label>[a-z]+)_\\d+\\.flac"),
    folds=SpeakerFolds({folds}),
    example="s0_angry_1.flac",
)
'''


def wav2vec2_base(folder: Path) -> None:
    Wav2Vec2Model(Wav2Vec2Config()).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)


def wavlm_large(folder: Path) -> None:
    """Sizes of microsoft/wavlm-large."""
    WavLMModel(
        WavLMConfig(
            hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096,
            feat_extract_norm="layer", do_stable_layer_norm=True,
        )
    ).save_pretrained(folder)  # fmt: skip
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(folder)


def whisper_large_v3(folder: Path) -> None:
    """Sizes of the encoder of openai/whisper-large-v3; no decoder."""
    config = WhisperConfig(
        d_model=1280, encoder_layers=32, encoder_attention_heads=20, encoder_ffn_dim=5120, num_mel_bins=128,
        decoder_layers=0, vocab_size=8, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=128).save_pretrained(folder)


MODELS = {
    "wav2vec2-base": (wav2vec2_base, ""),
    "wavlm-large": (wavlm_large, ""),
    "whisper-large-v3": (whisper_large_v3, ":trimmed"),
}


def utterance(file: Path, seed: int, emotion: int, speaker: int) -> float:
    """Write noise through a one-pole filter; its seconds."""
    random = np.random.default_rng(seed)
    seconds = float(np.clip(random.lognormal(1.2, 0.6), 1, 12))
    noise = random.standard_normal(int(seconds * RATE)).astype(np.float32)
    coloured = noise.copy()
    coloured[1:] += (0.1 * speaker - 0.45) * noise[:-1]
    soundfile.write(file, 0.02 * (1 + emotion) * coloured, RATE)
    return len(noise) / RATE


def speaker_of_corpus(folder: Path, speaker: int, hours: float) -> tuple[int, float]:
    """Write a speaker's share of a corpus; utterances and seconds."""
    count, seconds = 0, 0.0
    while seconds < hours * 3600 / SPEAKERS:
        emotion = count % len(EMOTIONS)
        name = f"s{speaker}_{EMOTIONS[emotion]}_{count}.flac"
        seconds += utterance(folder / name, speaker * 100_000 + count, emotion, speaker)
        count += 1
    return count, seconds


def main() -> None:
    """Make what is not there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, nargs="+", default=HOURS)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--protocols", nargs="+", default=["paper", "strict"])
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    modules = folder / "corpora"
    modules.mkdir(parents=True, exist_ok=True)
    folds = tuple((f"s{n}", f"s{n + 1}") for n in range(0, SPEAKERS, 2))
    places = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for hours in arguments.hours:
            name = f"synthetic_{hours:g}_h".replace(".", "_")
            audio = folder / "audio" / name
            audio.mkdir(parents=True, exist_ok=True)
            parts = list(pool.map(speaker_of_corpus, [audio] * SPEAKERS, range(SPEAKERS), [hours] * SPEAKERS))
            utterances, seconds = sum(part[0] for part in parts), sum(part[1] for part in parts)
            text = MODULE.format(
                name=name,
                utterances=utterances,
                hours=round(seconds / 3600, 3),
                speakers=SPEAKERS,
                folds=folds,
            )
            (modules / f"{name}.py").write_text(text)
            places.append({"name": name, "path": str(audio)})
    models = []
    for name in arguments.models:
        make, variant = MODELS[name]
        if not (folder / name).is_dir():
            torch.manual_seed(0)
            make(folder / name)
        models.append({"name": f"{folder / name}{variant}", "dtype": "bfloat16"})
    plan = {"models": models, "corpora": places, "protocols": arguments.protocols}
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))


if __name__ == "__main__":
    main()
