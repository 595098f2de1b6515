"""The stand-in for torchcodec: the same manners as `datasets`' own decoder, on the same bytes."""

import copy
import io
import json
import pickle
import sys

import classifiers
import datasets
import numpy as np
import pytest
import soundfile
import torch
import transformers
from torch.utils.data import default_collate
from transformers.pipelines.pt_utils import KeyDataset

from emobox_datasets.audio_files.audio import to_flac
from emobox_datasets.errors import AudioError
from emobox_datasets.loading import decoder

pytestmark = pytest.mark.skipif(
    decoder.torchcodec_works(), reason="torchcodec works here, so datasets uses it"
)

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000).astype(np.float32)
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
    data, *rest = samples
    assert data is samples.data
    assert rest == [0.0, 1.0, 16_000]
    part = decoded(datasets.Audio(), to_flac(TONE)).get_samples_played_in_range(0.25, 0.5)
    assert part.data.shape == (1, 4_000)
    assert np.array_equal(part.data[0], samples.data[0, 4_000:8_000])


def flipped(content: bytes) -> bytes:
    """One bit of the samples is another: it decodes, or not, but no longer to what was stored."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (flipped(to_flac(NOISE)), "has changed since it was converted|cannot be decoded"),
        # The MD5 of other samples: nothing but that can tell.
        (to_flac(NOISE)[:26] + bytes(range(16)) + to_flac(NOISE)[42:], "has changed since it was converted"),
        (b"fLaC" + bytes(200), "it cannot be decoded"),
        (b"", "it cannot be decoded"),
    ],
)
def test_damaged_audio_is_told_with_the_name_of_the_utterance(content: bytes, reason: str) -> None:
    audio = datasets.Audio().decode_example({"bytes": content, "path": "demo-ada_angry_01.flac"})
    with pytest.raises(
        AudioError, match=rf"audio in demo-ada_angry_01\.flac, but .*({reason}).*force_redownload"
    ):
        audio["array"]


def test_a_damaged_file_is_to_be_replaced(tmp_path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    audio = datasets.Audio().decode_example({"bytes": None, "path": str(tmp_path / "a.wav")})
    for read in (lambda: audio["array"], lambda: audio.metadata):
        with pytest.raises(AudioError, match=r"a\.wav, but it cannot be decoded .*; replace it"):
            read()


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


# What torchcodec 0.13.0 gave for one second of 16 kHz: samples, pts_seconds, duration_seconds.
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((-0.1, 0.2), (3_200, 0.0, 0.2)),
        ((0.5,), (8_000, 0.5, 0.5)),
        ((0.5, 0.5), (0, 0.5, 0.0)),
        ((0, 0), (0, 0.0, 0.0)),
        ((0.10001, 0.20001), (1_600, 0.10001, 0.1)),
    ],
)
def test_ranges_are_torchcodecs(given, expected) -> None:
    samples = decoded(datasets.Audio(), to_flac(TONE)).get_samples_played_in_range(*given)
    assert (samples.data.shape[1], samples.pts_seconds, samples.duration_seconds) == expected


@pytest.mark.parametrize(
    ("given", "error"), [((0.6, 0.5), ValueError), ((2.0, 3.0), RuntimeError), ((2.0,), RuntimeError)]
)
def test_ranges_that_torchcodec_refuses(given, error) -> None:
    with pytest.raises(error, match="Expected start_seconds"):
        decoded(datasets.Audio(), to_flac(TONE)).get_samples_played_in_range(*given)


def test_metadata_is_of_the_stored_audio() -> None:
    audio = datasets.Audio(sampling_rate=8_000).decode_example({"bytes": to_flac(TONE), "path": "tone.flac"})
    metadata = audio.metadata
    assert (metadata.sample_rate, metadata.num_channels, metadata.duration_seconds) == (16_000, 1, 1.0)
    assert (metadata.path, metadata.begin_stream_seconds, audio.stream_index) == ("tone.flac", 0.0, 0)


def test_one_stream_only() -> None:
    with pytest.raises(ValueError, match="`stream_index` to be None or 0, but got 1; install torchcodec"):
        decoded(datasets.Audio(stream_index=1), to_flac(TONE))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda audio: pickle.loads(pickle.dumps(audio))])
def test_copies_and_pickles_decode_the_same(again) -> None:
    audio = decoded(datasets.Audio(sampling_rate=8_000), to_flac(TONE))
    assert np.array_equal(again(audio)["array"], audio["array"])
    assert again(audio)["sampling_rate"] == 8_000
    assert audio != again(audio)
    assert len({audio, audio, again(audio)}) == 2


def test_a_dictionary_of_array_and_rate_that_is_not_written_to() -> None:
    audio = decoded(datasets.Audio(), to_flac(TONE))
    for plain in (dict(audio), {**audio}, audio.copy(), audio | {}, {} | audio, dict(audio.items())):
        assert type(plain) is dict
        assert list(plain) == ["array", "sampling_rate"]
        assert np.array_equal(plain["array"], audio["array"])
        assert plain["sampling_rate"] == 16_000
    assert list(audio.values())[1] == 16_000
    assert (audio.get("path"), audio.get("path", 1), audio.pop("raw", None)) == (None, 1, None)
    with pytest.raises(KeyError):
        audio.pop("raw")
    for write in (
        lambda: audio.update(array=None),
        lambda: audio.__setitem__("array", None),
        lambda: audio.setdefault("path"),
        lambda: audio.clear(),
    ):
        with pytest.raises(TypeError, match=r"write to its `copy\(\)`"):
            write()
    assert repr(audio) == "<SoundfileDecoder of bytes>"
    assert default_collate([audio, audio])["array"].shape == (2, 16_000)


@pytest.fixture(scope="module")
def rows() -> datasets.Dataset:
    """Three rows of unequal length, the last one also in a list."""
    stored = [{"bytes": to_flac(TONE[:size]), "path": None} for size in (16_000, 9_000, 12_345)]
    features = datasets.Features({"audio": datasets.Audio(), "takes": [datasets.Audio()]})
    return datasets.Dataset.from_dict({"audio": stored, "takes": [stored[:1]] * 3}, features=features)


@pytest.mark.parametrize("kind", [None, "torch", "numpy"])
def test_formats_do_not_take_it_apart(rows: datasets.Dataset, kind: str | None) -> None:
    formatted = rows.with_format(kind)
    for audio in (
        formatted[0]["audio"],
        formatted[:2]["audio"][1],
        formatted["audio"][2],
        formatted[0]["takes"][0],
        next(iter(rows.to_iterable_dataset().with_format(kind)))["audio"],
    ):
        assert isinstance(audio, decoder.SoundfileDecoder)


def test_what_map_returns_is_stored(rows: datasets.Dataset) -> None:
    mapped = rows.map(lambda row: {"kept": row["audio"], "pair": (row["audio"], row["audio"])})
    stored = rows.cast_column("audio", datasets.Audio(decode=False))[1]["audio"]
    assert mapped[1]["kept"] == stored
    assert mapped[1]["pair"] == [stored, stored]


@pytest.fixture(scope="module")
def classify() -> transformers.Pipeline:
    model, extractor = classifiers.tiny(["angry", "happy", "sad"])
    return transformers.pipeline("audio-classification", model=model, feature_extractor=extractor)


def test_a_row_is_classified_like_its_array(classify, rows: datasets.Dataset) -> None:
    expected = [classify(row["audio"]["array"]) for row in rows]
    row = rows[0]
    assert classify(row["audio"]) == classify(row["audio"]) == expected[0]
    assert list(row["audio"]) == ["array", "sampling_rate"]
    assert classify([row["audio"] for row in rows]) == expected
    assert classify(list(rows["audio"])) == expected
    with pytest.raises(TypeError):
        classify(rows["audio"])  # a Column: docs/install.md says what to give instead
    assert list(classify(KeyDataset(rows, "audio"))) == expected
    assert list(classify(KeyDataset(rows.with_format("torch"), "audio"))) == expected
    assert list(classify(row["audio"] for row in rows)) == expected


def test_rows_are_classified_in_batches_like_their_arrays(classify, rows: datasets.Dataset) -> None:
    arrays = [row["audio"]["array"] for row in rows]
    expected = classify(arrays, batch_size=2)
    assert list(classify(KeyDataset(rows, "audio"), batch_size=2)) == expected
    assert classify([row["audio"] for row in rows], batch_size=2) == expected


def test_speech_recognition_leaves_the_row_whole(rows: datasets.Dataset, tmp_path) -> None:
    """Its pipeline pops the keys of what it is given, and hands what is left to the model."""
    torch.manual_seed(0)
    (tmp_path / "vocab.json").write_text(
        json.dumps({token: index for index, token in enumerate(["<pad>", "|", "a", "b", "<unk>"])})
    )
    config, extractor = classifiers.tiny(["a"])[0].config, classifiers.tiny(["a"])[1]
    config.vocab_size = 5
    recognise = transformers.pipeline(
        "automatic-speech-recognition",
        model=transformers.Wav2Vec2ForCTC(config).eval(),
        feature_extractor=extractor,
        tokenizer=transformers.Wav2Vec2CTCTokenizer(tmp_path / "vocab.json", pad_token="<pad>"),
    )
    audio = rows[0]["audio"]
    for options in ({}, {"chunk_length_s": 0.5}):
        expected = recognise(audio["array"].copy(), **options)
        assert recognise(audio, **options) == recognise(audio, **options) == expected
        arrays = [row["audio"]["array"] for row in rows]
        assert list(recognise(KeyDataset(rows, "audio"), **options)) == recognise(arrays, **options)
    assert np.array_equal(audio["array"], rows[0]["audio"]["array"])
    assert audio["sampling_rate"] == 16_000
    assert audio


def test_a_broken_torchcodec_is_not_left_half_imported(tmp_path, monkeypatch) -> None:
    (tmp_path / "torchcodec/decoders").mkdir(parents=True)
    (tmp_path / "torchcodec/__init__.py").write_text("")
    (tmp_path / "torchcodec/decoders/__init__.py").write_text("raise RuntimeError('no FFmpeg')")
    monkeypatch.syspath_prepend(tmp_path)
    assert not decoder.torchcodec_works()
    assert not [name for name in sys.modules if name.startswith("torchcodec")]
