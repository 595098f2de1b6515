"""The doctor on real and made-up copies that have the right names and the wrong recordings."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr
from commands import run_command

from emobox_datasets import corpora
from emobox_datasets.corpus import Utterance
from emobox_datasets.doctor.diagnosis import Diagnosis
from emobox_datasets.doctor.examination import examine
from emobox_datasets.doctor.hearing import Heard, hear
from emobox_datasets.doctor.release_comparison import against_release, compared, conversion, evidence
from emobox_datasets.released.utterances import ReleasedUtterance, released_utterances

SAVEE = corpora.load("savee")
RATE = 16_000


def problems(diagnosis: Diagnosis) -> dict[str, tuple[str, ...]]:
    return {o.kind: o.names for o in diagnosis.observations if o.harmful}


def swap(one: Path, other: Path) -> None:
    aside = one.rename(one.with_suffix(".aside"))
    other.rename(one)
    aside.rename(other)


def test_four_damages_of_a_real_copy_are_four_problems(
    shared_assets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(shared_assets / "corpora/emodb", tmp_path / "emodb"))
    files = {path.stem: path for path in root.rglob("*.wav")}
    swap(files["03a01Fa"], files["16b10Wb"])
    for name, change in {
        "08a02Ab": lambda samples: samples[: len(samples) * 95 // 100],
        "09b03Ta": np.zeros_like,
    }.items():
        samples, rate = soundfile.read(files[name], dtype="float32")
        soundfile.write(files[name], change(samples), rate)
    samples, rate = soundfile.read(files["11a05Td"])
    soundfile.write(files["11a05Td"], soxr.resample(samples, rate, 8_000), 8_000)
    assert run_command("doctor", "emodb", str(root), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    found = {o["kind"]: o for o in told["observations"] if o["harmful"]}
    assert {kind: o["names"] for kind, o in found.items()} == {
        "swapped": ["emodb-03a01Fa and emodb-16b10Wb"],
        "lengths": ["emodb-08a02Ab"],
        "silent": ["emodb-09b03Ta"],
        "sampling rate": ["emodb-11a05Td"],
    }
    assert "got 1 shorter and 0 longer utterances of 535" in found["lengths"]["message"]
    assert "8000 instead of 16000 Hz: 1" in found["sampling rate"]["message"]


def test_a_converted_real_copy_is_healthy_and_called_converted(shared_assets: Path) -> None:
    diagnosis = examine(corpora.load("ravdess"), shared_assets / "corpora/ravdess")
    assert diagnosis.healthy, diagnosis.observations
    (note,) = (o for o in diagnosis.observations if o.kind == "converted copy")
    assert note.message == (
        "Utterances that are in another form than published: 1440 (as .flac: 1440, at 16000 instead of 48000 Hz: 1440)."
    )
    assert len(note.names) == 1440
    assert "lengths and speakers are those of the release" in diagnosis.verdict


def sound(seconds: float, seed: int) -> np.ndarray:
    """Noise that gets weaker toward high frequencies, as speech does."""
    return 0.1 * np.convolve(
        np.random.default_rng(seed).normal(size=round(seconds * RATE)), np.hanning(9), "same"
    )


@pytest.fixture(scope="module")
def whole(light_root: Path) -> Iterator[Path]:
    """All of SAVEE by name and length, at 16 kHz."""
    root = light_root / "savee-16k"
    for seed, (id, utterance) in enumerate(released_utterances("savee").items()):
        _, speaker, name = id.split("-")
        (root / speaker).mkdir(parents=True, exist_ok=True)
        soundfile.write(root / speaker / f"{name}.wav", sound(utterance.seconds, seed), RATE)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def savee(whole: Path, light_path: Path) -> Path:
    """A copy of links: files are to be renamed or made anew, not written into."""
    return Path(shutil.copytree(whole, light_path / "savee", copy_function=os.link))


def rewrite(path: Path, change: Callable[[np.ndarray], np.ndarray], rate: int = RATE) -> None:
    samples = soundfile.read(path)[0]
    path.unlink()
    soundfile.write(path, change(samples), rate)


def test_a_whole_copy_at_a_sufficient_rate_is_converted_and_no_more(savee: Path) -> None:
    diagnosis = examine(SAVEE, savee)
    assert {o.kind: o.harmful for o in diagnosis.observations} == {"converted copy": False}
    assert diagnosis.verdict == (
        "Names, labels, lengths and speakers are those of the release; the recordings themselves cannot be compared, "
        "because the release publishes no checksums."
    )


def test_recordings_shuffled_among_names_look_shuffled(savee: Path) -> None:
    paths = sorted(savee.rglob("*.wav"))
    for path in paths:
        path.rename(path.with_suffix(".aside"))
    for path, number in zip(paths, np.random.default_rng(0).permutation(len(paths)), strict=True):
        paths[number].with_suffix(".aside").rename(path)
    found = problems(examine(SAVEE, savee))
    assert found.keys() <= {"shuffled", "swapped"}
    assert len(found["shuffled"]) > 400


def test_three_that_changed_places_look_shuffled(savee: Path) -> None:
    swap(savee / "DC/a01.wav", savee / "JE/h05.wav")
    swap(savee / "DC/a01.wav", savee / "KL/sa07.wav")
    names = {"savee-DC-a01", "savee-JE-h05", "savee-KL-sa07"}
    assert {kind: set(ids) for kind, ids in problems(examine(SAVEE, savee)).items()} == {"shuffled": names}


@pytest.mark.parametrize(
    ("change", "rate", "kind"),
    [
        (np.zeros_like, RATE, "silent"),
        (lambda samples: np.random.default_rng(0).normal(0, 0.1, len(samples)), RATE, "white noise"),
        (lambda samples: soxr.resample(samples, RATE, 8_000), 8_000, "sampling rate"),
        (lambda samples: samples[len(samples) // 20 :], RATE, "lengths"),
    ],
)
def test_what_happened_to_every_recording_is_one_problem(
    savee: Path, change: Callable[[np.ndarray], np.ndarray], rate: int, kind: str
) -> None:
    for path in savee.rglob("*.wav"):
        rewrite(path, change, rate)
    found = problems(examine(SAVEE, savee))
    assert list(found) == [kind]
    assert len(found[kind]) == 480


def test_the_right_number_of_wrong_names_is_seen(savee: Path) -> None:
    (savee / "DC/a01.wav").rename(savee / "DC/a99.wav")
    assert problems(examine(SAVEE, savee)) == {"foreign": ("savee-DC-a99",)}


def test_what_is_missing_is_named_and_the_rest_compared(savee: Path) -> None:
    (savee / "DC/a01.wav").unlink()
    rewrite(savee / "DC/a02.wav", lambda samples: samples[:-RATE])
    assert problems(examine(SAVEE, savee)) == {"incomplete": ("savee-DC-a01",), "lengths": ("savee-DC-a02",)}


LOSSY = {"mp3": "libmp3lame", "m4a": "aac", "webm": "libopus", "avi": "libmp3lame"}


def encode(samples: np.ndarray, rate: int, path: Path, codec: str) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], "fltp", "mono")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        resampler = av.AudioResampler(stream.format, "mono", rate, stream.frame_size)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("ending", LOSSY)
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_lossy_copies_have_the_length_within_two_frames(ending: str, rate: int, tmp_path: Path) -> None:
    heard, utterances, released = [], [], {}
    for number, seconds in enumerate((0.8, 1.234, 3.0, 3.021)):
        path = tmp_path / f"DC_a{number}.{ending}"
        encode(soxr.resample(sound(seconds, number), RATE, rate), rate, path, LOSSY[ending])
        utterances.append(utterance(str(number), str(path)))
        heard.append(hear(utterances[-1]))
        released[str(number)] = ReleasedUtterance("Angry", "DC", round(seconds * 44_100), 44_100)
    assert not list(against_release(compared(SAVEE, utterances, heard, released)))
    apart = [1000 * (h.seconds - released[h.id].seconds) for h in heard]
    if ending == "m4a":  # FFmpeg's AAC has the frames that it begins with, and fills its last
        said = f"lossy copies: 4, up to {max(apart):.0f} ms longer"
        rows = compared(SAVEE, utterances, heard, released)
        (note,) = conversion(rows, utterances)
        assert note.message.endswith(f"; {said}.")
        assert f"are those of the release ({said}); the recordings" in evidence(rows, 4)
    frames = 2 * 1152 / heard[0].sampling_rate + 0.01
    cut = [replace(hearing, seconds=hearing.seconds - 2 * frames) for hearing in heard]
    (found,) = against_release(compared(SAVEE, utterances, cut, released))
    assert (found.kind, len(found.names)) == ("lengths", 4)


@pytest.mark.parametrize(
    ("suffix", "codec", "lossy"),
    [
        ("wav", "libmp3lame", True),
        ("wav", "adpcm_ms", True),
        ("wav", "pcm_s24le", False),
        ("wav", "pcm_alaw", False),
        ("m4a", "aac", True),
        ("m4a", "alac", False),
        ("webm", "libopus", True),
    ],
)
def test_the_codec_tells_how_far_lengths_may_differ(
    tmp_path: Path, suffix: str, codec: str, lossy: bool
) -> None:
    rate = 48_000
    samples = sound(1.234, 0)
    path = tmp_path / f"a.{suffix}"
    encode(soxr.resample(samples, RATE, rate), rate, path, codec)
    shutil.copy(path, tmp_path / "renamed.wav")
    for file in (path, tmp_path / "renamed.wav"):
        released = {"x": ReleasedUtterance("Angry", "DC", round(1.234 * rate), rate)}
        (row,) = compared(SAVEE, [utterance("x", str(file))], [hear(utterance("x", str(file)))], released)
        assert row.heard.lossy is lossy
        assert row.same_length
        assert (row.tolerance > 0.02) is lossy


def utterance(id: str, path: str = "a.wav", label: str = "Angry", speaker: str | None = "DC") -> Utterance:
    return Utterance(id, path, "a", label, "en", speaker=speaker)


def listened(id: str, samples: int, rate: int = 44_100) -> Heard:
    return Heard(id, "a.wav", seconds=samples / rate, sampling_rate=rate, channels=1)


@pytest.mark.parametrize(("samples", "same"), [(0, True), (1, True), (-1, True), (2, False), (-2, False)])
def test_wav_and_flac_are_held_to_one_sample(samples: int, same: bool) -> None:
    released = {"x": ReleasedUtterance("Angry", "DC", 100_000, 44_100)}
    (row,) = compared(SAVEE, [utterance("x")], [listened("x", 100_000 + samples)], released)
    assert row.same_length is same


def test_labels_and_speakers_are_the_releases() -> None:
    released = {id: ReleasedUtterance("Angry", "DC", 1000, 44_100) for id in "abc"}
    copy = [utterance("a", label="Sad"), utterance("b", speaker="JE"), utterance("c")]
    found = {
        o.kind: o
        for o in against_release(compared(SAVEE, copy, [listened(i, 1000) for i in "abc"], released))
    }
    assert {kind: o.names for kind, o in found.items()} == {"labels": ("a",), "speakers": ("b",)}
    assert "got others for 1 utterances, such as JE instead of DC for b" in found["speakers"].message
    assert all(o.harmful for o in found.values())


def test_a_release_without_speakers_contradicts_no_speaker() -> None:
    released = {"x": ReleasedUtterance("Angry", None, 1000, 44_100)}
    rows = compared(SAVEE, [utterance("x")], [listened("x", 1000)], released)
    assert not list(against_release(rows))
    assert evidence(rows, 1).startswith("Names, labels and lengths are those of the release; ")
    assert evidence(rows, 8).endswith("Of 7 other utterances it tells neither labels nor lengths.")
    assert "neither lengths nor checksums of them are known" in evidence([], 8)


def test_a_rate_above_16_khz_or_as_published_is_sufficient() -> None:
    rates = {"a": (8_000, 8_000), "b": (44_100, 16_000), "c": (22_050, 16_000), "d": (16_000, 11_025)}
    released = {id: ReleasedUtterance("Angry", "DC", origin, origin) for id, (origin, _) in rates.items()}
    heard = [listened(id, rate, rate) for id, (_, rate) in rates.items()]
    rows = compared(SAVEE, [utterance(id) for id in rates], heard, released)
    assert [o.names for o in against_release(rows)] == [("d",)]
    assert [o.names for o in conversion(rows, [])] == [("b", "c")]


def test_cuts_of_lossy_copies_do_not_look_swapped_or_shuffled() -> None:
    """Many short utterances whose lengths lie closer together than what lossy decoders differ by."""
    seconds = np.random.default_rng(0).uniform(1.6, 4, 3000)
    released = {
        str(i): ReleasedUtterance("Angry", "DC", round(s * 44_100), 44_100) for i, s in enumerate(seconds)
    }
    copy = [utterance(id, path="a.mp3") for id in released]
    heard = [
        Heard(id, "a.mp3", seconds=0.9 * origin.seconds, sampling_rate=44_100, lossy=True)
        for id, origin in released.items()
    ]
    assert [o.kind for o in against_release(compared(SAVEE, copy, heard, released))] == ["lengths"]
