"""The perturbations of `emobox stress`, by name, in the order of its tables."""

from collections.abc import Sequence

from emobox_datasets.errors import nearest
from emobox_probe.errors import ProbeError
from emobox_probe.trust.perturbations.codecs import (
    GSM,
    MP3,
    MU_LAW,
    OPUS,
    missing_in_ffmpeg,
    missing_in_libsndfile,
    through_ffmpeg,
)
from emobox_probe.trust.perturbations.length import after_silence, before_silence, beginning
from emobox_probe.trust.perturbations.level import clipped, with_gain, with_offset
from emobox_probe.trust.perturbations.noise import BABBLE_VOICES, babble, pink, white, with_noise
from emobox_probe.trust.perturbations.perturbation import Perturbation
from emobox_probe.trust.perturbations.reverberation import in_room
from emobox_probe.trust.perturbations.telephone import at_8_khz, on_the_telephone
from emobox_probe.trust.perturbations.tempo import at_pitch, at_speed

# Of what the suite does to audio: what was kept of another version is not gone on from.
VERSION = 1
# The one kind that leaves some utterances as they are: those that are no longer.
BEGINNING = "beginning"
CLIPPED, OFFSET, SILENCE = 0.05, 0.1, 1.0


def _noises(snr: int) -> list[Perturbation]:
    at = f"at a signal-to-noise ratio of {snr} dB"
    return [
        Perturbation(
            f"white-noise-{snr}db",
            "white noise",
            f"white noise {at}",
            lambda waveform, around: with_noise(waveform, white(len(waveform), around.random), snr),
            needs_level=True,
        ),
        Perturbation(
            f"pink-noise-{snr}db",
            "pink noise",
            f"pink noise from 20 Hz on {at}",
            lambda waveform, around: with_noise(waveform, pink(len(waveform), around.random), snr),
            needs_level=True,
        ),
        Perturbation(
            f"babble-{snr}db",
            "babble",
            f"{BABBLE_VOICES} other speakers of the corpus, of no test fold of the utterance, {at}",
            lambda waveform, around: with_noise(
                waveform, babble(len(waveform), around.voices, around.random), snr
            ),
            voices=BABBLE_VOICES,
            needs_level=True,
        ),
    ]


def _room(seconds: float) -> Perturbation:
    return Perturbation(
        f"reverberation-{seconds}s",
        "reverberation",
        f"a room with a reverberation time of {seconds} s, by the image method",
        lambda waveform, _: in_room(waveform, seconds),
    )


def _telephone(name: str, codec: str, words: str) -> Perturbation:
    return Perturbation(
        f"telephone-{name}",
        "telephone",
        f"300 to 3400 Hz at 8 kHz, {words}",
        lambda waveform, _: on_the_telephone(waveform, codec),
        missing=lambda: missing_in_libsndfile(codec),
    )


def _codec(name: str, codec: str, kilobits: int) -> Perturbation:
    return Perturbation(
        f"{name.lower()}-{kilobits}k",
        name,
        f"{name} at {kilobits} kbit/s",
        lambda waveform, _: through_ffmpeg(waveform, codec, 1000 * kilobits),
        missing=lambda: missing_in_ffmpeg(codec),
    )


def _gain(decibels: int) -> Perturbation:
    return Perturbation(
        f"gain{decibels:+}db",
        "gain",
        f"{decibels:+} dB, not clipped".replace("-", "−"),
        lambda waveform, _: with_gain(waveform, decibels),
    )


def _speed(factor: float) -> Perturbation:
    return Perturbation(
        f"speed-{factor:g}",
        "speed",
        f"played at {factor:g} times the speed, pitch with it",
        lambda waveform, _: at_speed(waveform, factor),
        lambda seconds: seconds / factor,
    )


def _pitch(semitones: int) -> Perturbation:
    return Perturbation(
        f"pitch{semitones:+}",
        "pitch",
        f"{semitones:+} semitones, as long as before".replace("-", "−"),
        lambda waveform, _: at_pitch(waveform, semitones),
    )


def _beginning(seconds: int) -> Perturbation:
    return Perturbation(
        f"first-{seconds}s",
        BEGINNING,
        f"the first {seconds} s only",
        lambda waveform, _: beginning(waveform, seconds),
        lambda length: min(length, seconds),
    )


DEFAULT: tuple[Perturbation, ...] = (
    *(noise for noises in zip(*map(_noises, (20, 10, 0)), strict=True) for noise in noises),
    *map(_room, (0.3, 0.6)),
    _telephone("mu-law", MU_LAW, "µ-law (G.711)"),
    _telephone("gsm", GSM, "GSM full rate (06.10)"),
    _codec("Opus", OPUS, 16),
    _codec("Opus", OPUS, 8),
    _codec("MP3", MP3, 32),
    *map(_gain, (6, -6, -20)),
    Perturbation(
        "clipping",
        "clipping",
        f"cut off at the magnitude that {100 * CLIPPED:g} % of the samples reach",
        lambda waveform, _: clipped(waveform, CLIPPED),
    ),
    *map(_speed, (0.9, 1.1)),
    *map(_pitch, (-2, 2)),
    Perturbation(
        "silence-before",
        "silence",
        f"{SILENCE:g} s of zeros before the utterance",
        lambda waveform, _: after_silence(waveform, SILENCE),
        lambda seconds: seconds + SILENCE,
    ),
    Perturbation(
        "silence-after",
        "silence",
        f"{SILENCE:g} s of zeros behind the utterance",
        lambda waveform, _: before_silence(waveform, SILENCE),
        lambda seconds: seconds + SILENCE,
    ),
    *map(_beginning, (3, 2, 1)),
    Perturbation(
        "dc-offset",
        "offset",
        f"a constant of {OFFSET:g} of full scale beside the sound",
        lambda waveform, _: with_offset(waveform, OFFSET),
    ),
    Perturbation("8khz", "bandwidth", "resampled to 8 kHz and back", lambda waveform, _: at_8_khz(waveform)),
)
SUITES = {"default": DEFAULT}


def perturbations_of(suite: str, names: Sequence[str] = ()) -> list[Perturbation]:
    """Those of a suite, or of them those that are named, in the suite's order.

    Raises:
        ProbeError: a name is none of them.
    """
    known = {perturbation.name: perturbation for perturbation in SUITES[suite]}
    if strangers := [name for name in names if name not in known]:
        raise ProbeError(
            f"Expected perturbations of the suite {suite} as --only, but got {', '.join(strangers)}. "
            f"{nearest(strangers[0], known)}"
        )
    return [known[name] for name in known if not names or name in names]
