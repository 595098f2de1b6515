"""What a page is told: every score where it belongs, nothing mixed, nothing published with a rank."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cross_records import cross_record
from hypothesis import example, given
from hypothesis import strategies as st
from kept_runs import kept_run

from emobox_probe.encoders.facts import OwnSource
from emobox_probe.records.humans import HumanLine, PeopleScores
from emobox_probe.records.result import ResultRecord, Scores
from hub_cards.leaderboard.data import page_data
from hub_cards.leaderboard.percent import percent
from hub_cards.paper import TABLE_4, TABLE_5, TABLE_5_SETTING
from hub_cards.runs.collection import collect


def rows(data: dict[str, Any], **wanted: str) -> list[dict[str, Any]]:
    """The rows of the results, names in place of positions."""
    columns = data["results"]
    table = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for row in table:
        row["published"] = data["models"][row["model"]]["published"]
        row["model"] = data["models"][row["model"]]["title"]
        row["corpus"] = data["corpora"][row["corpus"]]["name"]
        row["protocol"] = data["protocols"][row["protocol"]]["id"]
    return [row for row in table if all(row[name] == value for name, value in wanted.items())]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    kept_run(folder / "a", "lab/good", right=0.95, seed=1, layers=5)
    kept_run(folder / "b", "lab/poor", right=0.5, seed=2)
    kept_run(folder / "c", "lab/good", protocol="strict", right=0.7, seed=3)
    cross_record(name="lab/good").write(folder)
    return folder


@pytest.fixture(scope="module")
def data(folder: Path) -> dict[str, Any]:
    return page_data(collect([folder]))


def test_scores_are_those_of_the_record_in_percent(folder: Path, data: dict[str, Any]) -> None:
    record = collect([folder / "a"]).results[0].record
    (row,) = rows(data, model="lab/good", corpus="urdu", protocol="paper")
    for name in ("ua", "wa", "f1"):
        assert row[name] == pytest.approx(100 * getattr(record.pooled, name), abs=1e-4)
        assert row[f"{name}_mean"] == pytest.approx(100 * getattr(record.mean, name), abs=1e-4)
        bounds = (row[f"{name}_low"], row[f"{name}_high"])
        assert bounds == pytest.approx([100 * bound for bound in getattr(record.interval, name)], abs=1e-4)
    assert [row[name][4] for name in ("layers", "layers_validation", "layers_test")] == ["4", 48.0, 43.0]
    assert (row["folds"], row["seeds"], row["resampled"]) == (1, 1, "6 speakers")


def test_chance_and_who_speaks_stand_beside_the_score(tmp_path: Path) -> None:
    made = kept_run(tmp_path / "a", "lab/good")
    told = Scores(ua=0.95, wa=0.9, f1=0.85)
    made.model_copy(update={"speaker_only": told}).write(tmp_path / "a")
    (row,) = rows(page_data(collect([tmp_path])), model="lab/good")
    assert (row["ua_chance"], row["ua_speaker"], row["wa_speaker"], row["f1_speaker"]) == (25, 95, 90, 85)


def test_a_rater_stands_beside_the_score_where_the_record_has_one(tmp_path: Path) -> None:
    made = kept_run(tmp_path / "a", "lab/good")
    (row,) = rows(page_data(collect([tmp_path])), model="lab/good")
    assert "ua_rater" not in row
    single = PeopleScores(line="single_rater", scores=Scores(ua=0.406, wa=0.397, f1=0.38), ua=(0.39, 0.421))
    majority = PeopleScores(line="majority", scores=Scores(ua=0.459, wa=0.446, f1=0.43), ua=None)
    humans = HumanLine(
        utterances=100,
        unrated=20,
        alpha=0.28,
        people=[single, majority],
        beats_single_rater=0.6,
        beats_interval=None,
        by_agreement=[],
        confidence_and_entropy=None,
    )
    made.model_copy(update={"humans": humans}).write(tmp_path / "a")
    (row,) = rows(page_data(collect([tmp_path])), model="lab/good")
    assert (row["ua_rater"], row["wa_rater"], row["f1_rater"]) == pytest.approx((40.6, 39.7, 38.0))


@given(st.floats(0, 1))
@example(0.7244999)  # 72.4500 in four decimals, and then 72.5 in one
@example(0.7245)
@example(0.72449)
@example(0.81234996)
def test_what_a_page_rounds_is_as_if_rounded_once(share: float) -> None:
    kept = percent(share)
    assert abs(kept - 100 * share) <= 1e-4
    for decimals in (1, 2):
        assert f"{kept:.{decimals}f}" == f"{100 * share:.{decimals}f}"


def test_protocols_are_ranked_apart(data: dict[str, Any]) -> None:
    ranks = {
        row["model"]: row["ua_rank"] for row in rows(data, corpus="urdu", protocol="paper") if row["ua_rank"]
    }
    assert ranks == {"lab/good": 1, "lab/poor": 2}
    (alone,) = rows(data, protocol="strict")
    assert (alone["ua_rank"], alone["method"]) == (1, "alone")


def test_published_rows_are_the_table_of_the_paper_without_intervals_or_ranks(data: dict[str, Any]) -> None:
    published = [row for row in rows(data) if row["published"]]
    table = pd.read_csv(TABLE_4)
    assert len(published) == len(table)
    assert {row["protocol"] for row in published} == {"paper"}
    assert all(row["ua_low"] is None and row["ua_rank"] is None for row in published)
    hubert = table[(table["name"] == "HuBERT base") & (table["corpus"] == "emodb")].iloc[0]
    (row,) = rows(data, model="facebook/hubert-base-ls960", corpus="emodb")
    assert [row["ua_mean"], row["wa_mean"], row["f1_mean"]] == [hubert.ua, hubert.wa, hubert.f1]
    assert row["ua"] is None


def test_every_row_says_what_the_model_has_seen_in_training(tmp_path: Path, data: dict[str, Any]) -> None:
    name = "firdhokk/speech-emotion-recognition-with-facebook-wav2vec2-large-xlsr-53"
    kept_run(tmp_path / "a", name)
    kept_run(tmp_path / "b", name, corpus="demo")
    cross_record(name=name).write(tmp_path)
    tuned = page_data(collect([tmp_path]))
    states = {row["corpus"]: (row["seen"], row["seen_source"]) for row in rows(tuned, model=name)}
    assert states == {"urdu": ("tuned", "Model card (commit 4700315)"), "demo": (None, None)}
    (matrix,) = [one for one in tuned["cross"] if one["setting"] != TABLE_5_SETTING]
    assert {(pair["target"], pair["seen"]) for pair in matrix["pairs"]} == {
        ("urdu", "tuned"),
        ("savee", "tuned"),
        ("emodb", None),
    }
    published = {row["model"]: row["seen"] for row in rows(data, corpus="emodb") if row["published"]}
    assert (published["facebook/wav2vec2-base"], published["data2vec 2.0 base"]) == ("not", "not")
    assert published["openai/whisper-large-v3"] is None


def test_every_model_has_a_key_of_its_own(data: dict[str, Any]) -> None:
    keys = [model["key"] for model in data["models"]]
    assert len(set(keys)) == len(keys)


def test_encoders_of_ones_own_are_marked(tmp_path: Path) -> None:
    made = kept_run(tmp_path / "own", "python:mine:load")
    own = OwnSource(import_path="python:mine:load")
    made.model_copy(update={"encoder": made.encoder.model_copy(update={"own": own})}).write(tmp_path / "own")
    kept_run(tmp_path / "other", "lab/good")
    models = page_data(collect([tmp_path]))["models"]
    assert {model["name"]: model["own"] for model in models if not model["published"]} == {
        "python:mine:load": True,
        "lab/good": False,
    }


def test_encoders_of_ones_own_without_weights_are_told_apart_by_what_they_give(tmp_path: Path) -> None:
    for number, output in enumerate("aab"):
        place = tmp_path / str(number)
        made = kept_run(place, "python:mine:load", corpus=("urdu", "emodb", "urdu")[number])
        own = OwnSource(import_path="python:mine:load", code_sha256="c" * 64, output_sha256=output * 64)
        encoder = made.encoder.model_copy(update={"own": own, "revision": None, "weights_sha256": None})
        made.model_copy(update={"encoder": encoder}).write(place)
    found = page_data(collect([tmp_path]))
    measured = [model for model in found["models"] if not model["published"]]
    assert {model["title"] for model in measured} == {
        "python:mine:load @ aaaaaaa",
        "python:mine:load @ bbbbbbb",
    }
    assert {model["weights"] for model in measured} == {None}
    assert not found["notes"]


def test_of_copies_with_as_many_results_the_earliest_counts(tmp_path: Path) -> None:
    for name, fingerprint, year in (("early", "3", 2025), ("late", "9", 2026), ("last", "1", 2027)):
        made = kept_run(tmp_path / name, f"lab/{name}")
        made.model_copy(
            update={
                "corpus": made.corpus.model_copy(update={"fingerprint": fingerprint * 64}),
                "provenance": made.provenance.model_copy(update={"created": f"{year}-01-01T00:00:00+00:00"}),
            }
        ).write(tmp_path / name)
    remarks = {row["model"]: row["remark"] for row in rows(page_data(collect([tmp_path])), corpus="urdu")}
    other = "another copy of the corpus than the earliest result here"
    assert (remarks["lab/early"], remarks["lab/late"], remarks["lab/last"]) == ("", other, other)


def test_two_revisions_are_two_models(tmp_path: Path) -> None:
    for revision in ("1111111aaaa", "2222222bbbb"):
        made = kept_run(tmp_path / revision, "lab/good")
        encoder = made.encoder.model_copy(update={"revision": revision})
        made.model_copy(update={"encoder": encoder}).write(tmp_path / revision)
    titles = {row["model"] for row in rows(page_data(collect([tmp_path]))) if not row["published"]}
    assert titles == {"lab/good @ 1111111", "lab/good @ 2222222"}


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (lambda made: {"missing": 3, "utterances": 397}, "3 of 400 utterances of urdu are missing"),
        (lambda made: {"fingerprint": "9" * 64}, "another copy of the corpus than most results here"),
    ],
)
def test_another_copy_of_the_corpus_has_no_rank(
    tmp_path: Path, change: Callable[[ResultRecord], dict[str, object]], remark: str
) -> None:
    for name in ("one", "two"):
        kept_run(tmp_path / name, f"lab/{name}")
    other = kept_run(tmp_path / "other", "lab/other", right=0.99)
    other.model_copy(update={"corpus": other.corpus.model_copy(update=change(other))}).write(
        tmp_path / "other"
    )
    found = {
        row["model"]: row
        for row in rows(page_data(collect([tmp_path])), corpus="urdu")
        if not row["published"]
    }
    assert (found["lab/other"]["remark"], found["lab/other"]["ua_rank"]) == (remark, None)
    assert found["lab/one"]["ua_rank"] == found["lab/two"]["ua_rank"] == 1


def test_a_matrix_with_an_incomplete_corpus_is_marked_and_has_no_mean(tmp_path: Path) -> None:
    made = cross_record(name="lab/good")
    lacking = made.corpora[0].model_copy(update={"missing": 3, "utterances": 532})
    made.model_copy(update={"corpora": [lacking, *made.corpora[1:]]}).write(tmp_path)
    (matrix,) = [one for one in page_data(collect([tmp_path]))["cross"] if one["setting"] != TABLE_5_SETTING]
    for pair in matrix["pairs"]:
        concerned = "emodb" in (pair["source"], pair["target"])
        assert pair["remark"] == ("3 of 535 utterances of emodb are missing" if concerned else "")
    assert matrix["average"] == {}
    assert matrix["remarks"][0] == "3 of 535 utterances of emodb are missing: not comparable, no mean."


def test_matrices_have_the_scores_of_each_pair(data: dict[str, Any]) -> None:
    measured = [matrix for matrix in data["cross"] if not data["models"][matrix["model"]]["published"]]
    pairs = {(pair["source"], pair["target"]): pair for pair in measured[0]["pairs"]}
    assert pairs["urdu", "emodb"]["ua"] == 34.0
    assert (pairs["urdu", "emodb"]["ua_low"], pairs["urdu", "emodb"]["ua_high"]) == (29.0, 39.0)
    assert pairs["urdu", "urdu"]["overlap"] == ["the same speakers"]
    # The mean is over pairs of two different corpora.
    apart = [pair["ua"] for (source, target), pair in pairs.items() if source != target]
    assert measured[0]["average"]["ua"] == pytest.approx(sum(apart) / len(apart), abs=0.011)


def test_published_matrices_are_the_table_of_the_paper(data: dict[str, Any]) -> None:
    published = [matrix for matrix in data["cross"] if matrix["setting"] == TABLE_5_SETTING]
    figures = sorted(pair["wa"] for matrix in published for pair in matrix["pairs"])
    assert figures == sorted(pd.read_csv(TABLE_5)["accuracy"])
    assert len(published) == 10


def test_speed_counts_what_two_protocols_share_once(data: dict[str, Any]) -> None:
    speed = {data["models"][row["model"]]["title"]: row for row in data["speed"]}
    assert set(speed) == {"lab/good", "lab/poor"}
    row = speed["lab/good"]
    assert (row["corpora"], row["audio_hours"], row["hardware"]) == (1, 0.277, "a processor")
    assert row["audio_hours"] / row["device_hours"] == pytest.approx(0.277 / (12 / 3600), rel=1e-3)


def test_speed_leaves_out_times_that_are_not_known(tmp_path: Path) -> None:
    made = kept_run(tmp_path / "a", "lab/good")
    unknown = made.provenance.model_copy(update={"extraction_seconds": None})
    made.model_copy(update={"provenance": unknown}).write(tmp_path / "a")
    assert page_data(collect([tmp_path]))["speed"] == []


def test_a_corpus_of_ones_own_is_shown_and_in_no_mean(tmp_path: Path) -> None:
    kept_run(tmp_path / "a", "lab/good", corpus="my_corpus")
    (mine,) = [
        corpus for corpus in page_data(collect([tmp_path]))["corpora"] if corpus["name"] == "my_corpus"
    ]
    assert (mine["benchmark"], mine["languages"], mine["hours"]) == (False, ["und"], 0.277)
