"""Loading encoders, and what they make of audio that is short, long, silent or broken."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hub_server import HubServer
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, BertConfig, BertModel, Wav2Vec2FeatureExtractor, WhisperFeatureExtractor
from zoo import ZOO, encoder_of, make_checkpoint, utterances, whole_config

from emobox_probe.encoders import weights as loading
from emobox_probe.encoders.encoder import encoded
from emobox_probe.encoders.families import FAMILIES
from emobox_probe.encoders.inputs import Raw, log_mel
from emobox_probe.encoders.load import load_encoder
from emobox_probe.errors import ProbeError
from emobox_probe.use.ready_made import load_ready_made

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint("wav2vec2 (base)", tmp_path_factory.mktemp("wav2vec2"))


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint("whisper", tmp_path_factory.mktemp("whisper"))


# ── loading ──


def test_facts_trace_the_features(wav2vec2: Path) -> None:
    facts = load_encoder(str(wav2vec2), CPU).facts
    assert (facts.architecture, facts.dimension, facts.frame_rate) == ("wav2vec2", 32, 50.0)
    assert (facts.way, facts.shortest_samples, facts.layers, facts.dtype) == (
        "masked",
        400,
        "last",
        "float32",
    )
    assert len(facts.weights_sha256 or "") == len(facts.preprocessor_sha256 or "") == 64


def test_identity_is_the_model_and_not_its_name(wav2vec2: Path, whisper: Path, tmp_path: Path) -> None:
    identity = load_encoder(str(wav2vec2), CPU).facts.identity
    copy = shutil.copytree(wav2vec2, tmp_path / "copy")
    assert load_encoder(str(copy), CPU).facts.identity == identity
    assert load_encoder(str(wav2vec2), CPU, dtype="bfloat16").facts.identity != identity
    assert load_encoder(str(wav2vec2), CPU, layers="all").facts.identity != identity
    windowed, trimmed = (load_encoder(f"{whisper}{suffix}", CPU).facts for suffix in ("", ":trimmed"))
    assert windowed.identity != trimmed.identity
    assert windowed.weights_sha256 == trimmed.weights_sha256


def test_weights_hash_is_that_of_the_checkpoint_in_every_data_type(wav2vec2: Path) -> None:
    hashes = {
        load_encoder(str(wav2vec2), CPU, dtype=dtype).facts.weights_sha256
        for dtype in ("float32", "bfloat16")
    }
    assert len(hashes) == 1


def test_of_a_larger_model_only_the_encoder_is_loaded(whisper: Path) -> None:
    encoder = load_encoder(str(whisper), CPU)
    stored = load_file(whisper / "model.safetensors")
    own = {name: value for name, value in stored.items() if name.startswith("model.encoder.")}
    assert (
        encoder.facts.parameters
        == sum(value.numel() for value in own.values())
        < sum(value.numel() for value in stored.values())
    )


def test_the_zoo_has_every_family() -> None:
    """By what the table says of them: a species stands for all kinds that share its family or its part."""
    shown = [FAMILIES[kind].prepare for kind in kinds_in_the_zoo()]
    ways = [(FAMILIES[kind].run, FAMILIES[kind].way) for kind in kinds_in_the_zoo()]
    for kind, family in FAMILIES.items():
        assert family.prepare in shown, kind
        assert (family.run, family.way) in ways, kind


def kinds_in_the_zoo() -> set[str]:
    return {whole_config(species).model_type for species in ZOO.values()}


def test_missing_weights_are_an_error(wav2vec2: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(wav2vec2, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    lost = next(name for name in weights if "encoder.layers.1" in name)
    save_file({k: v for k, v in weights.items() if k != lost}, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(ProbeError, match=r"1 are missing, such as .*encoder\.layers\.1"):
        load_encoder(str(broken), CPU)


@pytest.fixture
def parted(wav2vec2: Path, tmp_path: Path) -> Path:
    """A model whose weights are in two files, and beside it what no model may lead to."""
    weights = load_file(wav2vec2 / "model.safetensors")
    folder = shutil.copytree(wav2vec2, tmp_path / "parted")
    (folder / "model.safetensors").unlink()
    half = len(weights) // 2
    parts = {
        "a.safetensors": dict(list(weights.items())[:half]),
        "b.safetensors": dict(list(weights.items())[half:]),
    }
    for file, part in parts.items():
        save_file(part, folder / file, {"format": "pt"})
    save_file(parts["b.safetensors"], tmp_path / "outside.safetensors", {"format": "pt"})
    torch.save(parts["b.safetensors"], folder / "b.bin")
    weight_map = {name: file for file, part in parts.items() for name in part}
    write_index(folder, {"metadata": {}, "weight_map": weight_map})
    return folder


def write_index(folder: Path, content: Any) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))


def read_index(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "model.safetensors.index.json").read_text())


def test_weights_in_parts_are_the_same_model(parted: Path, wav2vec2: Path) -> None:
    whole = load_encoder(str(wav2vec2), CPU).facts.weights_sha256
    assert load_encoder(str(parted), CPU).facts.weights_sha256 == whole
    snapshot = parted.parent / "snapshot"  # of the Hub's cache, where files are links
    snapshot.mkdir()
    for file in parted.iterdir():
        (snapshot / file.name).symlink_to(file)
    assert load_encoder(str(snapshot), CPU).facts.weights_sha256 == whole


@pytest.mark.parametrize(
    "file",
    [
        *("b.bin", "missing.safetensors", "../outside.safetensors", "sub/../../outside.safetensors", "."),
        *(
            "/outside.safetensors",
            "c:b.safetensors",
            "..\\outside.safetensors",
            "b.safetensors/",
            "",
            None,
            3,
        ),
    ],
)
def test_an_index_leads_to_safetensors_beside_it_only(parted: Path, file: Any) -> None:
    told = read_index(parted)
    last = max(told["weight_map"])
    file = f"{parted.parent}{file}" if file == "/outside.safetensors" else file
    write_index(parted, {**told, "weight_map": {**told["weight_map"], last: file}})
    with pytest.raises(
        ProbeError, match=r"or pytorch_model\.bin, but got: model\.safetensors\.index\.json, which"
    ) as error:
        load_encoder(str(parted), CPU)
    assert repr(file) in str(error.value)


@pytest.mark.parametrize("content", [[], {}, {"metadata": {}}, {"weight_map": {}}, {"weight_map": 3}, None])
def test_an_index_that_is_none_is_refused(parted: Path, content: Any) -> None:
    write_index(parted, content)
    with pytest.raises(ProbeError, match=r"index\.json, which is no index of weights"):
        load_encoder(str(parted), CPU)


def test_what_stands_beside_whole_weights_does_not_count(parted: Path, wav2vec2: Path) -> None:
    write_index(parted, {"metadata": {}, "weight_map": {"a": "../outside.safetensors"}})
    shutil.copy(wav2vec2 / "model.safetensors", parted)
    assert load_encoder(str(parted), CPU).facts.weights_sha256


@pytest.mark.parametrize(
    "named", ["../outside.safetensors", "b.bin", "adapter_model.bin", "../parted/other.index.json", 3]
)
def test_a_configuration_leads_to_safetensors_beside_it_only(parted: Path, named: Any) -> None:
    config = json.loads((parted / "config.json").read_text())
    torch.save({}, parted / "adapter_model.bin")
    (parted / "config.json").write_text(json.dumps({**config, "transformers_weights": named}))
    with pytest.raises(ProbeError, match=r"as safetensors or pytorch_model\.bin, but got"):
        load_encoder(str(parted), CPU)


def test_an_index_that_the_configuration_names_is_held_to_the_same(parted: Path, wav2vec2: Path) -> None:
    config, told = json.loads((parted / "config.json").read_text()), read_index(parted)
    named = "mine.safetensors.index.json"
    (parted / "config.json").write_text(json.dumps({**config, "transformers_weights": named}))
    (parted / "model.safetensors.index.json").rename(parted / named)
    whole = load_encoder(str(wav2vec2), CPU).facts.weights_sha256
    assert load_encoder(str(parted), CPU).facts.weights_sha256 == whole
    told["weight_map"][max(told["weight_map"])] = "b.bin"
    (parted / named).write_text(json.dumps(told))
    with pytest.raises(ProbeError, match=f"{named}, which names 'b.bin'"):
        load_encoder(str(parted), CPU)


def test_text_models_are_refused(tmp_path: Path) -> None:
    BertModel(
        BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=9)
    ).save_pretrained(tmp_path)
    with pytest.raises(ProbeError, match="a bert model whose input is input_ids"):
        load_encoder(str(tmp_path), CPU)


def test_a_near_name_is_suggested(wav2vec2: Path) -> None:
    with pytest.raises(ProbeError, match=f"Did you mean {wav2vec2}"):
        load_encoder(f"{wav2vec2}x", CPU)


@pytest.mark.parametrize(
    "name", ["/nowhere", "./nowhere", "~/nowhere", "../nowhere/at/all", "/nowhere:trimmed"]
)
def test_a_path_that_leads_nowhere_is_no_name_of_the_hub(name: str) -> None:
    folder = name.removesuffix(":trimmed")
    with pytest.raises(ProbeError, match=f"there is no such folder as {folder};"):
        load_encoder(name, CPU)
    with pytest.raises(ProbeError, match=f"there is no such folder as {folder};"):
        load_ready_made(folder, ["Happy"], CPU)


def test_gated_models_say_what_to_do(hub: HubServer) -> None:
    hub.create("model", "lab/gated").gated = True
    with pytest.raises(ProbeError, match="hf auth login"):
        load_encoder("lab/gated", CPU)


def test_no_network_says_how_to_go_on() -> None:
    with pytest.raises(ProbeError, match="HF_HUB_OFFLINE=1"):
        load_encoder("some/model-that-is-not-here", CPU)


def test_trimmed_is_for_whisper(wav2vec2: Path) -> None:
    with pytest.raises(ProbeError, match="leave out :trimmed"):
        load_encoder(f"{wav2vec2}:trimmed", CPU)


def test_unknown_architecture_runs_alone_with_a_warning(
    wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = load_encoder(str(wav2vec2), CPU)
    monkeypatch.delitem(FAMILIES, "wav2vec2")
    with pytest.warns(UserWarning, match="one utterance at a time"):
        encoder = load_encoder(str(wav2vec2), CPU)
    assert encoder.facts.way == "alone"
    waveforms = utterances(0.5, 0.8)
    for found, expected in zip(encoder.encode(waveforms), known.encode(waveforms), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_remote_code_needs_the_flag(wav2vec2: Path, tmp_path: Path) -> None:
    remote = shutil.copytree(wav2vec2, tmp_path / "remote")
    config = AutoConfig.from_pretrained(remote).to_dict() | {
        "model_type": "not-in-the-library",
        "auto_map": {"AutoConfig": "configuration_mine.Mine"},
    }
    (remote / "config.json").write_text(json.dumps(config))
    (remote / "configuration_mine.py").write_text("raise SystemExit('was run')\n")
    with pytest.raises(ProbeError, match=r"cannot be loaded|Expected a Hub model"):
        load_encoder(str(remote), CPU)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            {"dtype": "bfloat16"},
            "no --dtype bfloat16 with builtin:logmel, which is computed in float32; leave it out",
        ),
        ({"dtype": "float16"}, "no --dtype float16"),
        ({"revision": "v1"}, "no --revision with builtin:logmel, which is not from the Hub"),
        ({"layers": "all"}, "leave out --layers all"),
    ],
)
def test_a_setting_that_an_encoder_cannot_honour_is_refused(setting: dict[str, str], said: str) -> None:
    """Its record would say float32, and a run that was asked for bfloat16 be the same as one that was not."""
    with pytest.raises(ProbeError, match=said):
        load_encoder("builtin:logmel", CPU, **setting)


def test_a_folder_and_an_own_encoder_have_no_revisions(wav2vec2: Path) -> None:
    with pytest.raises(ProbeError, match="no --revision with the folder"):
        load_encoder(str(wav2vec2), CPU, revision="v1")
    for own in ("python:math:sqrt", lambda waveforms: waveforms):
        with pytest.raises(ProbeError, match="no --revision with"):
            load_encoder(own, CPU, revision="v1")


def test_builtin_names() -> None:
    assert load_encoder("builtin:logmel", CPU).facts.dimension == 80
    with pytest.raises(ProbeError, match="Did you mean builtin:logmel"):
        load_encoder("builtin:logmell", CPU)
    with pytest.raises(ProbeError, match="--layers all"):
        load_encoder("builtin:logmel", CPU, layers="all")


def test_egemaps_are_25_descriptors() -> None:
    pytest.importorskip("opensmile", reason="opensmile is not installed: pip install -e '.[egemaps]'")
    encoder = load_encoder("builtin:egemaps", CPU)
    long, short = encoder.encode(utterances(2.0, 0.007))
    assert long.shape == (196, 25)
    assert 1 <= len(short) <= 2
    assert torch.isfinite(short).all()


# ── inputs ──


def test_waveforms_are_normalised_as_the_library_does() -> None:
    extractor = Wav2Vec2FeatureExtractor(do_normalize=True)
    (waveform,) = utterances(1.3)
    loaded = loading.Loaded(None, None, extractor)
    expected = extractor(waveform, sampling_rate=16_000, return_tensors="pt").input_values[0]
    torch.testing.assert_close(
        Raw()(loaded, waveform)[0].inputs["input_values"], expected, atol=1e-6, rtol=1e-6
    )


@pytest.mark.parametrize("bands", [80, 128])
def test_log_mel_is_that_of_the_library(bands: int) -> None:
    extractor = WhisperFeatureExtractor(feature_size=bands)
    waveforms = utterances(0.6, 3.0, 29.99, 30.0)
    expected = extractor(waveforms, sampling_rate=16_000, return_tensors="pt").input_features
    padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(w) for w in waveforms], batch_first=True)
    for row, samples in enumerate(waveforms):
        alone = log_mel(torch.from_numpy(samples)[None], extractor, 3000)[0]
        torch.testing.assert_close(alone, expected[row], atol=1e-5, rtol=0)
    torch.testing.assert_close(log_mel(padded, extractor, 3000), expected, atol=1e-5, rtol=0)


# ── short, long, silent, broken ──


@pytest.mark.parametrize(
    "name", ["wav2vec2 (base)", "whisper", "moonshine", "parakeet", "sew", "encodec", "clap"]
)
def test_seven_milliseconds_give_one_frame_as_if_followed_by_silence(name: str, tmp_path: Path) -> None:
    encoder = encoder_of(name, tmp_path)
    (clip,) = utterances(0.007)
    (frames,) = encoder.encode([clip])
    assert len(frames) >= 1
    padded = np.pad(clip, (0, max(encoder.facts.shortest_samples - len(clip), 0)))
    torch.testing.assert_close(frames, encoder.encode([padded])[0])


def test_whisper_takes_long_audio_in_consecutive_windows(whisper: Path) -> None:
    encoder = load_encoder(str(whisper), CPU)
    (waveform,) = utterances(75.2)
    (frames,) = encoder.encode([waveform])
    parts = encoder.encode([waveform[start : start + 480_000] for start in range(0, len(waveform), 480_000)])
    assert [len(part) for part in parts] == [1500, 1500, 760]
    torch.testing.assert_close(frames, torch.cat(parts))


@pytest.mark.parametrize("name", ["whisper", "wav2vec2 (large)"])
def test_ten_minutes(name: str, tmp_path: Path) -> None:
    encoder = encoder_of(name, tmp_path)
    (frames,) = encoder.encode(utterances(600))
    assert len(frames) == {"whisper": 30_000, "wav2vec2 (large)": 29_999}[name]
    assert torch.isfinite(frames).all()


@pytest.mark.parametrize("name", ["wav2vec2 (base)", "whisper", "parakeet", "wav2vec2-bert"])
def test_silence_has_features(name: str, tmp_path: Path) -> None:
    (frames,) = encoder_of(name, tmp_path).encode([np.zeros(16_000, dtype=np.float32)])
    assert torch.isfinite(frames).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["builtin:logmel", "wav2vec2"])
def test_samples_that_are_no_numbers_are_an_error(name: str, value: float, wav2vec2: Path) -> None:
    encoder = load_encoder(name if name.startswith("builtin") else str(wav2vec2), CPU)
    waveform = utterances(1.0)[0]
    waveform[77] = value
    with pytest.raises(ProbeError, match="NaN or infinity"):
        encoder.encode([waveform])


# ── layers, data types, memory ──


def test_means_of_all_layers_come_with_the_frames(wav2vec2: Path) -> None:
    encoder = load_encoder(str(wav2vec2), CPU, layers="all")
    waveforms = utterances(0.5, 1.7, 0.9)
    together = encoded(encoder, waveforms, 16_000)
    for waveform, features in zip(waveforms, together, strict=True):
        assert features.means is not None
        assert features.means.shape == (3, 32)  # two layers, and what goes into the first
        torch.testing.assert_close(features.means[-1], features.frames.mean(0), atol=1e-5, rtol=1e-4)
        (alone,) = encoded(encoder, [waveform], 16_000)
        torch.testing.assert_close(features.means, alone.means, atol=1e-4, rtol=0)


def test_means_of_windows_weigh_as_their_frames(whisper: Path) -> None:
    encoder = load_encoder(str(whisper), CPU, layers="all")
    (features,) = encoded(encoder, utterances(40.0), 16_000)
    assert features.means is not None
    torch.testing.assert_close(features.means[-1], features.frames.mean(0), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(("kind", "seconds"), [("wav2vec2", (0.5, 1.7)), ("whisper", (2.0, 40.0))])
def test_deviations_of_all_layers_are_those_of_the_frames(
    kind: str, seconds: tuple[float, ...], request: pytest.FixtureRequest
) -> None:
    """Whisper's 40 s are two windows, whose spread is around the mean of both."""
    encoder = load_encoder(str(request.getfixturevalue(kind)), CPU, layers="statistics")
    for features in encoded(encoder, utterances(*seconds), 16_000):
        assert features.means is not None
        assert features.deviations is not None
        assert features.deviations.shape == features.means.shape
        spread = features.frames.std(0, correction=0)
        torch.testing.assert_close(features.deviations[-1], spread, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", ["dac", "clap", "gemma3n"])
def test_models_without_layers_of_one_width_say_so(name: str, tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="without --layers all"):
        encoder_of(name, tmp_path, layers="all")


def test_half_precision_is_near(wav2vec2: Path) -> None:
    waveforms = utterances(0.5, 1.2)
    exact, half = (
        load_encoder(str(wav2vec2), CPU, dtype=dtype).encode(waveforms) for dtype in ("float32", "bfloat16")
    )
    for expected, found in zip(exact, half, strict=True):
        assert found.dtype == torch.bfloat16
        assert (found.float() - expected).norm() / expected.norm() < 0.05


@pytest.mark.parametrize("name", ["wav2vec2 (base)", "whisper", "whisper:trimmed", "parakeet"])
def test_too_little_memory_halves_batches_and_changes_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, trimmed, _ = name.partition(":trimmed")
    encoder = encoder_of(kind, tmp_path, suffix=trimmed)
    encoder.budget.seconds = encoder.budget.overhead = 1000.0
    waveforms = utterances(0.5, 0.6, 0.7, 0.8, 0.9)
    expected = encoder.encode(waveforms)
    run, sizes = encoder._run_whole, []

    def small(batch: Any, *rest: Any) -> Any:
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError
        return run(batch, *rest)

    monkeypatch.setattr(encoder, "_run_whole", small)
    for found, frames in zip(encoder.encode(waveforms), expected, strict=True):
        torch.testing.assert_close(found, frames, atol=1e-4, rtol=1e-4)
    assert sizes == [5, 2, 3, 1, 2]
    assert encoder.budget.seconds < 1000.0 / 2  # and it does not try as much again


def test_an_utterance_too_large_for_the_device_is_an_error(
    wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load_encoder(str(wav2vec2), CPU)

    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(encoder, "_run_whole", full)
    with pytest.raises(ProbeError, match=r"2 s of audio to fit .*memory is full"):
        encoder.encode(utterances(2.0))
