"""From a publisher's table to the record: votes are stored with the rows, and a run puts people beside its scores."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from emobox_datasets import corpora
from emobox_datasets.audio_files.synthesis import synthesise
from emobox_datasets.corpus import Corpus
from emobox_probe import experiment, probe
from emobox_probe.features.corpus import load_corpus
from emobox_probe.protocol import PAPER, PROTOCOLS
from emobox_probe.records.predictions import read_predictions
from emobox_probe.scoring.humans import human_line

MODULE = """
from dataclasses import replace

from emobox_datasets.copy.annotations import read_table
from emobox_datasets.corpora import demo
from emobox_datasets.copy.raters.tables import VOTES, OptionalTable

VOTED = ("Angry", "Happy", "Neutral", "Sad")


def read(folder):
    rows = read_table(folder, "votes.csv", ("id", *VOTED))
    return {row["id"]: {"votes": {label: int(row[label]) for label in VOTED}, "raters": 8} for row in rows}


TABLE = OptionalTable(("votes.csv",), read, {"votes": VOTES, "raters": "int32"}, voted=VOTED)
CORPUS = replace(demo.CORPUS, name="rated", display_name="Rated", tables=(TABLE,), intended=True, synthesise=None)
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"epochs": 3, "warm_up_epochs": 1, "hidden_sizes": (8,)}
    monkeypatch.setitem(PROTOCOLS, "paper", replace(PAPER, **few))
    monkeypatch.setattr(experiment, "prepare_device", lambda accelerator: None)


@pytest.fixture
def rated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Corpus]:
    """The demo corpus under a name of its own, with a table of votes."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/rated.py").write_text(MODULE)
    # What EMOBOX_CORPORA does once, when the package is imported.
    monkeypatch.setattr(corpora, "__path__", [*corpora.__path__, str(tmp_path / "modules")])
    corpora.names.cache_clear()
    yield corpora.load("rated")
    corpora.names.cache_clear()


def test_a_run_on_a_copy_with_votes_has_people_beside_it(quick: None, rated: Corpus, tmp_path: Path) -> None:
    root = tmp_path / "rated"
    synthesise(root)
    utterances = rated.find(root).utterances
    lines = ["id,Angry,Happy,Neutral,Sad"]
    # Six of eight name the label; the first utterance has no raters.
    for place, utterance in enumerate(utterances[1:]):
        counts = {label: 6 if label == utterance.label else 0 for label in rated.label_list}
        counts[rated.label_list[place % 4]] += 2
        lines.append(",".join([utterance.id.removeprefix("rated-"), *map(str, counts.values())]))
    (root / "votes.csv").write_text("\n".join(lines))

    stored = load_corpus(rated, root)
    assert stored[1]["raters"] == 8
    assert sum(stored[1]["votes"].values()) == 8
    folders = {"output_dir": tmp_path / "runs", "features_dir": tmp_path / "features"}
    record = probe("builtin:logmel", "rated", data_dir=root, **folders)
    assert record.humans is not None
    assert (record.humans.utterances, record.humans.unrated) == (len(utterances) - 1, 1)
    single, majority = record.humans.people
    assert majority.scores.wa == 1
    assert single.scores.wa == pytest.approx((0.75 * 3 + 1) / 4, abs=0.01)
    folder = tmp_path / "runs/builtin--logmel/rated/paper"
    predictions = read_predictions(folder, record)
    votes = {id: row["votes"] for id, row in rated.ratings(root).items()}
    assert human_line(predictions, record.corpus.labels, votes, intended=True) == record.humans
    assert "people: a single rater" in set(record.table()[""])
