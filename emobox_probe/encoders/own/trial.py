"""What is asked of an encoder of one's own before a corpus is: on sounds of known lengths, a second of work."""

import hashlib
import math
import warnings
from collections.abc import Sequence
from numbers import Real

import numpy as np
import torch

from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_probe.encoders.families import Way
from emobox_probe.encoders.own.own_model import OwnModel
from emobox_probe.errors import ProbeError, UtteranceError

# Of the spread of features: what a batch may change; half-precision sums in another order differ by more.
TOLERANCES = {"float32": 1e-4, "bfloat16": 5e-2, "float16": 1e-2}
# A stated frame rate may be off by this share.
RATE_SHARE = 0.02
SHORT, LONG = 2.0, 6.0
SOUND = 1.5
EQUAL, MIXED = (2.5, 2.5, 2.5), (2.0, 6.0, 3.1)


def trial(model: OwnModel, device: torch.device, dtype: str) -> Way:
    """Try the model; how its utterances may share a batch.

    Sets the model's dimension and frame rate, which every utterance is held to from then on.

    Raises:
        ProbeError: what comes out are no frames, changes from call to call, or does not follow its frame rate.
    """
    two, six = (_alone(model, noise(seconds), device) for seconds in (SHORT, LONG))
    if two.shape[1] != six.shape[1]:
        raise ProbeError(
            f"Expected one dimension from {model.name}, but got {two.shape[1]} for {SHORT:g} s and {six.shape[1]} "
            f"for {LONG:g} s of audio; return frames (T, D) of one D."
        )
    model.dimension = two.shape[1]
    model.frame_rate = _frame_rate(model, len(two), len(six))
    tolerance = TOLERANCES[dtype] * float(six.float().std()) + 1e-12
    if (change := _difference(two, _alone(model, noise(SHORT), device))) > tolerance:
        raise ProbeError(
            f"Expected equal frames for equal audio from {model.name}, but two calls differ by {change:.2g}; switch "
            f"off dropout (.eval()) and whatever draws random numbers."
        )
    return _way(model, device, tolerance)


def output_hash(model: OwnModel, device: torch.device) -> str:
    """sha256 of frames of several sounds: what an encoder without weights to hash is known by.

    Noise alone would not tell those apart that listen for a voice. Scale counts. Where a sound is refused, as some
    refuse silence, that counts.

    Args:
        model: that has been tried.
        device: where it runs.
    """
    digest = hashlib.sha256()
    for sound in sounds():
        try:
            digest.update(_to_three_digits(_alone(model, sound, device)))
        except UtteranceError:
            digest.update(b"refused")
    return digest.hexdigest()


def _to_three_digits(frames: torch.Tensor) -> bytes:
    """Frames by their spread, their largest value, and their shape; what is constant has no spread."""
    values = frames.double().cpu().numpy()
    largest = float(np.abs(values).max())
    spread = max(float(values.std()), 1e-6 * largest) or 1.0
    rounded = (values / spread * 1e3).round().astype(np.int64)
    return f"{rounded.shape} {largest:.2e} ".encode() + rounded.tobytes()


def sounds() -> list[np.ndarray]:
    """Noise, two tones, a sweep, what has the harmonics and syllables of a voice, and silence; always the same."""
    time = np.arange(round(SOUND * SAMPLING_RATE)) / SAMPLING_RATE
    tones = np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 3000 * time)
    sweep = np.sin(2 * np.pi * (100 + 3000 * time) * time)
    pitch = 2 * np.pi * (120 * time + 5 * np.sin(2 * np.pi * time))  # 89 to 151 Hz
    voice = sum(np.sin(number * pitch) / number for number in range(1, 20)) * (
        1 - np.cos(2 * np.pi * 4 * time)
    )
    made = [tones, sweep, voice, np.zeros_like(time)]
    return [noise(SOUND), *((sound / 10).astype(np.float32) for sound in made)]


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """White noise at a level of 0.1, always the same."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLING_RATE))
    return (samples / 10).astype(np.float32)


def _stated_rate(model: OwnModel) -> float | None:
    """What its `frame_rate` says; None where it has none."""
    stated = getattr(model.own, "frame_rate", None)
    if stated is None or callable(stated):
        return None
    number = isinstance(stated, Real) and not isinstance(stated, bool)
    if not number or not math.isfinite(stated) or stated < 0:
        raise ProbeError(
            f"Expected frames a second as frame_rate of {model.name}, a number, but got {stated!r}; correct it, or "
            f"leave it out."
        )
    return float(stated)


def _frame_rate(model: OwnModel, short: int, long: int) -> tuple[float, float]:
    """Frames a second, and how many more there are in all."""
    stated = _stated_rate(model)
    if short == long == 1:
        return 0.0, 1.0  # an utterance is one frame
    rate = (long - short) / (LONG - SHORT)
    if rate <= 0:
        raise ProbeError(
            f"Expected more frames for longer audio from {model.name}, but got {short} for {SHORT:g} s and {long} "
            f"for {LONG:g} s; cut off frames of padding, or return one frame an utterance."
        )
    if stated is not None and abs(stated - rate) > RATE_SHARE * rate + 1 / (LONG - SHORT):
        raise ProbeError(
            f"Expected {stated:g} frames a second from {model.name}, as its frame_rate says, but got {rate:g}; "
            f"correct one of them."
        )
    return rate, short - rate * SHORT


def _way(model: OwnModel, device: torch.device, tolerance: float) -> Way:
    """Batches only where they change nothing."""
    seconds = MIXED if model.mixed else EQUAL
    waveforms = [noise(duration, seed) for seed, duration in enumerate(seconds)]
    try:
        together = _together(model, waveforms, device)
    except UtteranceError as error:
        reason = f"it takes one only ({error})"
    else:
        alone = [_alone(model, waveform, device) for waveform in waveforms]
        change = max(map(_difference, together, alone))
        if change <= tolerance:
            return "masked" if model.mixed else "equal"
        reason = f"what else is in a batch changes frames by {change:.2g}"
    warnings.warn(f"{model.name} runs one utterance at a time: {reason}.", stacklevel=4)
    return "alone"


@torch.inference_mode()
def _together(model: OwnModel, waveforms: Sequence[np.ndarray], device: torch.device) -> list[torch.Tensor]:
    lengths = [len(waveform) for waveform in waveforms]
    padded = np.stack([np.pad(waveform, (0, max(lengths) - len(waveform))) for waveform in waveforms])
    output = model(torch.from_numpy(padded).to(device), torch.tensor(lengths), False)
    assert output.valid is not None
    return [frames[:count] for frames, count in zip(output.frames, output.valid.tolist(), strict=True)]


def _alone(model: OwnModel, waveform: np.ndarray, device: torch.device) -> torch.Tensor:
    (frames,) = _together(model, [waveform], device)
    return frames


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest, infinite where there are other numbers of frames."""
    return float((one.float() - other.float()).abs().max()) if one.shape == other.shape else float("inf")
