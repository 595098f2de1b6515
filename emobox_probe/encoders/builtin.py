"""Encoders without weights: `builtin:logmel` and `builtin:egemaps`."""

from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_probe.errors import ProbeError

BUILTIN = "builtin:"


class LogMel:
    """80 log-mel bands, 25 ms windows every 20 ms."""

    WINDOW, HOP, FFT, BANDS = 400, 320, 512, 80

    revision: str | None = None
    frame_rate = SAMPLING_RATE / HOP
    layer = "log-mel bands"
    shortest_samples = WINDOW

    def __init__(self) -> None:
        self.window = window_function(self.WINDOW, "hann")
        self.filters = mel_filter_bank(
            self.FFT // 2 + 1,
            self.BANDS,
            20.0,
            SAMPLING_RATE / 2,
            SAMPLING_RATE,
            norm="slaney",
            mel_scale="slaney",
        )

    def frames(self, waveform: np.ndarray) -> np.ndarray:
        """16 kHz `(samples,)` to float32 `(T, D)`."""
        bands: np.ndarray = spectrogram(
            waveform,
            self.window,
            self.WINDOW,
            self.HOP,
            fft_length=self.FFT,
            power=2.0,
            center=True,
            pad_mode="constant",
            mel_filters=self.filters,
            log_mel="log",
            mel_floor=1e-10,
            dtype=np.dtype(np.float32),
        )
        return bands.T.copy()


class Egemaps:
    """The 25 low-level descriptors of eGeMAPSv02 every 10 ms, by openSMILE: the field's classic baseline."""

    frame_rate = 100.0
    layer = "low-level descriptors"
    # The widest window, of the pitch, is 60 ms; shorter audio gives nothing but NaN.
    shortest_samples = 960

    def __init__(self) -> None:
        try:
            import opensmile  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ProbeError(
                f"Expected openSMILE for {BUILTIN}egemaps, but it is not installed; pip install emobox[egemaps]."
            ) from error
        self.revision: str | None = f"opensmile {version('opensmile')}"
        self._smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02,
            feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
        )

    def frames(self, waveform: np.ndarray) -> np.ndarray:
        table = self._smile.process_signal(waveform, SAMPLING_RATE)
        frames: np.ndarray = table.to_numpy(dtype=np.float32, copy=True)
        return frames


# Frames that are computed, not learned.
Descriptors = LogMel | Egemaps
BUILTINS: dict[str, Callable[[], Descriptors]] = {f"{BUILTIN}logmel": LogMel, f"{BUILTIN}egemaps": Egemaps}
