"""The card of a prepared corpus: metadata that `datasets` and the Hub read, figures and pictures that people read."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow.parquet as pq
from huggingface_hub import DatasetCard, DatasetCardData
from matplotlib.figure import Figure

import emobox_datasets.corpora as corpora
from emobox_datasets.corpus import Corpus
from emobox_datasets.folds.balanced import remarks
from emobox_datasets.folds.partition import configurations, why_not_strict
from emobox_datasets.loading.builder import features_of
from emobox_datasets.repository.licences import redistribution
from emobox_datasets.repository.prepared import CARD, Prepared
from emobox_datasets.repository.without_audio import metadata_features
from emobox_datasets.repository.write import loading_metadata
from emobox_probe.features.shards import write_whole

TEMPLATE = Path(__file__).parent / "templates" / "dataset_card.md"
ERRATA = Path(__file__).parents[2] / "docs" / "errata.md"
# The Hub's categories of size: the first that is larger than the number of utterances.
SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}
SPEAKERS_SHOWN = 40
# Without this the file tells the version of matplotlib, and the same corpus would be another upload.
_PLAIN = {"Software": None}

# What the columns that all corpora share hold.
COLUMNS = {
    "audio": "16 kHz mono, 16-bit FLAC in the file, decoded by `datasets`",
    "label": "the emotion in EmoBox's vocabulary",
    "id": "as in the EmoBox release",
    "speaker": "who speaks, where the corpus tells",
    "raw_label": "the emotion as the corpus writes it",
    "duration": "seconds",
    "language": "of the utterance",
    "gender": "of the speaker, where the corpus tells",
    "split": "the part of the corpus's own split",
    "audio_checksum": "MD5 of the 16 kHz samples, as FLAC files carry it",
}


@dataclass(frozen=True)
class FoldRow:
    """One configuration in the fold table; `shared` counts test utterances of speakers who are also in train."""

    name: str
    kind: str
    train: int
    validation: int
    test: int
    test_speakers: int
    shared: int


def describe(folder: Path, made: Prepared) -> None:
    """Write README.md and its pictures into a folder that has its shards."""
    corpus = corpora.load(made.corpus)
    rows = read_rows(folder, made)
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    write_whole(pictures / "labels.png", partial(picture_of_labels, rows, corpus))
    write_whole(pictures / "durations.png", partial(picture_of_durations, rows, corpus))
    write_whole(folder / CARD, str(dataset_card(corpus, made, rows)).encode())


def dataset_card(corpus: Corpus, made: Prepared, rows: pd.DataFrame) -> DatasetCard:
    """The card of a prepared corpus; `rows` are all its rows without audio."""
    card: DatasetCard = DatasetCard.from_template(
        DatasetCardData(**metadata(corpus, made)),
        template_path=str(TEMPLATE),
        corpus=corpus,
        made=made,
        missing=corpus.utterances - made.utterances,
        redistribution=redistribution(corpus),
        hours=rows.duration.sum() / 3600,
        labels=label_rows(rows, corpus),
        speakers=speaker_facts(rows),
        per_speaker=per_speaker(rows),
        folds=fold_rows(rows, corpus, made),
        number_of_folds=sum(fold.kind not in ("balanced", "all") for fold in configurations(corpus).values()),
        balanced=remarks(corpus),
        why_not_strict=why_not_strict(corpus),
        columns=[(name, COLUMNS.get(name, "as the corpus tells")) for name in _features(corpus, made)],
        durations=rows.duration.describe(percentiles=[0.05, 0.5, 0.95]).to_dict(),
        errata=errata_of(corpus),
    )
    return card


def metadata(corpus: Corpus, made: Prepared) -> dict[str, Any]:
    """The YAML of the card."""
    licence = redistribution(corpus).hub_licence
    return {
        "pretty_name": f"{corpus.display_name} (EmoBox)",
        "language": list(corpus.languages),
        "license": licence,
        **({"license_name": corpus.licence, "license_link": corpus.homepage} if licence == "other" else {}),
        "task_categories": ["audio-classification"],
        "tags": ["speech-emotion-recognition", "emotion", "speech", "emobox", "benchmark"],
        "size_categories": [next(name for size, name in SIZES.items() if made.utterances < size)],
        **loading_metadata(corpus, made, _features(corpus, made)),
    }


def read_rows(folder: Path, made: Prepared) -> pd.DataFrame:
    """All rows of a prepared repository but their audio, labels by name, a column `parts`."""
    corpus = corpora.load(made.corpus)
    columns = [name for name in _features(corpus, made) if name != "audio"]
    tables = []
    for shard in made.shards:
        table: pd.DataFrame = pq.read_table(folder / shard.path, columns=columns).to_pandas(
            ignore_metadata=True
        )
        tables.append(table.assign(parts=pd.Series([shard.parts] * shard.rows, dtype=object)))
    rows = pd.concat(tables).sort_values("id", ignore_index=True)
    rows["label"] = [corpus.label_list[label] for label in rows.label]
    return rows


def label_rows(rows: pd.DataFrame, corpus: Corpus) -> list[tuple[str, str, int, float, float]]:
    """(label, raw labels, utterances, share in percent, minutes) of every label."""
    found = []
    for label in corpus.label_list:
        of_label = rows[rows.label == label]
        raw = ", ".join(f"`{name}`" for name in sorted(set(of_label.raw_label)))
        share = 100 * len(of_label) / len(rows)
        found.append((label, raw, len(of_label), share, of_label.duration.sum() / 60))
    return found


def speaker_facts(rows: pd.DataFrame) -> dict[str, Any]:
    """How many speakers of which gender, and how many utterances each has."""
    known = rows.dropna(subset="speaker")
    counts = known.speaker.value_counts()
    genders = Counter(known.drop_duplicates("speaker").gender.dropna())
    return {
        "count": len(counts),
        "genders": ", ".join(f"{count} {gender}" for gender, count in sorted(genders.items())),
        "least": int(counts.min()) if len(counts) else 0,
        "median": float(counts.median()) if len(counts) else 0,
        "most": int(counts.max()) if len(counts) else 0,
        "unknown": len(rows) - len(known),
    }


def per_speaker(rows: pd.DataFrame) -> list[tuple[str, str, int]]:
    """(speaker, gender, utterances) of every speaker; empty where they are too many for a table."""
    known = rows.dropna(subset="speaker")
    groups = list(known.groupby("speaker", sort=True))
    if len(groups) > SPEAKERS_SHOWN:
        return []
    return [(str(name), str(group.gender.iloc[0] or ""), len(group)) for name, group in groups]


def fold_rows(rows: pd.DataFrame, corpus: Corpus, made: Prepared) -> list[FoldRow]:
    """Every configuration but `all`, with what is in it."""
    found = []
    for fold in configurations(corpus).values():
        if fold.kind == "all":
            continue
        split = rows.parts.map(lambda parts, name=fold.name: parts.get(name))
        test, train = rows[split == "test"], rows[split == "train"]
        found.append(
            FoldRow(
                name=fold.name,
                kind=fold.kind,
                train=len(train),
                validation=int((split == "validation").sum()),
                test=len(test),
                test_speakers=test.speaker.nunique(),
                shared=int(test.speaker.isin(set(train.speaker.dropna())).sum()),
            )
        )
    return found


def errata_of(corpus: Corpus) -> str:
    """What `docs/errata.md` says of a corpus; its notes where that page is not installed or says nothing."""
    if ERRATA.is_file():
        for section in ERRATA.read_text(encoding="utf-8").split("\n## ")[1:]:
            heading, _, text = section.partition("\n")
            if corpus.display_name in heading.split(", "):
                return text.partition("\n# ")[0].strip()
    return f"- {corpus.notes}" if corpus.notes else ""


def picture_of_labels(rows: pd.DataFrame, corpus: Corpus, file: BinaryIO) -> None:
    """Bars: how many utterances have each label."""
    counts = [int((rows.label == label).sum()) for label in corpus.label_list]
    figure = Figure(figsize=(6, 0.9 + 0.34 * len(counts)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(list(corpus.label_list), counts, color="#4878a8")
    axes.bar_label(bars, padding=3, labels=[f"{count:,}" for count in counts])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("utterances")
    axes.set_title(f"{corpus.display_name}: labels")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, format="png", dpi=110, metadata=_PLAIN)


def picture_of_durations(rows: pd.DataFrame, corpus: Corpus, file: BinaryIO) -> None:
    """Histogram of how long utterances are; the longest one in a hundred are drawn at the right edge."""
    edge = max(float(rows.duration.quantile(0.99)), 0.1)
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    axes.hist(rows.duration.clip(upper=edge), bins=40, color="#4878a8")
    median = float(rows.duration.median())
    axes.axvline(median, color="black", linewidth=1, linestyle="--")
    axes.annotate(
        f"median {median:.2f} s",
        (median, 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
        va="top",
    )
    axes.set_xlabel(
        f"duration in seconds (longest {rows.duration.max():.1f} s; above {edge:.1f} s in the last bar)"
    )
    axes.set_ylabel("utterances")
    axes.set_title(f"{corpus.display_name}: durations")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, format="png", dpi=110, metadata=_PLAIN)


def _features(corpus: Corpus, made: Prepared) -> Any:
    return features_of(corpus) if made.audio else metadata_features(corpus)
