"""Lossy codecs of the net and of telephones, as the libraries at hand have them."""

import io
from fractions import Fraction

import av
import numpy as np
import soundfile

from emobox_datasets.audio_files.audio import SAMPLING_RATE, resample, to_integers
from emobox_datasets.errors import AudioError
from emobox_probe.trust.perturbations.perturbation import of_length

OPUS, MP3 = "libopus", "libmp3lame"
CONTAINERS = {OPUS: "ogg", MP3: "mp3"}
MU_LAW, GSM = "ULAW", "GSM610"


def through_ffmpeg(waveform: np.ndarray, codec: str, bits_a_second: int) -> np.ndarray:
    """The waveform `(samples,)` at 16 kHz coded and decoded by a codec of FFmpeg, as long as it was.

    Args:
        waveform: clipped at full scale.
        codec: `libopus` (RFC 6716) or `libmp3lame`.
        bits_a_second: how much the coded sound may take.

    Raises:
        AudioError: the codec gives nothing back.
    """
    coded = encoded(waveform, codec, bits_a_second)
    planar = av.AudioResampler(format="fltp", layout="mono")
    with av.open(io.BytesIO(coded), "r", format=CONTAINERS[codec]) as container:
        frames = [out for frame in container.decode(audio=0) for out in planar.resample(frame)]
    if not frames:
        raise AudioError("an utterance", f"{codec} gives nothing back", "leave out this perturbation")
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return of_length(resample(samples, frames[0].sample_rate, SAMPLING_RATE), len(waveform))


def encoded(waveform: np.ndarray, codec: str, bits_a_second: int) -> bytes:
    """The file that a codec of FFmpeg makes of a waveform `(samples,)` at 16 kHz, in one channel."""
    file = io.BytesIO()
    with av.open(file, "w", format=CONTAINERS[codec]) as container:
        stream = container.add_stream(codec, rate=SAMPLING_RATE, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = bits_a_second
        frame = av.AudioFrame.from_ndarray(to_integers(waveform)[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLING_RATE, Fraction(1, SAMPLING_RATE), 0
        to_format = av.AudioResampler(format=stream.format, layout="mono", rate=SAMPLING_RATE)
        for part in (*to_format.resample(frame), *to_format.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()


def through_libsndfile(waveform: np.ndarray, codec: str, rate: int) -> np.ndarray:
    """The waveform `(samples,)` at `rate` Hz coded and decoded by a codec of libsndfile, as long as it was.

    Args:
        waveform: clipped at full scale.
        codec: `ULAW` (ITU-T G.711, 8 bits a sample) or `GSM610` (ETSI EN 300 961, full rate, 13 kbit/s at 8 kHz).
        rate: of the waveform.
    """
    file = io.BytesIO()
    soundfile.write(file, to_integers(waveform), rate, format="WAV", subtype=codec)
    file.seek(0)
    return of_length(soundfile.read(file, dtype="float64")[0], len(waveform))


def missing_in_ffmpeg(codec: str) -> str:
    """Why FFmpeg cannot code with it here, in words; empty where it can."""
    try:
        av.Codec(codec, "w")
    except av.codec.codec.UnknownCodecError:
        return f"this PyAV ({av.__version__}) has no {codec}"
    return ""


def missing_in_libsndfile(codec: str) -> str:
    """Why libsndfile cannot code with it here, in words; empty where it can."""
    if codec in soundfile.available_subtypes("WAV"):
        return ""
    return f"this libsndfile ({soundfile.__libsndfile_version__}) has no {codec}"
