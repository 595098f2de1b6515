"""What perturbations do to audio: levels, ratios, lengths and bands as asked, and the same every time."""

import hashlib
import inspect
import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.signal
import torch
from perturbed_sounds import DECIBELS, RATE, around, decibels, speech

from emobox_probe.errors import ProbeError
from emobox_probe.trust.perturbations import codecs
from emobox_probe.trust.perturbations.codecs import CONTAINERS, GSM, MP3, MU_LAW, OPUS, encoded
from emobox_probe.trust.perturbations.length import after_silence, before_silence, beginning
from emobox_probe.trust.perturbations.level import clipped, with_gain, with_offset
from emobox_probe.trust.perturbations.noise import LOWEST_AUDIBLE, babble, pink, white, with_noise
from emobox_probe.trust.perturbations.perturbation import rms
from emobox_probe.trust.perturbations.reverberation import in_room, response, reverberation_time
from emobox_probe.trust.perturbations.suite import DEFAULT, perturbations_of
from emobox_probe.trust.perturbations.telephone import at_8_khz, on_the_telephone
from emobox_probe.trust.perturbations.tempo import at_pitch, at_speed, stretched

BY_NAME = {one.name: one for one in DEFAULT}


def power_above(waveform: np.ndarray, hertz: float) -> float:
    """Share of the power that is above a frequency."""
    spectrum = np.abs(np.fft.rfft(waveform)) ** 2
    return float(spectrum[np.fft.rfftfreq(len(waveform), 1 / RATE) > hertz].sum() / spectrum.sum())


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("samples", [1, 30, 400])
def test_the_shortest_sounds_are_taken(name: str, samples: int) -> None:
    one = BY_NAME[name]
    for waveform in (np.zeros(samples, np.float32), speech()[5000 : 5000 + samples]):
        made = one(waveform, around(one.kind))
        assert made.dtype == np.float32
        assert made.ndim == 1
        assert len(made)
        assert np.isfinite(made).all()


@pytest.mark.parametrize("name", BY_NAME)
def test_the_duration_is_the_one_that_is_said(name: str) -> None:
    one, waveform = BY_NAME[name], np.tile(speech(), 3)
    made = one(waveform, around(one.kind))
    assert len(made) == pytest.approx(RATE * one.seconds(len(waveform) / RATE), abs=2)


@pytest.mark.parametrize("name", BY_NAME)
def test_something_is_changed_and_the_same_every_time(name: str) -> None:
    one, waveform = BY_NAME[name], np.tile(speech(), 3)
    first, again = (one(waveform, around(one.kind)) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != waveform.tobytes()


def digests() -> list[str]:
    return [hashlib.sha256(one(speech(), around(one.kind)).tobytes()).hexdigest() for one in DEFAULT]


def test_a_process_with_other_threads_makes_the_same() -> None:
    script = (
        "import hashlib\n"
        "from perturbed_sounds import around, speech\n"
        "from emobox_probe.trust.perturbations.suite import DEFAULT\n"
        f"{inspect.getsource(digests)}\n"
        "print(*digests())"
    )
    threads = "1" if torch.get_num_threads() > 1 else "3"
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    said = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == digests()


def test_utterances_have_noise_of_their_own_and_strengths_share_it() -> None:
    waveform = speech()
    loud, soft = (
        BY_NAME[f"white-noise-{snr}db"](waveform, around("white noise")) - waveform for snr in (0, 20)
    )
    assert np.corrcoef(loud, soft)[0, 1] > 0.9999
    other = BY_NAME["white-noise-0db"](waveform, around("white noise", "another")) - waveform
    assert abs(np.corrcoef(loud, other)[0, 1]) < 0.05


@pytest.mark.parametrize("kind", ["white-noise", "pink-noise", "babble"])
@pytest.mark.parametrize("snr", [20, 10, 0])
def test_noise_is_as_far_below_as_asked(kind: str, snr: int) -> None:
    waveform, one = speech(), BY_NAME[f"{kind}-{snr}db"]
    noise = one(waveform, around(one.kind)).astype(float) - waveform
    assert decibels(rms(waveform) / rms(noise)) == pytest.approx(snr, abs=DECIBELS)


def test_silence_stays_silent_under_noise() -> None:
    silence = np.zeros(RATE, np.float32)
    assert not BY_NAME["babble-0db"](silence, around("babble")).any()


def test_pink_noise_has_equal_power_in_every_octave_and_white_twice_the_power_in_the_next() -> None:
    random = np.random.default_rng(0)
    for make, step in ((pink, 0.0), (white, 3.01)):
        spectrum = np.abs(np.fft.rfft(make(60 * RATE, random))) ** 2
        frequencies = np.fft.rfftfreq(60 * RATE, 1 / RATE)
        octaves = [spectrum[(frequencies >= f) & (frequencies < 2 * f)].sum() for f in (250, 500, 1000, 2000)]
        np.testing.assert_allclose(np.diff(10 * np.log10(octaves)), step, atol=0.3)
    below = frequencies < 0.9 * LOWEST_AUDIBLE
    assert (np.abs(np.fft.rfft(pink(60 * RATE, random))) ** 2)[below].sum() < 1e-3 * spectrum.sum()


def test_voices_of_a_babble_are_equally_loud() -> None:
    # Tones of other levels and lengths, each in a band of its own.
    tones = [
        (level * np.sin(2 * np.pi * hertz * np.arange(samples) / RATE)).astype(np.float32)
        for hertz, level, samples in ((500, 0.9, 8000), (1000, 0.01, 16000), (2000, 0.1, 4000))
    ]
    mixed = babble(2 * RATE, tones, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(mixed)) ** 2
    powers = [spectrum[2 * hertz] for hertz in (500, 1000, 2000)]
    np.testing.assert_allclose(10 * np.log10(powers / powers[0]), 0, atol=DECIBELS)


@pytest.mark.parametrize("gain", [6, -6, -20])
def test_gain_is_as_asked(gain: int) -> None:
    waveform = speech()
    assert decibels(rms(with_gain(waveform, gain)) / rms(waveform)) == pytest.approx(gain, abs=DECIBELS)


def test_so_many_samples_are_clipped() -> None:
    waveform = speech().astype(float)
    made = clipped(waveform, 0.05)
    assert (made != waveform).mean() == pytest.approx(0.05, abs=1e-3)
    assert (np.abs(made) == np.abs(made).max()).mean() == pytest.approx(0.05, abs=1e-3)


def test_offset_silence_and_beginning() -> None:
    waveform = speech().astype(float)
    np.testing.assert_allclose(with_offset(waveform, 0.1) - waveform, 0.1)
    assert np.array_equal(after_silence(waveform, 1.0)[RATE:], waveform)
    assert np.array_equal(before_silence(waveform, 1.0)[: len(waveform)], waveform)
    assert not after_silence(waveform, 1.0)[:RATE].any()
    assert np.array_equal(beginning(waveform, 0.5), waveform[: RATE // 2])
    assert np.array_equal(beginning(waveform, 100), waveform)


@pytest.mark.parametrize("seconds", [0.3, 0.6])
def test_a_room_decays_in_the_time_that_was_asked_for(seconds: float) -> None:
    assert reverberation_time(response(seconds)) == pytest.approx(seconds, rel=0.01)
    # Another way to tell it: the mean level of noise in the room, a third of that time after it has ended.
    noise = np.random.default_rng(0).standard_normal(4 * RATE)
    heard = in_room(np.concatenate([noise, np.zeros(RATE)]), seconds)
    windows = heard[4 * RATE + np.arange(2)[:, None] * round(seconds / 3 * RATE) + np.arange(800)]
    assert decibels(rms(windows[1]) / rms(windows[0])) == pytest.approx(-20, abs=3)


def test_reverberation_time_of_a_known_decay() -> None:
    times = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(RATE)
    assert reverberation_time(noise * 10 ** (-3 * times / 0.4)) == pytest.approx(0.4, rel=0.05)


def test_the_first_images_are_where_the_room_has_them() -> None:
    # By hand: mouth and microphone 2.08 m apart; the floor is 1.5 m and 1.2 m below them.
    direct, floor = np.sqrt(1.8**2 + 0.9**2 + 0.3**2), np.sqrt(1.8**2 + 0.9**2 + 2.7**2)
    found = response(0.3)
    later = round(floor / 343 * RATE) - round(direct / 343 * RATE)
    assert found[0] == 1
    assert found[later] < -0.3 * direct / floor
    assert np.count_nonzero(found[1:later]) <= 1  # nothing but the reflection of the ceiling may come first


def test_a_room_is_no_louder() -> None:
    waveform = speech()
    assert decibels(rms(in_room(waveform, 0.6)) / rms(waveform)) == pytest.approx(0, abs=DECIBELS)


def test_narrow_bands() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(4 * RATE)
    assert power_above(at_8_khz(noise), 4_050) < 1e-4
    for codec in (MU_LAW, GSM):
        made = on_the_telephone(noise, codec)
        assert power_above(made, 4_050) < 1e-3
        assert 1 - power_above(made, 200) < 0.02


def test_mu_law_is_that_of_the_recommendation() -> None:
    # Of 16 bits, G.711 keeps 8: 255 values, whose steps are a sixteenth of the segment that begins at 33/8159 x 2^n.
    tone = 0.9 * np.sin(2 * np.pi * 441 * np.arange(RATE) / RATE)
    made = codecs.through_libsndfile(tone, MU_LAW, 8_000)
    assert 100 < len(np.unique(made)) <= 255
    assert (np.abs(made - tone) <= (np.abs(tone) + 33 / 8159) / 28).all()


@pytest.mark.parametrize(("codec", "kilobits"), [(OPUS, 16), (OPUS, 8), (MP3, 32)])
def test_codecs_take_the_bits_that_they_may(codec: str, kilobits: int) -> None:
    waveform = np.concatenate([speech(number) for number in range(8)])
    bits = 8 * len(encoded(waveform, codec, 1000 * kilobits))
    assert bits / (len(waveform) / RATE) == pytest.approx(1000 * kilobits, rel=0.35)
    assert set(CONTAINERS) == {OPUS, MP3}


@pytest.mark.parametrize(
    "name", ["opus-16k", "opus-8k", "mp3-32k", "telephone-gsm", "telephone-mu-law", "8khz"]
)
def test_codecs_delay_nothing(name: str) -> None:
    waveform = np.concatenate([speech(number) for number in range(4)])
    made = BY_NAME[name](waveform, around(""))
    lags = scipy.signal.correlate(made, waveform, method="fft")
    assert abs(int(lags.argmax()) - (len(waveform) - 1)) <= 8  # half a millisecond


def harmonics(hertz: float, seconds: float = 2.0) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return 0.1 * sum(np.sin(2 * np.pi * k * hertz * times) / k for k in range(1, 10))


def fundamental(waveform: np.ndarray) -> float:
    """Of harmonics: the lowest peak of a long spectrum."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)), 1 << 20))
    return float(np.argmax(spectrum) * RATE / (1 << 20))


@pytest.mark.parametrize("semitones", [-2, 2])
@pytest.mark.parametrize("hertz", [110.0, 220.0, 330.0])
def test_pitch_is_changed_by_so_many_semitones_and_nothing_else(semitones: int, hertz: float) -> None:
    tone = harmonics(hertz)
    made = at_pitch(tone, semitones)
    assert 12 * np.log2(fundamental(made) / fundamental(tone)) == pytest.approx(semitones, abs=0.05)
    assert len(made) == len(tone)
    assert decibels(rms(made) / rms(tone)) == pytest.approx(0, abs=0.5)


def test_stretching_changes_the_length_and_not_the_pitch() -> None:
    tone = harmonics(150)
    made = stretched(tone, 1.25)
    assert len(made) == round(1.25 * len(tone))
    assert fundamental(made) == pytest.approx(150, rel=0.005)
    assert decibels(rms(made) / rms(tone)) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_changes_pitch_and_length(factor: float) -> None:
    tone = harmonics(200)
    made = at_speed(tone, factor)
    assert len(made) == pytest.approx(len(tone) / factor, abs=1)
    assert fundamental(made) == pytest.approx(200 * factor, rel=0.002)


def test_what_libraries_lack_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert codecs.missing_in_ffmpeg(OPUS) == codecs.missing_in_libsndfile(GSM) == ""
    assert "has no libnothing" in codecs.missing_in_ffmpeg("libnothing")
    monkeypatch.setattr(codecs.soundfile, "available_subtypes", lambda form: {"PCM_16": ""})
    assert "has no GSM610" in BY_NAME["telephone-gsm"].missing()
    assert "PyAV" in codecs.missing_in_ffmpeg("libnothing")


def test_names() -> None:
    assert len(BY_NAME) == len(DEFAULT) == 31
    assert [one.name for one in perturbations_of("default", ("8khz", "clipping"))] == ["clipping", "8khz"]
    with pytest.raises(ProbeError, match=r"Did you mean clipping\?"):
        perturbations_of("default", ("cliping",))


def test_noise_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        with_noise(speech(), np.ones(3), 10)
