"""`--limit` and `--folds`: a part of a corpus, which is never taken for the whole."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from cross_runs import make_savee

from emobox_datasets import corpora
from emobox_datasets.folds.partition import configurations
from emobox_probe import cross, experiment, probe
from emobox_probe.config import CrossConfig, ProbeConfig
from emobox_probe.errors import ProbeError
from emobox_probe.features.corpus import load_corpus
from emobox_probe.protocol import PAPER, PROTOCOLS, STRICT
from emobox_probe.records.result import ResultRecord
from emobox_probe.report import report
from emobox_probe.tasks.design import design_of
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.subset import limited

LABELS = ("Angry", "Happy", "Neutral", "Sad")
MODEL = "builtin:logmel"


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """What is tested does not depend on how well heads are trained."""
    with pytest.MonkeyPatch.context() as patch:
        few = {"epochs": 3, "warm_up_epochs": 1, "hidden_sizes": (8,)}
        patch.setitem(PROTOCOLS, "paper", replace(PAPER, **few))
        patch.setitem(PROTOCOLS, "strict", replace(STRICT, **few, seeds=(0,)))
        patch.setattr(experiment, "prepare_device", lambda accelerator: None)
        yield


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("part")
    return {"output_dir": root / "runs", "features_dir": root / "features"}


@pytest.fixture(scope="module")
def part(places: dict[str, Path], quick: None) -> ResultRecord:
    return probe(MODEL, "demo", limit=3, **places)


@pytest.fixture(scope="module")
def whole(places: dict[str, Path], part: ResultRecord) -> ResultRecord:
    """After the smoke test, beside it."""
    return probe(MODEL, "demo", **places)


def test_every_part_of_every_fold_has_so_many_of_each_label() -> None:
    """And the same ones whether folds are cut out of the whole corpus or out of what is left of it."""
    demo = corpora.load("demo")
    stored = load_corpus(demo, None)
    folds = [fold.name for fold in configurations(demo).values() if fold.kind == "released"]
    of_all, of_part = Pool(LABELS, limit=3), Pool(LABELS, limit=3)
    of_all.add(demo, stored)
    of_part.add(demo, limited(stored, demo, folds, 3))
    assert len(of_part.all_items) < len(of_all.all_items)
    for fold in folds:
        for name, rows in of_all.parts("demo", fold).items():
            items = [of_all.all_items[row] for row in rows.tolist()]
            assert set(Counter(item.label for item in items).values()) == {3}
            again = of_part.parts("demo", fold)[name].tolist()
            assert [of_part.all_items[row].id for row in again] == [item.id for item in items]


def test_a_smoke_test_is_said_to_be_one(part: ResultRecord, places: dict[str, Path]) -> None:
    folder = places["output_dir"] / "builtin--logmel" / "demo" / "paper-limit-3"
    predictions = pd.read_parquet(folder / "predictions.parquet")
    assert predictions.groupby(["fold", "label"]).size().tolist() == [3] * 16
    assert (part.corpus.limit, part.corpus.missing) == (3, 0)
    assert part.corpus.utterances < corpora.load("demo").utterances
    assert "--limit 3" in part.provenance.command
    assert report.remarks(part)[0] == (
        "Of demo only 3 or fewer utterances of each label and part (a smoke test): not comparable with others."
    )
    assert probe(MODEL, "demo", limit=3, **places).provenance.created == part.provenance.created


def test_it_is_not_taken_for_the_whole_nor_touched_by_it(
    part: ResultRecord, whole: ResultRecord, places: dict[str, Path]
) -> None:
    assert (whole.corpus.limit, whole.corpus.utterances) == (None, corpora.load("demo").utterances)
    assert whole.encoder.features != part.encoder.features
    assert whole.corpus.fingerprint != part.corpus.fingerprint
    left = experiment.read_run(places["output_dir"] / "builtin--logmel" / "demo" / "paper-limit-3")
    assert left == part
    # One of another size that takes every utterance is none of the whole corpus either.
    every = probe(MODEL, "demo", limit=1000, **places)
    assert every.corpus.fingerprint == whole.corpus.fingerprint
    assert every.corpus.incomplete


def test_a_record_that_lies_where_the_whole_belongs_is_not_taken_for_it(
    part: ResultRecord, tmp_path: Path
) -> None:
    folder = tmp_path / "builtin--logmel" / "demo" / "paper"
    folder.mkdir(parents=True)
    part.write(folder)
    with pytest.raises(ProbeError, match=r"one of .*parts of corpora \(--limit, --folds\) that are others"):
        probe(MODEL, "demo", output_dir=tmp_path, features_dir=tmp_path / "features")


def test_folds_are_scored_as_in_the_whole_run(whole: ResultRecord, places: dict[str, Path]) -> None:
    some = probe(MODEL, "demo", folds=("fold3", "fold1"), **places)
    assert some.folds == [fold for fold in whole.folds if fold.name in ("fold1", "fold3")]
    assert some.corpus.folds == ["fold1", "fold3"]
    assert some.corpus.incomplete == "of demo only fold1 and fold3"
    assert some.encoder.features == whole.encoder.features
    assert (places["output_dir"] / "builtin--logmel/demo/paper-fold1+fold3/result.json").is_file()


def test_all_folds_by_name_are_the_whole(whole: ResultRecord, places: dict[str, Path]) -> None:
    named = probe(MODEL, "demo", folds=("fold1", "fold2", "fold3", "fold4"), **places)
    assert named.provenance.created == whole.provenance.created


def test_a_fold_of_another_protocol_is_refused_before_anything_is_loaded() -> None:
    wrong = ProbeConfig.of({"model": "nowhere/at-all", "corpus": "urdu", "folds": ("fold1",)})
    assert design_of(wrong).folds is None  # it is the only one
    with pytest.raises(ProbeError, match=r"Expected --folds of protocol strict on urdu, but got fold1\. "):
        design_of(wrong.model_copy(update={"protocol": "strict"}))
    with pytest.raises(ProbeError, match="Expected limit to be 3 or more, but got 2"):
        ProbeConfig.of({"model": MODEL, "corpus": "demo", "limit": 2})
    with pytest.raises(ProbeError, match="Expected settings of a cross config, but got 'folds'"):
        CrossConfig.of({"model": MODEL, "train": ("demo",), "folds": ("fold1",)})


def test_where_speakers_are_held_out(places: dict[str, Path]) -> None:
    some = probe(MODEL, "demo", "strict", limit=3, **places)
    assert {fold.held_out for fold in some.folds} == {"speakers"}


def test_between_corpora(tmp_path: Path, places: dict[str, Path]) -> None:
    savee = make_savee(tmp_path / "savee")
    some = {"limit": 3, "test_set": "all", "labels": ("Angry", "Sad"), "data_dir": {"savee": savee}}
    record = cross(MODEL, ("demo", "savee"), **some, **places)
    assert [pair.test for pair in record.pairs if pair.source != pair.target] == [6, 6]
    assert "demo only 3 or fewer" in record.incomplete("savee", "demo")
    assert (places["output_dir"] / "builtin--logmel/cross/demo+savee/paper-limit-3/cross.json").is_file()
