"""The doctor on copies that are whole and on copies that are damaged in every way it should see."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from commands import run_command
from conftest import shared_assets
from datasets import load_dataset

from emobox_datasets import corpora
from emobox_datasets.audio_files.audio import SAMPLING_RATE, resample, to_flac, to_integers
from emobox_datasets.audio_files.fingerprint import fingerprint
from emobox_datasets.audio_files.statistics import is_clipped, is_silent, is_white_noise
from emobox_datasets.copy import manifest
from emobox_datasets.corpus import SpeakerFolds, Utterance
from emobox_datasets.doctor.diagnosis import Diagnosis
from emobox_datasets.doctor.examination import examine, files_beside, narrow_band
from emobox_datasets.doctor.hearing import Heard, hear
from emobox_datasets.sources.location import find_root

DEMO = "demo"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the built-in corpus that a test may damage."""
    return Path(shutil.copytree(find_root(corpora.load(DEMO), None), tmp_path / "copy"))


def kinds(diagnosis: Diagnosis, harmful: bool | None = None) -> dict[str, str]:
    """Kind to message of the observations: all, the harmful, or the harmless."""
    return {o.kind: o.message for o in diagnosis.observations if harmful in (None, o.harmful)}


def diagnose(folder: Path) -> Diagnosis:
    return examine(corpora.load(DEMO), folder)


def take(folder: Path, name: str = "ada_angry_01") -> Path:
    return next(folder.rglob(f"{name}.flac"))


def test_a_whole_copy_is_healthy(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("doctor", DEMO, str(copy)) == 0
    out = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "as the corpus describes them; the recordings themselves cannot be compared" in out
    diagnosis = diagnose(copy)
    assert not diagnosis.observations
    assert diagnosis.figures["utterances"] == {"expected": 320, "found": 320}
    assert diagnosis.figures["labels"] == dict.fromkeys(("Angry", "Happy", "Neutral", "Sad"), 80)
    assert diagnosis.figures["sampling_rates"] == {SAMPLING_RATE: 320}


@pytest.mark.parametrize(
    ("name", "rate", "clipped", "shared", "shortcut"),
    [("emodb", 16_000, 0, 107, set()), ("urdu", 44_100, 53, 98, {"speaker predicts label"})],
)
def test_the_real_corpora_are_healthy(
    name: str, rate: int, clipped: int, shared: int, shortcut: set[str]
) -> None:
    corpus, root = corpora.load(name), shared_assets() / "corpora" / name
    diagnosis = examine(corpus, root)
    assert diagnosis.healthy, diagnosis.observations
    assert diagnosis.verdict.startswith("Names, labels, lengths and speakers are those of the release; the")
    assert {o.kind for o in diagnosis.observations} - {"shared speakers", "clipped"} == shortcut
    assert diagnosis.figures["sampling_rates"] == {rate: corpus.utterances}
    assert diagnosis.figures["hours"]["found"] == pytest.approx(corpus.hours, abs=0.0005)
    assert diagnosis.figures["speakers"] == {"expected": corpus.speakers, "found": corpus.speakers}
    assert diagnosis.figures["clipped"] == clipped
    assert f": {shared} of" in next(o.message for o in diagnosis.observations if o.kind == "shared speakers")
    stored = load_dataset(f"emobox/{name}", "all", split="train", data_dir=str(root))
    assert diagnosis.figures["fingerprint"] == fingerprint(stored)


def test_missing_files_are_harmful_and_unused_ones_are_not(copy: Path) -> None:
    shutil.copy(take(copy), copy / "holiday.wav")
    assert kinds(diagnose(copy)) == {"unused": "Audio files that are no utterance of the benchmark: 1."}
    take(copy).unlink()
    diagnosis = diagnose(copy)
    assert not diagnosis.healthy
    assert "got 319: 1 missing." in kinds(diagnosis, harmful=True)["incomplete"]


def test_what_is_missing_is_named_where_the_release_is_lists(tmp_path: Path) -> None:
    root = shutil.copytree(shared_assets() / "corpora/emodb", tmp_path / "emodb")
    next(root.rglob("03a01Fa.wav")).unlink()
    diagnosis = examine(corpora.load("emodb"), root)
    (incomplete,) = (o for o in diagnosis.observations if o.kind == "incomplete")
    assert incomplete.names == ("emodb-03a01Fa",)


def test_files_that_cannot_be_decoded_are_named(copy: Path) -> None:
    cut, text = take(copy), take(copy, "ben_sad_07")
    cut.write_bytes(cut.read_bytes()[:-2000])
    text.write_text("404: Not Found")
    diagnosis = diagnose(copy)
    assert {o.kind for o in diagnosis.observations} == {"unreadable"}
    assert all(o.harmful for o in diagnosis.observations)
    assert {name for o in diagnosis.observations for name in o.names} == {
        "demo-ada_angry_01",
        "demo-ben_sad_07",
    }
    assert diagnosis.figures["unreadable"] == 2


def test_equal_faults_are_told_once(copy: Path) -> None:
    """Samples of 16-bit files in a format for floats: a common slip, here in all of one speaker's files."""
    for path in copy.rglob("ada_*.flac"):
        samples, rate = soundfile.read(path, dtype="int16")
        soundfile.write(path, samples.astype("float32"), rate, format="WAV", subtype="FLOAT")
    (fault,) = diagnose(copy).observations
    assert (fault.kind, fault.harmful, len(fault.names)) == ("unreadable", True, 80)
    assert "ada" not in fault.message


def test_silence_is_harmful_also_where_averaging_makes_it(copy: Path) -> None:
    rewrite(take(copy, "ada_sad_01"), np.zeros_like)
    rewrite(take(copy, "ada_sad_02"), lambda samples: np.stack([samples, -samples], axis=1))
    rewrite(take(copy, "ada_sad_03"), lambda samples: np.stack([samples, 0 * samples], axis=1))
    diagnosis = diagnose(copy)
    (silent,) = (o for o in diagnosis.observations if o.harmful)
    assert (silent.kind, silent.names) == ("silent", ("demo-ada_sad_01", "demo-ada_sad_02"))
    assert diagnosis.figures["silent"] == 2


@pytest.mark.parametrize("rate", [8_000, SAMPLING_RATE, 44_100])
@pytest.mark.parametrize(
    "change", [lambda samples: samples * 0 + 0.25, lambda samples: samples * 1e-4], ids=["constant", "faint"]
)
def test_what_hardly_moves_is_harmful(
    copy: Path, change: Callable[[np.ndarray], np.ndarray], rate: int
) -> None:
    path = take(copy)
    samples, _ = soundfile.read(path)
    soundfile.write(path, change(resample(samples, SAMPLING_RATE, rate)), rate)
    found = {o.kind: o.names for o in diagnose(copy).observations if o.harmful}
    assert found["faint"] == ("demo-ada_angry_01",)
    assert "silent" not in found


def test_what_was_at_8_khz_before_is_found_whatever_its_header_says(tmp_path: Path) -> None:
    root = Path(shutil.copytree(shared_assets() / "corpora" / "emodb", tmp_path / "emodb"))
    paths = sorted(root.rglob("*.wav"))[::200]
    for path in paths:
        samples, rate = soundfile.read(path)
        narrow = resample(resample(samples, rate, 8_000), 8_000, rate)
        soundfile.write(path, np.resize(narrow, len(samples)), rate)
    corpus = corpora.load("emodb")
    (found,) = [o for o in examine(corpus, root).observations if o.harmful]
    assert found.kind == "narrow band"
    assert sorted(found.names) == [f"emodb-{path.stem}" for path in paths]


def test_a_copy_that_is_narrow_throughout_is_remarked_on(copy: Path) -> None:
    heard = [
        replace(hear(utterance), upper_band=-80.0)
        for utterance in corpora.load(DEMO).find(copy).utterances[:9]
    ]
    (found,) = narrow_band(corpora.load(DEMO), heard)
    assert (found.kind, found.harmful) == ("narrow band", False)
    (one,) = narrow_band(replace(corpora.load(DEMO), source="television"), [*heard[:1], *whole(heard[1:])])
    assert (one.names, one.harmful) == ((heard[0].id,), False)


def whole(heard: list[Heard]) -> list[Heard]:
    return [replace(hearing, upper_band=-20.0) for hearing in heard]


def test_a_name_that_a_terminal_would_obey_is_written_out(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(take(copy), copy / "wei\nrd\x1b[31m\u202e.wav")
    assert run_command("doctor", DEMO, str(copy)) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"wei\nrd\x1b[31m\u202e.wav" in re.sub(r"\n", "", shown)
    os.rename(copy, copy.parent / "re\x1b[31md")
    assert run_command("probe", "--model", str(copy.parent / "re\x1b[31md"), "--corpus", DEMO) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_samples_that_are_no_numbers_are_harmful(copy: Path) -> None:
    for name, value in (("ada_sad_01", np.nan), ("ada_sad_02", np.inf)):
        samples = soundfile.read(take(copy, name), dtype="float32")[0]
        samples[7] = value
        soundfile.write(take(copy, name), samples, SAMPLING_RATE, format="WAV", subtype="FLOAT")
    faults = [o for o in diagnose(copy).observations if o.harmful]
    assert {name for fault in faults for name in fault.names} == {"demo-ada_sad_01", "demo-ada_sad_02"}
    assert all("NaN or infinite" in fault.message for fault in faults)


def test_what_lies_beside_is_named_for_what_it_is(copy: Path) -> None:
    found = corpora.load(DEMO).find(copy)
    utterance = found.utterances[0]
    twin = shutil.copy(utterance.path, copy / "holiday.flac")
    beside = replace(
        found, equal_copies=[replace(utterance, path=str(twin))], ignored=["x/y.wav: a dangling link"]
    )
    names = {o.kind: o.names for o in files_beside(f"{copy}/", beside)}
    assert names == {"equal copies": (str(twin),), "ignored": ("x/y.wav: a dangling link",)}


def test_folds_that_cannot_be_trained_are_harmful(copy: Path) -> None:
    """One emotion a speaker, and one speaker: folds by speaker leave nothing to learn from."""
    demo = corpora.load(DEMO)
    for path in copy.rglob("*.flac"):
        speaker, emotion, _ = path.stem.split("_")
        if (speaker == "ada") != (emotion == "angry"):
            path.unlink()
    of_ada = replace(demo, utterances=200)
    found = kinds(examine(of_ada, copy), harmful=True)["untrainable folds"]
    assert (
        "the train part of fold1 has no utterance of Angry, but its test part has 20; the copy is whole"
        in found
    )
    for path in copy.rglob("*.flac"):
        if not path.stem.startswith("ada"):
            path.unlink()
    alone = replace(
        demo, utterances=20, speakers=1, folds=SpeakerFolds((("ada",),)), labels={"angry": "Angry"}
    )
    found = kinds(examine(alone, copy), harmful=True)["untrainable folds"]
    assert "the train part of fold1 is empty (20 in test)" in found
    # Of an incomplete copy it is the utterances that are missing, not the folds that are wrong.
    assert "untrainable folds" not in kinds(examine(replace(alone, utterances=21), copy))


def test_two_files_for_one_utterance_are_harmful(copy: Path) -> None:
    (copy / take(copy).name).write_bytes(take(copy).read_bytes() + b"another")
    assert (
        "Expected one file for utterance demo-ada_angry_01"
        in kinds(diagnose(copy), True)["unreadable corpus"]
    )


def rewrite(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    samples, rate = soundfile.read(path, dtype="float32")
    soundfile.write(path, change(samples), rate, subtype="PCM_16")


def test_audio_of_another_length_is_harmful(copy: Path) -> None:
    for path in copy.rglob("ada_*.flac"):
        rewrite(path, lambda samples: samples[: len(samples) * 9 // 10])
    assert list(kinds(diagnose(copy), harmful=True)) == ["hours"]


def test_sound_that_encoders_stumble_over_is_counted(copy: Path) -> None:
    rewrite(take(copy, "ada_sad_01"), lambda samples: np.tile(samples, 40))
    rewrite(take(copy, "ada_sad_02"), lambda samples: samples[:300])
    rewrite(take(copy, "ada_sad_03"), lambda samples: samples * 100)
    diagnosis = diagnose(copy)
    found = {o.kind: o.names for o in diagnosis.observations if not o.harmful}
    assert found == {
        "long": ("demo-ada_sad_01",),
        "short": ("demo-ada_sad_02",),
        "clipped": ("demo-ada_sad_03",),
    }
    counted = ("over_30_s", "under_25_ms", "clipped")
    assert [diagnosis.figures[name] for name in counted] == [1, 1, 1]


def test_the_same_recording_twice_is_seen_within_and_across_folds(copy: Path) -> None:
    shutil.copy(take(copy, "ada_sad_01"), take(copy, "ada_sad_02"))
    assert kinds(diagnose(copy)) == {"duplicates": "Utterances that share a recording: 2; recordings: 1."}
    # Stored with another compression, it is still the same recording.
    samples, rate = soundfile.read(take(copy, "ada_sad_01"), dtype="int16")
    soundfile.write(take(copy, "ben_sad_01"), samples, rate, compression_level=0.0)
    diagnosis = diagnose(copy)
    assert kinds(diagnosis)["duplicates"] == "Utterances that share a recording: 3; recordings: 1."
    shared = [o.message for o in diagnosis.observations if o.kind == "shared audio"]
    assert shared == ["Test utterances whose recording is also in train, fold1: 2 of 80; fold2: 1 of 80."]


def test_decoding_many_at_a_time_changes_nothing(copy: Path) -> None:
    take(copy).write_text("not audio")
    one, two = (examine(corpora.load(DEMO), copy, jobs) for jobs in (1, 2))
    assert one == two


def test_json_tells_everything(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in copy.rglob("dan_*"):
        path.write_bytes(b"")
    assert run_command("doctor", DEMO, str(copy), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is False
    assert told["corpus"] == DEMO
    assert told["verdict"] == "This copy is not the one the benchmark means."
    named = [name for o in told["observations"] if o["kind"] == "unreadable" for name in o["names"]]
    assert len(named) == len(set(named)) == 80
    assert told["figures"]["unreadable"] == 80


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["emo-db", "{copy}"], "Did you mean emodb"),
        (["emodb", "{copy}/nowhere"], "Expected a folder with EmoDB"),
        (["emodb"], "Expected to be told where EmoDB is"),
        (["demo", "{copy}", "--manifest", "{copy}/none"], "Expected a manifest at"),
        (["demo", "{copy}", "--write-manifest", "{copy}/holiday.wav/x"], "holiday.wav"),
        (["demo", "{copy}/.."], "Expected one file for utterance demo-ada_angry_01"),
    ],
)
def test_json_is_json_whatever_is_wrong(
    copy: Path, words: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "holiday.wav").write_text("a file, no folder")
    another = Path(shutil.copytree(copy, copy.parent / "another copy"))
    take(another).write_text("another file of that name")
    assert run_command("doctor", *(word.format(copy=copy) for word in words), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is False
    assert told["corpus"] == words[0]
    assert part in " ".join(o["message"] for o in told["observations"])


def test_names_that_are_no_text_are_printed(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.fsencode(copy) + b"/r\xe9union.wav", "wb") as file:
        file.write(take(copy).read_bytes())
    for options, name in (([], b"r\\xe9union.wav"), (["--json"], b"r\\udce9union.wav")):
        printed = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, "utf-8", write_through=True))
        assert run_command("doctor", DEMO, str(copy), *options) == 0
        assert name in printed.getvalue()
    (unused,) = json.loads(printed.getvalue())["observations"]
    assert os.fsencode(unused["names"][0]) == b"r\xe9union.wav"


@pytest.mark.parametrize("name", ["demo [old]", "[/red]", "[bold]", ":x:"])
def test_names_of_folders_are_no_markup(copy: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copy.parent / name
    folder.parent.mkdir(exist_ok=True)
    shutil.move(copy, folder)
    assert run_command("doctor", DEMO, str(folder)) == 0
    assert f"/{name}" in capsys.readouterr().out.replace("\n", "")


def test_a_wrong_name_or_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("doctor", "emo-db", str(tmp_path)) == 1
    assert "Did you mean emodb" in capsys.readouterr().err
    assert run_command("doctor", "emodb", str(tmp_path / "nowhere")) == 1
    assert "Expected a folder with EmoDB" in capsys.readouterr().err
    assert run_command("doctor", "emodb", str(tmp_path)) == 1
    shown = capsys.readouterr().out
    assert "found none" in re.sub(r"\s+", " ", shown)
    assert "fingerprint" not in shown  # a table of zeros tells nothing


def test_a_manifest_is_of_files_that_have_bytes(copy: Path) -> None:
    (copy / "broken.wav").symlink_to(copy / "nowhere")
    os.mkfifo(copy / "pipe.wav")
    assert len(manifest.hashes(copy)) == 320


def test_a_manifest_of_any_names_is_read_by_sha256sum_and_back(tmp_path: Path) -> None:
    names = [
        "plain.wav",
        "two\nlines.wav",
        "back\\slash",
        "back\\nslash",
        "re\rturn",
        os.fsdecode(b"caf\xe9.wav"),
    ]
    root = tmp_path / "root"
    root.mkdir()
    for name in names:
        (root / name).write_text(name, errors="surrogateescape")
    digests = manifest.hashes(root)
    manifest.write(tmp_path / "m.sha256", digests)
    assert manifest.read(tmp_path / "m.sha256") == digests
    assert sorted(digests) == sorted(names)
    checked = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", tmp_path / "m.sha256"], cwd=root)
    assert checked.returncode == 0
    by_sha256sum = subprocess.run(
        ["sha256sum", *sorted(names)], cwd=root, capture_output=True, check=True
    ).stdout
    (tmp_path / "theirs.sha256").write_bytes(by_sha256sum)
    assert manifest.read(tmp_path / "theirs.sha256") == digests


def listing(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*"))


def test_a_manifest_sees_what_changed_and_leaves_the_folder_alone(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = listing(copy)
    assert run_command("doctor", DEMO, str(copy), "--write-manifest") == 0
    kept = manifest.default_path(DEMO)
    try:
        assert len(manifest.read(kept)) == 320
        assert listing(copy) == before
        assert run_command("doctor", DEMO, str(copy)) == 0
        # Louder by one step: nothing but the manifest can see that.
        rewrite(take(copy), lambda samples: samples + 2**-15)
        take(copy, "ben_sad_01").rename(copy / "elsewhere.flac")
        capsys.readouterr()
        assert run_command("doctor", DEMO, str(copy), "--json") == 1
        told = {o["kind"]: o["names"] for o in json.loads(capsys.readouterr().out)["observations"]}
        assert told["changed"] == ["ada/ada_angry_01.flac"]
        assert told["gone"] == ["ben/ben_sad_01.flac"]
        assert told["new"] == ["elsewhere.flac"]
    finally:
        kept.unlink()


def test_a_manifest_can_be_kept_anywhere(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lists/demo.sha256"
    assert run_command("doctor", DEMO, str(copy), "--write-manifest", str(file)) == 0
    assert not manifest.default_path(DEMO).exists()
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", "--quiet", str(file)], cwd=copy, check=True)
    assert run_command("doctor", DEMO, str(copy), "--manifest", str(file)) == 0
    rewrite(take(copy), lambda samples: samples + 2**-15)
    assert run_command("doctor", DEMO, str(copy), "--manifest", str(file)) == 1
    assert "changed since" in re.sub(r"\s+", " ", capsys.readouterr().out)


def test_a_broken_manifest_is_told_with_its_line(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "demo.sha256"
    file.write_text(f"{'0' * 64}  a.wav\nsomething\n")
    assert run_command("doctor", DEMO, str(copy), "--manifest", str(file)) == 1
    assert f"two spaces and a path in {file}, line 2" in capsys.readouterr().err
    assert run_command("doctor", DEMO, str(copy), "--manifest", str(tmp_path / "none")) == 1
    assert "Expected a manifest at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("samples", "clipped"),
    [
        ([0.2, 1.0, 1.0, 1.0, 0.2], True),
        ([0.2, -1.0, -1.0, -1.0], True),
        ([0.2, 1.0, 1.0, 0.2, 1.0], False),
        ([1.0, -1.0, 1.0, -1.0], False),
        ([1.7, 1.9, 1.8], True),
        ([1.0], False),
    ],
)
def test_clipping_is_a_flat_top(samples: list[float], clipped: bool) -> None:
    assert is_clipped(np.array(samples)[:, None]) is clipped
    quiet = np.zeros((len(samples), 1))
    assert is_clipped(np.hstack([quiet, np.array(samples)[:, None]])) is clipped


def test_a_span_is_heard_as_a_span(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.zeros((44_100 * 3, 2)), 44_100)
    path = str(tmp_path / "a.flac")
    heard = hear(Utterance("x", path, "n", "Neutral", "de", start=1.0, end=1.5))
    assert (heard.seconds, heard.sampling_rate, heard.channels) == (0.5, 44_100, 2)


@pytest.mark.parametrize("steps", [0.0, 0.2, 0.4999, 0.5, 0.5001, 1.0])
def test_silence_is_what_is_stored_as_zeros(steps: float) -> None:
    waveform = np.array([0.1, -0.1, 1.0, -1.0], np.float32) * np.float32(steps / 2**15)
    assert is_silent(waveform) != to_integers(waveform).any()
    assert is_silent(waveform) != soundfile.read(io.BytesIO(to_flac(waveform)))[0].any()


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_414, 44_100, 48_000])
def test_noise_is_white_at_whatever_rate_it_was_made(rate: int) -> None:
    generator = np.random.default_rng(rate)
    for noise in (generator.normal(0, 0.1, rate), generator.uniform(-0.3, 0.3, rate)):
        assert is_white_noise(resample(noise, rate, SAMPLING_RATE))
        assert not is_white_noise(resample(np.cumsum(noise), rate, SAMPLING_RATE))
        assert not is_white_noise(resample(noise[: rate // 4], rate, SAMPLING_RATE))
