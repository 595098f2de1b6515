"""Checkpoints of fairseq and FunASR become folders, or are refused for a stated reason and leave nothing behind."""

import argparse
import hashlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import emotion2vec_reference as published
import numpy as np
import pytest
import torch
import yaml
from transformers import AutoConfig, AutoModel, AutoModelForAudioClassification, Wav2Vec2Config, Wav2Vec2Model

import emobox
from emobox_probe.encoders import convert_checkpoint as command
from emobox_probe.encoders.convert_checkpoint import convert_checkpoint
from emobox_probe.encoders.data2vec2.data2vec2_checkpoint import TRAINING_ONLY
from emobox_probe.encoders.data2vec2.data2vec2_settings import _listed
from emobox_probe.errors import ProbeError

CONF = published.settings(tiny=True)
FRONT = "modality_encoders.AUDIO."
State = dict[str, torch.Tensor]


@pytest.fixture
def state() -> State:
    return published.published_state(CONF)


def refused(path: Path, out: Path) -> str:
    """Why the conversion is refused; nothing may be written."""
    with pytest.raises(ProbeError) as error:
        convert_checkpoint(path, out)
    assert not out.exists()
    assert not list(out.parent.glob(f".{out.name}.*"))
    return str(error.value)


# ── what is written and said ──


def test_every_weight_arrives_once(state: State, tmp_path: Path) -> None:
    convert_checkpoint(published.save_fairseq(state, CONF, tmp_path / "a.pt"), tmp_path / "out")
    model = AutoModel.from_pretrained(tmp_path / "out")
    written = [weight.flatten() for weight in model.state_dict().values()]
    read = [weight.flatten() for weight in state.values()]
    assert torch.equal(torch.cat(written).sort()[0], torch.cat(read).sort()[0])
    assert torch.equal(model.blocks[2].attention.qkv.weight, state["blocks.2.attn.qkv.weight"])
    assert torch.equal(model.prenet[1].narrow.bias, state[f"{FRONT}context_encoder.blocks.1.mlp.fc2.bias"])
    assert sorted(os.listdir(tmp_path / "out")) == [
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    ]


def test_the_command_says_what_was_left_out_and_assumed(
    state: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state |= {f"{FRONT}decoder.proj.weight": torch.ones(2, 2), "_ema": {"blocks.0": torch.ones(1)}}
    torch.save({"model": state}, tmp_path / "a.pt")
    with pytest.raises(SystemExit) as status:
        emobox.main(["convert-checkpoint", str(tmp_path / "a.pt"), str(tmp_path / "out")])
    assert status.value.code == 0
    said = capsys.readouterr().out
    for part in ("_ema", f"{FRONT}decoder."):
        assert f"left out: {TRAINING_ONLY[part]}, 1 tensors" in said
    assert "assumed: layer norms with 1e-5" in said
    assert "assumed: strides 5, 2, 2" in said
    assert f"emobox probe --model {tmp_path / 'out'}" in said


def test_as_many_weights_as_emotion2vec_plus_large_has(tmp_path: Path) -> None:
    """185 are in the published file, which has 4 + 8 blocks and 10 extra tokens; here they are narrower."""
    conf = published.settings(tiny=True, depth=8, audio_prenet_depth=4)
    weights = published.published_state(conf, classes=9)
    assert len(weights) == 185
    convert_checkpoint(published.save_funasr(weights, tmp_path / "model.pt"), tmp_path / "out")
    assert len(AutoModelForAudioClassification.from_pretrained(tmp_path / "out").state_dict()) == 185


def test_half_precision_is_written_as_float32(state: State, tmp_path: Path) -> None:
    published.save_funasr({name: weight.half() for name, weight in state.items()}, tmp_path / "a.pt")
    convert_checkpoint(tmp_path / "a.pt", tmp_path / "out")
    model = AutoModel.from_pretrained(tmp_path / "out")
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert torch.equal(model.extra_tokens, state[f"{FRONT}extra_tokens"].half().float())


def test_a_known_file_is_called_by_its_name(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = published.save_funasr(state, tmp_path / "a.pt")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert "not among the files whose sha256 is known" in convert_checkpoint(path, tmp_path / "one")[0]
    monkeypatch.setitem(command.KNOWN, sha256, "the one")
    said = convert_checkpoint(path, tmp_path / "two")
    assert said[:2] == [f"{path}: the one", f"sha256 {sha256}"]
    config = AutoConfig.from_pretrained(tmp_path / "two")
    assert config.converted_from == {"file": "a.pt", "sha256": sha256}


# ── all or nothing ──


@pytest.mark.parametrize("room", [100, 2_000])
def test_a_full_disk_is_a_paragraph(state: State, tmp_path: Path, room: int) -> None:
    """While the first file is written, and while safetensors writes the weights."""
    path = published.save_fairseq(state, CONF, tmp_path / "a.pt")
    limited = f"import emobox, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, -1)); emobox.main()"
    words = ["convert-checkpoint", str(path), str(tmp_path / "out"), "--quiet"]
    ended = subprocess.run([sys.executable, "-c", limited, *words], capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("error: Expected")
    assert "Traceback" not in ended.stderr
    assert os.listdir(tmp_path) == ["a.pt"]


def test_what_a_killed_run_has_left_goes_with_the_next(state: State, tmp_path: Path) -> None:
    path = published.save_fairseq(state, CONF, tmp_path / "a.pt")
    kill = (
        "import emobox, os, sys; from transformers import FeatureExtractionMixin as extractor;"
        "extractor.save_pretrained = lambda *_, **__: os.kill(os.getpid(), 9); emobox.main()"
    )
    words = ["convert-checkpoint", str(path), str(tmp_path / "out")]
    assert subprocess.run([sys.executable, "-c", kill, *words]).returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert len(os.listdir(tmp_path)) == 2
    convert_checkpoint(path, tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["a.pt", "out"]


# ── settings and labels ──


def test_settings_are_read_from_the_checkpoint_or_beside_it(state: State, tmp_path: Path) -> None:
    conf = {**CONF, "norm_eps": "1e-03"}  # as YAML reads it without a point
    convert_checkpoint(published.save_fairseq(state, conf, tmp_path / "a.pt"), tmp_path / "inside")
    path = published.save_funasr(state, tmp_path / "b.pt")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"model": "Emotion2vec", "model_conf": conf}))
    said = "\n".join(convert_checkpoint(path, tmp_path / "beside"))
    assert "assumed" not in said
    for folder in ("inside", "beside"):
        assert AutoConfig.from_pretrained(tmp_path / folder).layer_norm_eps == 1e-3


def omegaconf_of(cfg: dict[str, Any]) -> Any:
    return pytest.importorskip("omegaconf", reason="pip install --no-deps funasr omegaconf").OmegaConf.create(
        cfg
    )


CONTAINERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "namespace": lambda cfg: argparse.Namespace(**cfg),
    "numpy": lambda cfg: {**cfg, "common": {"lr": np.float64(1.0), "seeds": [np.int32(2)]}},
    "omegaconf": omegaconf_of,
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_settings_are_read_from_the_containers_of_training_tools(
    kind: str, state: State, tmp_path: Path
) -> None:
    conf = {**CONF, "norm_eps": 1e-3}
    cfg = CONTAINERS[kind]({"model": conf, "task": {"normalize": True}})
    convert_checkpoint(published.save_fairseq(state, conf, tmp_path / "a.pt", cfg=cfg), tmp_path / "out")
    assert AutoConfig.from_pretrained(tmp_path / "out").layer_norm_eps == 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer_norm_first": True}, "layer_norm_first = False"),
        ({"normalize": False}, "normalize = True"),
        ({"depth": 4}, "depth is 4 in the settings and 3 in the weights"),
        ({"audio_prenet_depth": 3}, "audio.prenet_depth is 3 in the settings and 2"),
        ({"audio_extractor_mode": "default"}, "audio.extractor_mode = layer_norm"),
        ({"audio_feature_encoder_spec": "[(24, 10, 5)] * 7"}, "weights have (channels, kernel)"),
        ({"audio_feature_encoder_spec": "__import__('os').abort()"}, "weights have (channels, kernel)"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    change: dict[str, Any], message: str, state: State, tmp_path: Path
) -> None:
    path = published.save_funasr(state, tmp_path / "a.pt")
    conf = published.settings(tiny=True, **change)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"model_conf": conf}))
    assert message in refused(path, tmp_path / "out")


@pytest.mark.parametrize("text", ["- a list", "model: other", "a: [b"])
def test_a_file_of_another_kind_beside_the_checkpoint_is_an_error(
    text: str, state: State, tmp_path: Path
) -> None:
    path = published.save_funasr(state, tmp_path / "a.pt")
    (tmp_path / "config.yaml").write_text(text)
    assert f"config.yaml beside {path}" in refused(path, tmp_path / "out")


def test_labels_are_read_beside_the_checkpoint(tmp_path: Path) -> None:
    path = published.save_funasr(published.published_state(CONF, classes=4), tmp_path / "a.pt")
    assert "4 classes" in refused(path, tmp_path / "out")  # emotion2vec+ has nine
    (tmp_path / "tokens.txt").write_text("生气/angry\nunuse_0\n难过/sad\n<unk>\n", encoding="utf-8")
    said = convert_checkpoint(path, tmp_path / "out")
    assert "classes: angry, unuse_0, sad, unk" in said
    model = AutoModelForAudioClassification.from_pretrained(tmp_path / "out")
    assert model.config.id2label == {0: "angry", 1: "unuse_0", 2: "sad", 3: "unk"}
    logits = model(torch.randn(2, 4000)).logits
    assert torch.isinf(logits).tolist() == [[False, True, False, False]] * 2


def test_convolutions_are_read_and_not_run() -> None:
    assert _listed("[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]") == [
        (512, 10, 5),
        *[(512, 3, 2)] * 4,
        (512, 2, 2),
        (512, 2, 2),
    ]
    for text in ("[(1, 2)]", "print(1)", "[(1, 2, 3)] * 10**9", "[", "None", "[(1, 2, 3)] * -1"):
        assert _listed(text) is None, text


# ── other checkpoints ──


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    model = Wav2Vec2Model(
        Wav2Vec2Config(
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
            conv_dim=(8,) * 7,
            num_conv_pos_embedding_groups=2,
        )
    )
    torch.save({"model": model.state_dict()}, tmp_path / "a.pt")
    message = refused(tmp_path / "a.pt", tmp_path / "out")
    assert "data2vec 2.0 or emotion2vec" in message
    assert "encoder.layer_norm.bias" in message


@pytest.mark.parametrize("content", [[1, 2], {"model": torch.ones(2)}, {}])
def test_a_file_without_weights_is_refused(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pt")
    assert "Expected a" in refused(tmp_path / "a.pt", tmp_path / "out")


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("blocks.1.mlp.fc1.bias", "1 are missing (blocks.1.widen.bias)"),
        (f"{FRONT}context_encoder.norm.weight", "1 are missing (norm.weight)"),
        (f"{FRONT}relative_positional_encoder.3.0.weight", "1 are missing (positions.2.weight)"),
        (f"{FRONT}alibi_scale", f"{FRONT}alibi_scale is missing"),
        ("blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc1.weight is missing"),
        (f"{FRONT}local_encoder.conv_layers.0.0.weight", "data2vec 2.0 or emotion2vec for speech"),
    ],
)
def test_missing_weights_are_refused(lost: str, message: str, state: State, tmp_path: Path) -> None:
    del state[lost]
    assert message in refused(published.save_funasr(state, tmp_path / "a.pt"), tmp_path / "out")


@pytest.mark.parametrize(
    "left",
    [
        f"{FRONT}alibi_bias",
        "blocks.0.attn.logit_scale",
        "norm.weight",
        "modality_encoders.IMAGE.extra_tokens",
        "blocks.0.norm1.0.weight",
        "blocks.00.norm1.weight",
        f"{FRONT}relative_positional_encoder.0.weight",
    ],
)
def test_left_over_weights_are_refused(left: str, state: State, tmp_path: Path) -> None:
    state[left] = torch.ones(3)
    message = refused(published.save_funasr(state, tmp_path / "a.pt", prefix=""), tmp_path / "out")
    assert f"1 are left over ({left})" in message


def test_a_weight_that_is_there_twice_is_refused(state: State, tmp_path: Path) -> None:
    path = published.save_funasr(published.published_state(CONF, classes=9), tmp_path / "a.pt")
    weights = torch.load(path)["model"]
    torch.save({"model": {**weights, "d2v_model.proj.bias": weights["proj.bias"]}}, path)
    assert "proj.bias is there with and without d2v_model." in refused(path, tmp_path / "out")


def test_what_is_no_tensor_is_left_over(state: State, tmp_path: Path) -> None:
    broken: dict[str, Any] = {**state, "blocks.0.norm1.bias": torch.ones(48, dtype=torch.long)}
    message = refused(published.save_funasr(broken, tmp_path / "a.pt", prefix=""), tmp_path / "out")
    assert "1 are missing (blocks.0.attention_norm.bias) and 1 are left over (blocks.0.norm1.bias)" in message


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("blocks.1.attn.proj.weight", (48, 47)),
        ("blocks.0.mlp.fc1.weight", (192,)),
        (f"{FRONT}alibi_scale", (6,)),
        (f"{FRONT}relative_positional_encoder.1.0.weight", (48, 48)),
    ],
)
def test_weights_of_another_shape_are_refused(
    name: str, shape: tuple[int, ...], state: State, tmp_path: Path
) -> None:
    state[name] = torch.ones(shape)
    message = refused(published.save_funasr(state, tmp_path / "a.pt"), tmp_path / "out")
    assert str(shape) in message
    assert "another architecture" in message


def test_a_folder_that_is_not_empty_is_left_alone(state: State, tmp_path: Path) -> None:
    path, out = published.save_funasr(state, tmp_path / "a.pt"), tmp_path / "out"
    out.mkdir()
    convert_checkpoint(path, out)  # an empty one is as good as none
    before = {file: file.stat().st_mtime_ns for file in out.iterdir()}
    for place in (out, path):
        with pytest.raises(ProbeError, match="is there already"):
            convert_checkpoint(path, place)
    assert {file: file.stat().st_mtime_ns for file in out.iterdir()} == before


# ── code, and what is no checkpoint ──


class Code:
    """An object whose unpickling runs a command."""

    def __init__(self, creates: Path):
        self.creates = creates

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.creates}",)


def with_code(kind: str, path: Path, state: State, creates: Path) -> None:
    code = Code(creates)
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"model": state, "code": code}))
    elif kind == "inside a namespace":
        torch.save({"model": state, "cfg": argparse.Namespace(model=code)}, path)
    else:
        torch.save({"model": state, "code": code}, path, _use_new_zipfile_serialization=kind == "archive")


@pytest.mark.parametrize("kind", ["archive", "before archives", "pickle", "inside a namespace"])
def test_code_in_a_checkpoint_is_refused_and_not_run(kind: str, state: State, tmp_path: Path) -> None:
    created = tmp_path / "created"
    with_code(kind, tmp_path / "a.pt", state, created)
    message = refused(tmp_path / "a.pt", tmp_path / "out")
    assert not created.exists()
    if kind != "pickle":
        assert "posix.system" in message or "os.system" in message
        assert "nothing in it was run" in message
    # The same file, opened as it must not be: the code is there.
    opened = pickle.loads if kind == "pickle" else None
    opened((tmp_path / "a.pt").read_bytes()) if opened else torch.load(tmp_path / "a.pt", weights_only=False)
    assert created.exists()


def test_objects_of_other_libraries_are_refused_by_name(state: State, tmp_path: Path) -> None:
    torch.save({"model": state, "optimizer": yaml.YAMLError()}, tmp_path / "a.pt")
    assert "yaml.error.YAMLError" in refused(tmp_path / "a.pt", tmp_path / "out")


def test_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is nothing" in refused(tmp_path / "a.pt", tmp_path / "out")
    (tmp_path / "folder").mkdir()
    assert "is a folder" in refused(tmp_path / "folder", tmp_path / "out")
    with pytest.raises(SystemExit) as status:
        emobox.main(["convert-checkpoint", str(tmp_path / "a.pt"), str(tmp_path / "out")])
    assert status.value.code == 1
    assert capsys.readouterr().err.startswith("error: Expected a checkpoint file (.pt)")


@pytest.mark.parametrize("content", [b"", b"hello, I am a text\n", b"\x80\x02}q\x00.", bytes(1000)])
def test_a_file_of_another_kind(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    message = refused(tmp_path / "a.pt", tmp_path / "out")
    assert str(tmp_path / "a.pt") in message
    assert message.startswith("Expected a")


@pytest.mark.parametrize("archive", [True, False])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.99])
def test_a_file_that_breaks_off(archive: bool, kept: float, state: State, tmp_path: Path) -> None:
    torch.save({"model": state}, tmp_path / "a.pt", _use_new_zipfile_serialization=archive)
    content = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(content[: int(len(content) * kept)])
    message = refused(tmp_path / "a.pt", tmp_path / "out")
    assert "download it again" in message or not archive
    assert message.startswith("Expected a")
