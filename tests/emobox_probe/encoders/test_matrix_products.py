"""float32 means float32 while features are made, whatever heads were trained in before."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from records import record

from emobox_datasets.audio_files.audio import to_flac
from emobox_probe.encoders.load import load_encoder
from emobox_probe.encoders.matrix_products import matrix_products, products_of_heads
from emobox_probe.features.extraction import extract
from emobox_probe.features.store import FeatureStore

CPU = torch.device("cpu")
State = tuple[str, bool]


def state() -> State:
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


@pytest.fixture(params=[("highest", False), ("high", True), ("highest", True)])
def before(request: pytest.FixtureRequest) -> State:
    old = state()
    found: State = request.param
    torch.set_float32_matmul_precision(found[0])
    torch.backends.cudnn.allow_tf32 = found[1]
    yield found
    torch.set_float32_matmul_precision(old[0])
    torch.backends.cudnn.allow_tf32 = old[1]


def test_products_are_as_told_within_and_as_before_after(before: State) -> None:
    with matrix_products("float32"):
        assert state() == ("highest", False)
        with matrix_products("tf32"):
            assert state() == ("high", True)
        assert state() == ("highest", False)
    assert state() == before


def test_an_error_leaves_them_as_before(before: State) -> None:
    with pytest.raises(ZeroDivisionError), matrix_products("tf32"):
        raise ZeroDivisionError
    assert state() == before


def test_features_are_made_in_float32(before: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load_encoder("builtin:logmel", CPU)
    seen: list[State] = []
    run: Callable = encoder.run
    monkeypatch.setattr(encoder, "run", lambda *given: (seen.append(state()), run(*given))[1])
    flac = to_flac(np.random.default_rng(0).normal(scale=0.1, size=16_000).astype(np.float32))
    store = FeatureStore(tmp_path, encoder.facts.identity, ["a", "b"], [1.0, 1.0])
    extract(store, encoder, lambda rows: [flac for _ in rows], torch.float16, lambda seconds: None)
    assert set(seen) == {("highest", False)}
    assert state() == before


def test_heads_are_trained_in_tf32_on_a_gpu_alone() -> None:
    assert products_of_heads(torch.device("cuda")) == "tf32"
    assert products_of_heads(CPU) == "float32"


def test_features_of_older_records_on_a_gpu_are_others() -> None:
    """They say float32, and were TF32; on a CPU they were what they say."""
    made = record()
    now = made.encoder.model_copy(update={"matrix_products": "float32"}).identity
    for device, same in (("cpu", True), ("cuda:0", False)):
        of_device = made.model_copy(
            update={"provenance": made.provenance.model_copy(update={"device": device})}
        )
        assert (of_device.features_identity == now) is same
    # Without weights, or in another data type, nothing was TF32.
    for changes in ({"weights_sha256": None}, {"dtype": "bfloat16"}):
        other = made.model_copy(update={"encoder": made.encoder.model_copy(update=changes)})
        assert other.features_identity == other.encoder.identity
        assert "matrix_products" not in other.features_identity
