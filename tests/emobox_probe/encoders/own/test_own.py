"""Encoders of one's own: three doors, one contract, and what is said of those that break it."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import run_command
from torch import nn

from emobox_probe import extract, probe, read_run
from emobox_probe.encoders.encoder import encoded
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.load import load_encoder
from emobox_probe.encoders.names import model_name
from emobox_probe.encoders.own.trial import noise
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import PROTOCOLS, STRICT
from emobox_probe.use.usable import check_encoder

CPU = torch.device("cpu")
HOP = 320


class Convolutions(nn.Module):
    """Frames `(B, T, 8)` at 50 a second, and the hidden states of two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 8, 400, HOP)
        self.second = nn.Conv1d(8, 8, 3, padding=1)
        for number, parameter in enumerate(self.parameters()):
            nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(number))

    def forward(self, waveforms: torch.Tensor) -> Any:
        first = self.first(waveforms[:, None]).relu()
        second = self.second(first)
        return second.transpose(1, 2), [first.transpose(1, 2), second.transpose(1, 2)]


class Spectra:
    """An object with `encode`, without weights: 10 magnitudes of every 20 ms."""

    frame_rate = 50

    def encode(self, waveforms: list[np.ndarray]) -> list[np.ndarray]:
        return [spectra(waveform) for waveform in waveforms]


def spectra(waveform: np.ndarray) -> np.ndarray:
    whole = waveform[: len(waveform) // HOP * HOP].reshape(-1, HOP)
    return np.abs(np.fft.rfft(whole))[:, :10].astype(np.float32)


MINE = """
import torch
from beside import WIDTH

def load():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Unflatten(1, (1, -1)), torch.nn.Conv1d(1, WIDTH, 400, 320), Turn())

class Turn(torch.nn.Module):
    def forward(self, x):
        return x.transpose(1, 2)
"""
HEAR_MODULE = """
import torch

class Model(torch.nn.Module):
    sample_rate = 8000
    timestamp_embedding_size = 6

    def __init__(self, path):
        super().__init__()
        self.weights = torch.nn.Linear(200, 6)
        with torch.no_grad():
            self.weights.weight.fill_(float(open(path).read()) if path else 0.5)

def load_model(model_file_path=""):
    torch.manual_seed(0)
    return Model(model_file_path)

def get_timestamp_embeddings(audio, model):
    frames = model.weights(audio.unfold(1, 200, 200))
    return frames, torch.arange(frames.shape[1]).repeat(len(audio), 1) * 25.0

def get_scene_embeddings(audio, model):
    return get_timestamp_embeddings(audio, model)[0].mean(1)
"""


def test_a_module_gives_what_it_gives_by_itself() -> None:
    model = Convolutions()
    waveforms = [noise(seconds, seed) for seed, seconds in enumerate((1.0, 2.0, 1.0))]
    encoder = load_encoder(model, CPU, layers="all")
    for waveform, features in zip(waveforms, encoded(encoder, waveforms, 16_000), strict=True):
        frames, layers = model(torch.from_numpy(waveform)[None])
        assert torch.allclose(features.frames, frames[0], atol=1e-5)
        assert features.means is not None
        means = torch.stack([layer[0].mean(0) for layer in layers])
        assert torch.allclose(features.means, means, atol=1e-5)
    assert encoder.facts.way == "equal"  # type: ignore[comparison-overlap]
    assert (encoder.facts.dimension, encoder.facts.frame_rate) == (8, 50.0)
    assert all(parameter.requires_grad for parameter in model.parameters()), "the user may go on training it"


def test_an_object_with_encode_takes_different_lengths_together() -> None:
    waveforms = [noise(seconds, seed) for seed, seconds in enumerate((1.0, 2.5, 0.7))]
    encoder = load_encoder(Spectra(), CPU)
    assert encoder.facts.way == "masked"
    for waveform, frames in zip(waveforms, encoder.encode(waveforms), strict=True):
        assert np.array_equal(frames.numpy(), spectra(waveform))


def test_a_function_is_an_encoder_too() -> None:
    encoder = load_encoder(lambda waveforms: waveforms.unfold(1, HOP, HOP)[..., :5], CPU)
    (frames,) = encoder.encode([noise(1.0)])
    assert frames.shape == (50, 5)


def test_two_seconds_are_measured_when_it_is_tried_and_not_again() -> None:
    """The trial asks for two seconds twice, whether they come out equal, and in the batch."""
    asked: list[int] = []

    def listening(waveforms: torch.Tensor) -> torch.Tensor:
        asked.append(waveforms.shape[1])
        return waveforms.unfold(1, HOP, HOP)[..., :5]

    load_encoder(listening, CPU)
    assert asked.count(2 * 16_000) == 2
    assert asked.count(6 * 16_000) == 1


def test_a_frame_an_utterance() -> None:
    encoder = load_encoder(lambda waveforms: waveforms.std(1)[:, None, None].expand(-1, 1, 3), CPU)
    assert (encoder.facts.frame_rate, len(encoder.encode([noise(4.0)])[0])) == (0.0, 1)


def test_what_features_are_known_by() -> None:
    """Weights or, without any, what comes out; and the code: not where it lies."""
    model, other = Convolutions(), Convolutions()
    same = load_encoder(model, CPU).facts
    assert load_encoder(other, CPU).facts.identity == same.identity
    assert same.own is not None
    assert same.own.output_sha256 is None
    assert same.own.code_sha256
    nn.init.zeros_(other.second.bias)
    assert load_encoder(other, CPU).facts.weights_sha256 != same.weights_sha256
    nothing = load_encoder(Spectra(), CPU).facts
    assert nothing.weights_sha256 is None
    assert nothing.own is not None
    assert nothing.own.output_sha256
    doubled = load_encoder(lambda waveforms: 2 * waveforms.unfold(1, HOP, HOP)[..., :5] ** 2, CPU).facts.own
    plain = load_encoder(lambda waveforms: waveforms.unfold(1, HOP, HOP)[..., :5], CPU).facts.own
    assert doubled
    assert plain
    assert doubled.output_sha256 != plain.output_sha256


TWO = """
import torch

def pitch():
    return lambda waveforms: torch.zeros(len(waveforms), waveforms.shape[1] // 320, 4)

def length():
    return lambda waveforms: torch.zeros(len(waveforms), waveforms.shape[1] // 320, 4)
"""


def test_functions_of_one_file_are_told_apart(tmp_path: Path) -> None:
    """Even where nothing that they are tried with tells them apart; where the file lies does not count."""
    (tmp_path / "two.py").write_text(TWO)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "two.py").write_text(TWO)
    pitch, length, moved = (
        load_encoder(f"python:{tmp_path}/{name}", CPU).facts
        for name in ("two.py:pitch", "two.py:length", "elsewhere/two.py:pitch")
    )
    assert pitch.own is not None
    assert length.own is not None
    assert pitch.own.output_sha256 == length.own.output_sha256
    assert pitch.identity != length.identity
    assert pitch.identity == moved.identity


def of_waveforms(frame: Any) -> Any:
    return lambda waveforms: frame(waveforms.unfold(1, HOP, HOP))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda w: w[..., :4], lambda w: w[..., :4] * 1e6),
        (lambda w: torch.full_like(w[..., :4], 5), lambda w: torch.full_like(w[..., :4], 7)),
        # Of noise, which has no rests, both are zero.
        (lambda w: 0 * w[..., :1], lambda w: (w.abs().amax(-1, keepdim=True) == 0).float()),
    ],
)
def test_what_comes_out_tells_scale_and_more_than_noise_does(one: Any, other: Any) -> None:
    hashes = [load_encoder(of_waveforms(frame), CPU).facts.own for frame in (one, other, one)]
    first, second, again = (own and own.output_sha256 for own in hashes)
    assert first
    assert first == again
    assert first != second


class Scaled(Convolutions):
    """Its weights are those of every other, what it makes of them is not."""

    def __init__(self, scale: float):
        super().__init__()
        self.scale = scale

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        frames: torch.Tensor = super().forward(waveforms)[0]
        return self.scale * frames


def test_what_a_module_holds_beside_its_weights_counts() -> None:
    one, same, other = (load_encoder(Scaled(scale), CPU).facts for scale in (1.0, 1.0, 2.0))
    assert one.weights_sha256 == other.weights_sha256
    assert one.identity == same.identity
    assert one.identity != other.identity


def test_features_of_one_function_are_not_those_of_another(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(TWO)
    stores = [
        extract(f"python:{tmp_path}/two.py:{name}", "demo", features_dir=tmp_path / "features")
        for name in ("pitch", "length")
    ]
    assert stores[0].folder != stores[1].folder


def test_records_of_older_versions_keep_their_identity() -> None:
    """They have no hash of settings, and no new run takes their features."""
    record = Path(__file__).parents[4] / "benchmarks/results/records/python--byol_s--load/urdu/paper"
    older = read_run(record).encoder
    assert older.own is not None
    assert older.own.settings_sha256 is None
    assert older.identity["own"]["function"] == "load"


def test_weights_that_an_object_holds_are_hashed() -> None:
    class Holder:
        def __init__(self) -> None:
            self.model = Convolutions().eval()

        def encode(self, waveforms: list[np.ndarray]) -> list[torch.Tensor]:
            return [self.model(torch.from_numpy(waveform)[None])[0][0] for waveform in waveforms]

    assert load_encoder(Holder(), CPU).facts.weights_sha256


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "beside.py").write_text("WIDTH = 7")
    (tmp_path / "heard.py").write_text(HEAR_MODULE)
    (tmp_path / "weights.txt").write_text("0.25")
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "beside", "heard"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.mark.parametrize("name", ["python:./mine.py:load", "python:mine:load"])
def test_a_python_name(folder: Path, name: str) -> None:
    facts = load_encoder(name, CPU).facts
    assert (facts.name, facts.dimension, facts.architecture) == (model_name(name), 7, "Sequential")
    assert facts.own is not None
    assert facts.own.import_path == model_name(name)


def test_the_api_of_hear(folder: Path) -> None:
    encoder = load_encoder("hear:heard", CPU)
    assert (encoder.facts.frame_rate, encoder.facts.dimension) == (40.0, 6)
    assert encoder.facts.layer == "timestamp embeddings"
    weighted = load_encoder("hear:heard@weights.txt", CPU)
    assert weighted.facts.weights_sha256 != encoder.facts.weights_sha256


def test_the_scene_where_there_are_no_timestamps(folder: Path) -> None:
    text = HEAR_MODULE.replace("get_timestamp_embeddings", "_frames")
    (folder / "heard.py").write_text(text)
    encoder = load_encoder("hear:heard", CPU)
    assert (encoder.facts.layer, encoder.facts.frame_rate) == ("scene embeddings", 0.0)


@pytest.mark.parametrize("text", ["import sys; sys.exit(0)", "def load():\n    raise SystemExit(0)"])
def test_code_that_ends_the_process_does_not_end_the_command(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ends.py").write_text(text)
    assert run_command("probe", "--model", f"python:{tmp_path}/ends.py:load", "--corpus", "demo") == 1
    assert "SystemExit: 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("python:mine", "Expected python:<module>:<function>"),
        ("python:nowhere.at_all:load", "Expected to import nowhere.at_all"),
        ("python:./none.py:load", "Expected a Python file at ./none.py"),
        ("python:mine:lood", "Expected lood in mine"),
        ("python:beside:WIDTH", "torch.nn.Module, a function"),
        ("hear:beside", "Expected load_model and"),
        ("hear:heard@missing.pt", "Expected weights at missing.pt"),
    ],
)
def test_a_name_that_leads_nowhere(folder: Path, name: str, message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        load_encoder(name, CPU)


class Once:
    """Frames that change from call to call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, waveforms: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return waveforms.unfold(1, HOP, HOP)[..., :4] * self.calls


class FalseRate(Spectra):
    frame_rate = 25


class RateThatIsNone(Spectra):
    def __init__(self, rate: Any):
        self.frame_rate = rate


def widening(waveforms: torch.Tensor) -> torch.Tensor:
    return waveforms.unfold(1, HOP, HOP)[..., : 4 if waveforms.shape[1] < 40_000 else 5]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (lambda w: w.unfold(1, HOP, HOP)[..., :4] * float("nan"), "Expected finite frames"),
        (lambda w: w, r"\(batch, time, dimension\).*got shape \(1, 32000\)"),
        (lambda w: None, "got NoneType"),
        (lambda w: w.unfold(1, HOP, HOP).long(), "floating-point frames"),
        (lambda w: torch.zeros(len(w), 10, 3, device="meta"), "on meta"),
        (lambda w: torch.ones(len(w), 10, 3), "more frames for longer audio"),
        (widening, "one dimension"),
        (Once(), "two calls differ"),
        (FalseRate(), "25 frames a second .* but got 50"),
        (RateThatIsNone(float("nan")), "a number, but got nan"),
        (RateThatIsNone("50"), "a number, but got '50'"),
        (lambda w: 1 / 0, "raised ZeroDivisionError: division by zero"),
        (lambda w: w.unfold(1, HOP, HOP)[..., :0], "floating-point frames"),
        (lambda w: sys.exit(0), "raised SystemExit: 0"),
        (3, "to be a torch.nn.Module"),
    ],
)
def test_what_is_no_encoder(own: Any, message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        load_encoder(own, CPU)


def test_what_goes_wrong_names_the_page_about_it() -> None:
    with pytest.raises(ProbeError, match=r"\(docs: An encoder of your own\)"):
        load_encoder(lambda waveforms: None, CPU)


def test_heads_say_how_an_encoder_of_ones_own_has_changed(tmp_path: Path) -> None:
    def facts(name: str, text: str) -> EncoderFacts:
        (tmp_path / "two.py").write_text(text)
        return load_encoder(f"python:{tmp_path}/two.py:{name}", CPU).facts

    before = facts("pitch", TWO)
    check_encoder(before, facts("pitch", TWO), "it")
    with pytest.raises(ProbeError, match=r"is another function .pitch was used"):
        check_encoder(before, facts("length", TWO), "it")
    with pytest.raises(ProbeError, match="the code of it has changed since"):
        check_encoder(before, facts("pitch", f"{TWO}\n# edited"), "it")
    assert before.own is not None
    other = before.model_copy(update={"own": before.own.model_copy(update={"settings_sha256": "0" * 64})})
    with pytest.raises(ProbeError, match="holds other settings"):
        check_encoder(before, other, "it")
    # Of what older versions did not record, nothing is held against them.
    older = before.own.model_copy(update={"settings_sha256": None, "output_sha256": "0" * 64})
    check_encoder(before.model_copy(update={"own": older}), before, "it")


def test_frames_that_depend_on_the_batch_are_made_one_at_a_time() -> None:
    def leaky(waveforms: torch.Tensor) -> torch.Tensor:
        return waveforms.unfold(1, HOP, HOP)[..., :4] - waveforms.mean()

    with pytest.warns(UserWarning, match="one utterance at a time: what else is in a batch changes"):
        encoder = load_encoder(leaky, CPU)
    assert encoder.facts.way == "alone"


def test_one_that_takes_one_utterance_only() -> None:
    def single(waveforms: torch.Tensor) -> torch.Tensor:
        assert len(waveforms) == 1
        return waveforms.unfold(1, HOP, HOP)[..., :4]

    with pytest.warns(UserWarning, match="it takes one only"):
        assert load_encoder(single, CPU).facts.way == "alone"


@pytest.mark.parametrize("fault", ["raises", "exits", "lengthens", "NaN"])
def test_one_bad_utterance_is_named(tmp_path: Path, fault: str) -> None:
    """And nothing of its shard is stored."""

    class Picky(Spectra):
        def encode(self, waveforms: list[np.ndarray]) -> list[np.ndarray]:
            return [self.one(waveform) for waveform in waveforms]

        def one(self, waveform: np.ndarray) -> np.ndarray:
            frames = spectra(waveform)
            # The trial before the run is in whole steps of 10 ms; the longer of the demo's utterances are not.
            bad = len(waveform) > 16_000 and len(waveform) % 160
            if bad and fault == "raises":
                raise KeyError("no such phone")
            if bad and fault == "exits":
                sys.exit(0)
            if bad and fault == "lengthens":
                return np.concatenate([frames, frames])
            return frames * (np.nan if bad else 1)

    with pytest.raises(ProbeError, match=r"^Utterance \S+: Expected .*frames.*Picky"):
        extract(Picky(), "demo", features_dir=tmp_path)


def test_a_probe_of_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`strict` takes every layer where there are layers, else the last; a finished run is not made again."""
    monkeypatch.setitem(PROTOCOLS, "strict", replace(STRICT, epochs=2, warm_up_epochs=1, seeds=(0,)))
    places = {"output_dir": tmp_path / "runs", "features_dir": tmp_path / "features", "protocol": "strict"}
    record = probe(Convolutions(), "demo", **places)
    assert record.encoder.layers == "all"
    assert {layer.layer for layer in record.layers} == {"0", "1"}
    assert probe(Convolutions(), "demo", **places).provenance.created == record.provenance.created
    assert probe(Spectra(), "demo", **places).encoder.layers == "last"
