"""Perturbations against audEERING's auglib, which computes them in other ways."""

from typing import Any

import numpy as np
import pytest
from perturbed_sounds import DECIBELS, RATE, VOICES_BESIDE, around, decibels, speech

from emobox_probe.trust.perturbations.length import after_silence, before_silence, beginning
from emobox_probe.trust.perturbations.level import clipped, with_gain
from emobox_probe.trust.perturbations.noise import babble, pink, with_noise
from emobox_probe.trust.perturbations.perturbation import rms
from emobox_probe.trust.perturbations.reverberation import response

auglib = pytest.importorskip(
    "auglib",
    reason="auglib is not installed: pip install --no-deps --requirement requirements-reference.lock",
)


def augmented(transform: Any, waveform: np.ndarray) -> np.ndarray:
    auglib.seed(0)
    made: np.ndarray = auglib.Augment(transform)(waveform, RATE)[0]
    return made


@pytest.mark.parametrize("snr", [20, 10, 0])
def test_noise_to_the_same_ratio(snr: int) -> None:
    waveform = speech()
    for theirs, ours in (
        (auglib.transform.PinkNoise(snr_db=snr), pink(len(waveform), around("").random)),
        (
            auglib.transform.BabbleNoise(VOICES_BESIDE, num_speakers=4, snr_db=snr),
            babble(len(waveform), VOICES_BESIDE, around("").random),
        ),
        (auglib.transform.Mix(VOICES_BESIDE[0], snr_db=snr, loop_aux=True), np.ones(len(waveform))),
    ):
        by_them = augmented(theirs, waveform)[: len(waveform)] - waveform
        by_us = with_noise(waveform, ours, snr) - waveform
        assert decibels(rms(by_us) / rms(by_them)) == pytest.approx(0, abs=DECIBELS)


@pytest.mark.parametrize("gain", [6, -6, -20])
def test_gain(gain: int) -> None:
    waveform = speech()
    by_them = augmented(auglib.transform.GainStage(gain), waveform)
    np.testing.assert_allclose(with_gain(waveform, gain), by_them, atol=1e-5)


def test_clipping() -> None:
    waveform = speech()
    by_them = augmented(auglib.transform.ClipByRatio(0.05), waveform)
    np.testing.assert_allclose(clipped(waveform, 0.05), by_them, atol=1e-4)


def test_length() -> None:
    waveform = speech()
    for theirs, ours in (
        (auglib.transform.PrependValue(1.0), after_silence(waveform, 1.0)),
        (auglib.transform.AppendValue(1.0), before_silence(waveform, 1.0)),
        (auglib.transform.Trim(duration=0.5), beginning(waveform, 0.5)),
    ):
        np.testing.assert_array_equal(augmented(theirs, waveform), ours)


def test_convolution_with_a_room() -> None:
    waveform = speech()
    room = response(0.3).astype(np.float32)
    by_them = augmented(auglib.transform.FFTConvolve(room, keep_tail=False), waveform)
    by_us = np.convolve(waveform.astype(float), room)[: len(waveform)]
    assert np.corrcoef(by_them[: len(by_us)], by_us)[0, 1] > 0.9999
