"""Lays out corpora as their publishers ship them: annotation files in the publisher's format, audio files of zeros.

Everything comes from `facts/released_folds.parquet`, whose rows the corpora must yield again, and from texts that
are awkward on purpose: separators, quotes, line breaks and control characters occur in the real files.
"""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from conftest import shared_assets

TEXT = 'He said: "No, | never;\nnot again…\x85"'
# Not quoted by a CSV writer; the control character, an ellipsis once, is a line end to `str.splitlines`.
BARE_TEXT = "we were\x85I was"
NOT_AUDIO = (".DS_Store", "__MACOSX/._a.wav", "README.txt")


# A hole in the file: it takes no room, and no one takes it for empty or a pointer.
HOLE = 2048


def touch(root: Path, paths: Iterable[str]) -> None:
    folders = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        if folder not in folders:
            (root / folder).mkdir(parents=True, exist_ok=True)
            folders.add(folder)
        file = os.open(f"{root}/{path}", os.O_CREAT | os.O_WRONLY)
        os.truncate(file, HOLE)
        os.close(file)


@contextmanager
def roomy_folder() -> Iterator[Path]:
    """A folder for a hundred thousand files of zeros: in memory where the system offers that, which is much faster."""
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    with TemporaryDirectory(prefix="emobox-tests-", dir=parent) as folder:
        yield Path(folder)


def table(file: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]], delimiter: str = ",") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(rows)


def document(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def names(rows: pd.DataFrame) -> list[str]:
    return [path.rpartition("/")[2] for path in rows.path]


def emns(root: Path, rows: pd.DataFrame) -> None:
    columns = ("id", "utterance", "gender", "age", "emotion", "level", "description", "audio_recording")
    emotions = ["Surprised" if label == "Surprise" else label for label in rows.raw_label]
    table(
        root / "metadata.csv",
        columns,
        [
            (1, TEXT, "female", "30s", emotion, "3", TEXT, f"wavs/{name}")
            for emotion, name in zip(emotions, names(rows), strict=True)
        ],
        delimiter="|",
    )
    touch(root, rows.path)
    touch(root, [f"raw_webm/{name}" for name in names(rows)])


def emozionalmente(root: Path, rows: pd.DataFrame) -> None:
    table(
        root / "metadata/samples.csv",
        ("id", "timestamp", "file_name", "actor", "sentence", "emotion_expressed"),
        [
            (1, 2, name, row.speaker, TEXT, row.raw_label)
            for name, row in zip(names(rows), rows.itertuples(), strict=True)
        ],
    )
    actors = sorted(set(rows.speaker))
    genders = ("f", "m", "Other")
    table(
        root / "metadata/users.csv",
        ("username", "gender", "age"),
        [(actor, genders[number % 3], 30) for number, actor in enumerate(actors)],
    )
    touch(root, rows.path)


def iemocap(root: Path, rows: pd.DataFrame) -> None:
    for scene, turns in rows.groupby(rows.id.str.removeprefix("iemocap-").str[:-5]):
        session = root / f"Session{scene[4]}"
        lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
        for turn in turns.itertuples():
            name = turn.id.removeprefix("iemocap-")
            lines += _turn(name, turn.raw_label) + _turn(f"{name[:-3]}9{name[-2:]}", "xxx")
        file = session / f"dialog/EmoEvaluation/{scene}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines), encoding="utf-8")
        touch(session, [f"dialog/EmoEvaluation/Categorical/{scene}_e2_cat.txt", f"dialog/wav/{scene}.wav"])
    touch(root, rows.path)


def _turn(name: str, label: str) -> list[str]:
    return [
        f"[6.2901 - 8.2357]\t{name}\t{label}\t[2.5000, 3.5000, 1.6667]",
        "C-E2:\tNeutral;\t()",
        "C-F1:\tNeutral; Other;\t(curious)",
        "A-E3:\tval 3; act 2; dom  2;\t()",
        "",
    ]


def m3ed(root: Path, rows: pd.DataFrame) -> None:
    shows: dict[str, Any] = {}
    split_of: dict[str, str] = {}
    for name, row in zip(names(rows), rows.itertuples(), strict=True):
        show, character = row.speaker.split("_", 1)
        side, turn = name.removesuffix(".wav").split("_", 1)
        scene = shows.setdefault(show, {}).setdefault(
            turn.rpartition("_")[0], {"SpeakerInfo": {}, "Dialog": {}}
        )
        scene["SpeakerInfo"][side] = {"Name": character, "Gender": "-"}
        scene["Dialog"][turn] = {
            "StartTime": "00:00:01:00",
            "Text": TEXT,
            "Speaker": side,
            "EmoAnnotation": {"EmoAnnotator1": "Neutral", "final_main_emo": row.raw_label},
        }
        split_of[show] = row.split
    document(root / "annotation.json", shows)
    for part, name in {"train": "train", "valid": "val", "test": "test"}.items():
        listed = [show for show, split in split_of.items() if split == part]
        file = root / f"splitInfo/movie_list_{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(listed), encoding="utf-8")
    touch(root, rows.path)


MELD_TABLES = {"train": "train/train_sent_emo.csv", "valid": "dev_sent_emo.csv", "test": "test_sent_emo.csv"}
# In the tables, but not in the release: one clip that is no video, and one that was never published.
MELD_ABSENT = {"train": ("125", "3"), "valid": ("110", "7")}


def meld(root: Path, rows: pd.DataFrame) -> None:
    columns = (
        "Sr No.",
        "Utterance",
        "Speaker",
        "Emotion",
        "Sentiment",
        "Dialogue_ID",
        "Utterance_ID",
        "Season",
    )
    numbers = rows.id.str.extract(r"dia(\d+)_utt(\d+)-")
    for part, file in MELD_TABLES.items():
        chosen = rows.split == part
        lines = [
            (1, BARE_TEXT, row.speaker.replace("-", " "), row.raw_label, "neutral", dialogue, utterance, 4)
            for row, dialogue, utterance in zip(
                rows[chosen].itertuples(), numbers[0][chosen], numbers[1][chosen], strict=True
            )
        ]
        if part in MELD_ABSENT:
            lines.append((1, TEXT, "Ross", "neutral", "neutral", *MELD_ABSENT[part], 4))
        table(root / file, columns, lines)
    touch(root, rows.path)
    touch(root, ["train/train_splits/dia125_utt3.mp4", "dev_splits_complete/dia999_utt0.mp4"])
    touch(root, ["output_repeated_splits_test/final_videos_testdia0_utt0.mp4"])


def mer2023(root: Path, rows: pd.DataFrame) -> None:
    part = rows.path.str.extract(r"(train|test\d)/[^/]+$")[0]
    tables = {"train": "mer2023train/train-label.csv"}
    for name in ("train", "test1", "test2", "test3"):
        chosen = rows[part == name]
        table(
            root / tables.get(name, f"test-labels/{name}-label.csv"),
            ("name", "discrete", "valence"),
            [(base[:-4], label, -1.5) for base, label in zip(names(chosen), chosen.raw_label, strict=True)],
        )
    touch(root, rows.path)
    touch(root, ["mer2023train/test3/samplenew_99999999.mp4", "mer2023train/test3/sample_00000007.avi"])


MSP_SPLITS = {"train": "Train", "valid": "Validation", "test": "Test1", "unused": "Test2"}


def msp_podcast(root: Path, rows: pd.DataFrame) -> None:
    document(
        root / "label/labels_concensus.json",
        {
            name: {
                "EmoClass": row.raw_label,
                "EmoAct": "5.428571428571429",
                "EmoVal": 4.0,
                "EmoDom": 2.6,
                "SpkrID": row.speaker,
                "Gender": "Female",
                "Split_Set": MSP_SPLITS[row.split],
            }
            for name, row in zip(names(rows), rows.itertuples(), strict=True)
        },
    )
    touch(root, rows.path)


def pavoque(root: Path, rows: pd.DataFrame) -> None:
    for path, spans in rows.groupby("path"):
        entries = []
        for span in spans.itertuples():
            prompt, style = span.id.removeprefix("pavoque-").rsplit("-", 1)
            entries.append(
                f"- prompt: {prompt}\n  text: 'Eins: zwei, \"drei\",\n    vier'\n  style: {style}\n"
                f"  start: {span.start}\n  end: {span.end}\n"
                f"  segments:\n  - {{lab: H#, end: 0.382042}}\n  - {{lab: 'i:', end: 0.8}}\n"
            )
        (root / path).with_suffix(".yaml").write_text("".join(entries), encoding="utf-8")
    touch(root, set(rows.path))


def resd(root: Path, rows: pd.DataFrame) -> None:
    for split in ("train", "test"):
        chosen = rows[rows.split == split]
        paths = chosen.path.str.removeprefix(f"{split}/")
        table(root / f"{split}.csv", ("path", "emotion"), list(zip(paths, chosen.raw_label, strict=True)))
    touch(root, rows.path)


PUBLISHERS: Mapping[str, Callable[[Path, pd.DataFrame], None]] = {
    writer.__name__: writer
    for writer in (emns, emozionalmente, iemocap, m3ed, meld, mer2023, msp_podcast, pavoque, resd)
}


def lay_out(root: Path, corpus: str, rows: pd.DataFrame) -> Path:
    """Write a corpus into `root`, in a folder such as archive tools make, beside files that are not audio."""
    folder = root / f"{corpus} (copy)"
    folder.mkdir(parents=True)
    PUBLISHERS[corpus](folder, rows)
    touch(root, NOT_AUDIO)
    return root


MSP_TRAIN, MSP_TEST2 = 44_879, 5_037


def released(corpus: str) -> pd.DataFrame:
    """The rows of the release; of MSP-Podcast, whose training part is not in it, made-up ones besides."""
    rows = pd.read_parquet(
        shared_assets() / "facts/released_folds.parquet", filters=[("corpus", "==", corpus)]
    )
    if corpus != "msp_podcast":
        return rows
    rows["speaker"] = "7"
    splits = ["train"] * MSP_TRAIN + ["unused"] * MSP_TEST2
    names = [f"MSP-PODCAST_9999_{number:05d}" for number in range(len(splits))]
    more = pd.DataFrame(
        {
            "id": [f"msppodcast-{name}" for name in names],
            "path": [f"Audio/{name}.wav" for name in names],
            "split": splits,
        }
    ).assign(raw_label="X", label="No-agreement", speaker="Unknown", channel=1)
    return pd.concat([rows, more], ignore_index=True)
