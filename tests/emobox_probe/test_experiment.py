"""Where an experiment runs, and how much at a time."""

import pytest
import torch

from emobox_probe import experiment
from emobox_probe.config import ExtractConfig
from emobox_probe.errors import ProbeError
from emobox_probe.features.corpus import encoder_of
from emobox_probe.protocol import PAPER


def test_a_device_that_is_not_here_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ProbeError, match="Expected a cuda device, but torch finds none here; choose of cpu"):
        experiment.accelerator_on("cuda")


def test_batches_hold_no_more_than_was_asked_for() -> None:
    config = ExtractConfig(model="python:own_encoders:load", corpus="demo", batch_seconds=2.5)
    assert config.recorded().keys().isdisjoint({"batch_seconds", "device"})
    encoder = encoder_of(config, torch.device("cpu"), PAPER, lambda waveforms: waveforms.unfold(1, 320, 320))
    assert encoder.plan([1.0] * 5) == [[0, 1], [2, 3], [4]]
