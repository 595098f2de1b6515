"""The stand-in for torchcodec: the same manners as `datasets`' own decoder, on the same bytes."""

import io

import datasets
import numpy as np
import pytest
import soundfile

from emobox_datasets import decoder
from emobox_datasets.audio import to_flac

pytestmark = pytest.mark.skipif(
    decoder.torchcodec_works(), reason="torchcodec works here, so datasets uses it"
)

TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)).astype(np.float32)


def decoded(feature: datasets.Audio, content: bytes) -> decoder.SoundfileDecoder:
    return feature.decode_example({"bytes": content, "path": None})


def test_array_and_rate() -> None:
    audio = decoded(datasets.Audio(), to_flac(TONE))
    assert audio["sampling_rate"] == 16_000
    assert audio["array"].dtype == np.float32
    assert np.abs(audio["array"] - TONE).max() <= 0.5 / 32_768
    with pytest.raises(TypeError, match="but got 'path'"):
        audio["path"]


def test_samples_as_a_tensor() -> None:
    samples = decoded(datasets.Audio(), to_flac(TONE)).get_all_samples()
    assert samples.data.shape == (1, 16_000)
    assert (samples.sample_rate, samples.duration_seconds) == (16_000, 1.0)
    part = decoded(datasets.Audio(), to_flac(TONE)).get_samples_played_in_range(0.25, 0.5)
    assert part.data.shape == (1, 4_000)
    assert np.array_equal(part.data[0], samples.data[0, 4_000:8_000])


def test_another_rate_is_resampled() -> None:
    audio = decoded(datasets.Audio(sampling_rate=8_000), to_flac(TONE))
    assert len(audio["array"]) == 8_000
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8_000) / 8_000)
    assert np.abs(audio["array"] - expected)[200:-200].max() < 1e-3


def test_stereo_is_averaged() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([TONE, 0 * TONE], axis=1), 16_000, format="WAV", subtype="FLOAT")
    assert np.allclose(decoded(datasets.Audio(), buffer.getvalue())["array"], TONE / 2)
    assert decoded(datasets.Audio(), buffer.getvalue()).get_all_samples().data.shape == (2, 16_000)
    assert decoded(datasets.Audio(num_channels=1), buffer.getvalue()).get_all_samples().data.shape == (
        1,
        16_000,
    )


def test_encoding_keeps_what_was_stored() -> None:
    feature = datasets.Audio(sampling_rate=16_000)
    stored = {"bytes": to_flac(TONE), "path": "tone.flac"}
    assert feature.encode_example(feature.decode_example(stored)) == stored
    array = feature.encode_example({"array": TONE, "sampling_rate": 16_000})
    assert np.array_equal(feature.decode_example(array)["array"], TONE)
    assert feature.encode_example("a.wav") == {"bytes": None, "path": "a.wav"}
    with pytest.raises(ValueError, match="but got int"):
        feature.encode_example(3)


def test_a_path_is_read_at_first_use(tmp_path) -> None:
    path = tmp_path / "tone.flac"
    audio = datasets.Audio().decode_example({"bytes": None, "path": str(path)})
    path.write_bytes(to_flac(TONE))
    assert len(audio["array"]) == 16_000
