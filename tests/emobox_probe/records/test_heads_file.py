"""Heads beside a record: read as they were written, refused where they are not those."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from records import record
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from emobox_probe.errors import ProbeError
from emobox_probe.heads.heads import Head
from emobox_probe.records.heads_file import (
    HEADS_FILE,
    METADATA,
    KeptHead,
    heads_content,
    heads_in,
    read_heads,
    sha256_of,
)

LABELS = ["Angry", "Happy", "Sad"]


def head(hidden: int = 8, seed: int = 0) -> Head:
    generator = torch.Generator().manual_seed(seed)
    shapes = ((hidden, 512), (hidden,), (len(LABELS), hidden), (len(LABELS),))
    return Head(*(torch.randn(shape, generator=generator) for shape in shapes))


def written(folder: Path, heads: list[KeptHead], labels: list[str] = LABELS) -> str:
    content = heads_content(heads, labels, record().encoder, "float16")
    (folder / HEADS_FILE).write_bytes(content)
    return sha256_of(content)


KEPT = [KeptHead("urdu", "fold1", 0, "last", head()), KeptHead("urdu", "fold1", 1, "3", head(4, 1))]


def test_heads_are_read_as_they_were_written(tmp_path: Path) -> None:
    sha256 = written(tmp_path, KEPT)
    again = read_heads(tmp_path, sha256)
    assert again.description.labels == LABELS
    assert again.description.encoder.identity == record().encoder.identity
    for kept, wanted in zip(again.heads, KEPT, strict=True):
        assert (kept.source, kept.fold, kept.seed, kept.layer) == ("urdu", "fold1", wanted.seed, wanted.layer)
        assert torch.equal(kept.head.first, wanted.head.first)
        assert torch.equal(kept.head.second_bias, wanted.head.second_bias)
    assert sha256 == written(tmp_path, KEPT)


def test_a_record_of_an_older_version_has_none(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="of a version that kept none; run it again with --overwrite"):
        read_heads(tmp_path, record().heads_sha256)


def test_heads_that_are_gone_or_of_another_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="but there are none"):
        read_heads(tmp_path, "0" * 64)
    written(tmp_path, KEPT)
    with pytest.raises(ProbeError, match="damaged or another run's"):
        read_heads(tmp_path, "0" * 64)


@pytest.mark.parametrize(
    "name", ["", "  ", "a\nb", "\x1b[31m", "=1+1", "@x", "long" * 20], ids=lambda name: repr(name[:8])
)
def test_a_label_list_with_unsafe_names_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / HEADS_FILE
    written(tmp_path, KEPT)
    with_metadata(path, lambda text: text.replace('"Happy"', json.dumps(name)))
    with pytest.raises(ProbeError, match="a label may not be called"):
        heads_in(path)


def test_a_label_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    written(tmp_path, KEPT)
    with_metadata(tmp_path / HEADS_FILE, lambda text: text.replace('"Happy"', '"Angry"'))
    with pytest.raises(ProbeError, match="a label is there twice"):
        heads_in(tmp_path / HEADS_FILE)


def test_heads_that_do_not_fit_their_encoder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / HEADS_FILE
    written(tmp_path, KEPT)
    with_metadata(path, lambda text: text.replace('"dimension": 512', '"dimension": 511'))
    with pytest.raises(ProbeError, match=r"first of fold1, seed 0, is \(8, 512\), not \(8, 511\)"):
        heads_in(path)


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    broken = head()
    broken.second[0, 0] = float("nan")
    written(tmp_path, [KeptHead("urdu", "fold1", 0, "last", broken)])
    with pytest.raises(ProbeError, match="second of fold1, seed 0, is not finite"):
        heads_in(tmp_path / HEADS_FILE)


def test_a_file_without_heads_is_refused(tmp_path: Path) -> None:
    path = tmp_path / HEADS_FILE
    path.write_bytes(b"no tensors")
    with pytest.raises(ProbeError, match="Expected heads in"):
        heads_in(path)
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(ProbeError, match="Expected heads in"):
        heads_in(path)


def with_metadata(path: Path, change: Any) -> None:
    with safe_open(path, framework="pt") as file:
        text = file.metadata()[METADATA]
    changed = change(text)
    assert changed != text
    save_file(load_file(path), path, {METADATA: changed})
