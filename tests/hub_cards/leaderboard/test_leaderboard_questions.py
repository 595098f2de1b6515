"""The questions of docs/leaderboard.md: each link shows the answer, worked out here from the records."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from board_pages import Open, board, column, titles
from browser_pages import needs_chromium, playwright
from cross_records import cross_record
from kept_runs import kept_run
from sklearn.metrics import recall_score

from emobox_metric.ser_metric.comparison import compare_systems
from emobox_probe.records.humans import HumanLine, PeopleScores
from emobox_probe.records.predictions import PREDICTIONS_FILE, label_ids, read_predictions
from emobox_probe.records.result import ResultRecord, Scores, read_record
from emobox_probe.scoring.calibration import calibration_of
from emobox_probe.scoring.gaps import gaps_by_gender
from hub_cards.runs.collection import Collection, collect

pytestmark = [needs_chromium, pytest.mark.slow]

PAGE = Path(__file__).parents[3] / "docs" / "leaderboard.md"
BASE, TINY, LARGE = "openai/whisper-base", "openai/whisper-tiny", "lab/large"
TUNED = "firdhokk/speech-emotion-recognition-with-facebook-wav2vec2-large-xlsr-53"


def links() -> dict[str, str]:
    """Question to link."""
    table = PAGE.read_text(encoding="utf-8").split("<!-- questions -->")[1].split("<!-- end -->")[0]
    rows = [line.strip("| \n").split(" | ") for line in table.strip().splitlines()[2:]]
    return {question: link.strip("`") for question, link in rows}


def answer(word: str) -> str:
    """The link of the one question with that word in it."""
    (link,) = [link for question, link in links().items() if word in question]
    return link


def changed(folder: Path, made: ResultRecord, seconds: float, parameters: int, **more: Any) -> None:
    encoder = made.encoder.model_copy(update={"parameters": parameters})
    provenance = made.provenance.model_copy(update={"extraction_seconds": seconds})
    made.model_copy(update={"encoder": encoder, "provenance": provenance, **more}).write(folder)


HUMANS = HumanLine(
    utterances=120,
    unrated=0,
    alpha=None,
    people=[PeopleScores(line="single_rater", scores=Scores(ua=0.6, wa=0.61, f1=0.6), ua=None)],
    beats_single_rater=0.5,
    beats_interval=None,
    by_agreement=[],
    confidence_and_entropy=None,
)


def trusted(folder: Path) -> None:
    """Say who of a run's speakers is a woman, and what follows from that and from the probabilities."""
    made, path = read_record(folder), folder / PREDICTIONS_FILE
    table = pd.read_parquet(path)
    women = table["speaker"].isin([f"speaker{number}" for number in range(4)])
    table.assign(gender=np.where(women, "female", "male")).to_parquet(path, index=False)
    predictions = read_predictions(folder, made)
    found = {
        "gaps": gaps_by_gender(predictions, made.corpus.labels),
        "calibration": calibration_of(predictions, made),
    }
    made.model_copy(update=found).write(folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("questions") / "runs"
    number = 0
    for name, million, seconds, skill in (
        (TINY, 8, 4.0, 0.55),
        (BASE, 20, 12.0, 0.72),
        (LARGE, 300, 90.0, 0.9),
        (TUNED, 315, 95.0, 0.95),
    ):
        for corpus in ("urdu", "emodb", "crema_d"):
            for protocol in ("paper", "strict"):
                number += 1
                place = folder / str(number)
                made = kept_run(place, name, corpus, protocol, right=skill, seed=number, speakers=8)
                more = {"humans": HUMANS} if corpus == "crema_d" else {}
                changed(place, made, seconds, 1_000_000 * million, **more)
                if (name, corpus, protocol) == (BASE, "emodb", "paper"):
                    trusted(place)
    for name in (BASE, TINY):
        place = folder / f"cross-{name.split('-')[1]}"
        place.mkdir()
        cross_record(name=name).write(place)
    board(folder.parent)
    return folder


@pytest.fixture(scope="module")
def collection(runs: Path) -> Collection:
    return collect([runs])


@pytest.fixture
def ask(open_page: Open, runs: Path) -> Any:
    return lambda word: open_page(answer(word), runs.parent / "site")


def scores(collection: Collection, protocol: str, corpus: str) -> dict[str, float]:
    """UA in percent by model."""
    return {
        one.model.name: 100 * one.record.headline.ua
        for one in collection.results
        if (one.protocol, one.record.corpus.name) == (protocol, corpus)
    }


def of_models(page: Any, title: str) -> dict[str, str]:
    """The cells of a column by model."""
    return dict(zip(column(page, "Model"), column(page, title), strict=True))


def test_there_are_ten() -> None:
    assert len(links()) == 10


def test_best_for_a_language_of_small_models(ask: Any, collection: Collection) -> None:
    page = ask("Urdu")
    small = [name for name in column(page, "Model") if not name.endswith("published")]
    assert small == [BASE, TINY]
    known = scores(collection, "paper", "urdu")
    assert float(of_models(page, "Mean UA")[BASE]) == pytest.approx(known[BASE], abs=0.06)
    published = {name.removesuffix("published").strip() for name in column(page, "Model")}
    assert ("HuBERT base" in published, "HuBERT large" in published) == (True, False)


def test_whether_one_is_better_than_another_across_corpora(ask: Any, collection: Collection) -> None:
    page = ask("better than whisper-tiny")
    assert column(page, "Corpus") == ["CREMA-D", "EmoDB"]
    apart = []
    for title, corpus in (("CREMA-D", "crema_d"), ("EmoDB", "emodb")):
        tables = {
            one.model.name: (one.record, read_predictions(one.folder, one.record))
            for one in collection.results
            if (one.protocol, one.record.corpus.name) == ("paper", corpus)
        }
        labels = tables[BASE][0].corpus.labels
        first, second = tables[BASE][1], tables[TINY][1]
        truth, one, other = (
            label_ids(names, labels) for names in (first["label"], first["prediction"], second["prediction"])
        )
        expected = compare_systems(truth, one, other, len(labels), clusters=first["speaker"], absent="skip")
        place = column(page, "Corpus").index(title)
        shown = [column(page, name)[place].replace("−", "-") for name in ("A − B", "Low", "High")]
        low, high = expected["ua"]["interval"]
        numbers = [100 * expected["ua"]["difference"], 100 * low, 100 * high]
        # Both are of 2,000 resamples, drawn in another order.
        assert [float(text) for text in shown] == pytest.approx(numbers, abs=0.7)
        assert column(page, "Compared by")[place] == "paired"
        apart.append(100 * expected["ua"]["difference"])
    cells = page.locator("#summary tbody td").all_inner_texts()
    assert cells[0] == "2"
    assert float(cells[1]) == pytest.approx(sum(apart) / 2, abs=0.06)
    assert cells[-1] == "A is better"


def test_who_does_better_than_people(ask: Any, collection: Collection) -> None:
    page = ask("human rater")
    names = column(page, "Model")
    measured = scores(collection, "paper", "crema_d")
    better = {name for name, ua in measured.items() if ua > 60}
    assert better == set(names[: names.index("One human rater")]) & set(measured)
    assert of_models(page, "UA")["One human rater"] == "60.0"
    assert names[-1] == "Chance"


def test_best_for_new_speakers(ask: Any, collection: Collection) -> None:
    page = ask("not met")
    means = {
        name: sum(scores(collection, "strict", corpus)[name] for corpus in ("urdu", "emodb", "crema_d")) / 3
        for name in (TINY, BASE, LARGE, TUNED)
    }
    assert column(page, "Model") == sorted(means, key=lambda name: -means[name])
    shown = {name: float(text) for name, text in of_models(page, "Mean UA").items()}
    assert shown == pytest.approx(means, abs=0.06)
    assert "Protocol strict" in page.locator("#protocol").inner_text()
    assert column(page, "Rank")[0] == "1"


def test_what_parameters_buy(ask: Any) -> None:
    page = ask("parameters buy")
    assert page.locator("svg.scatter circle").count() == 4
    assert of_models(page, "Million parameters") == {
        TINY: "8.0",
        BASE: "20.0",
        LARGE: "300.0",
        TUNED: "315.0",
    }
    assert set(of_models(page, "Front").values()) == {"yes"}  # each is better than all that are smaller
    words = page.locator("svg.scatter text").all_text_contents()
    assert {name.split("/")[1][:28] for name in (TINY, BASE, LARGE, TUNED)} <= set(words)


def test_good_and_fast(ask: Any, collection: Collection) -> None:
    page = ask("fast")
    rates = {name: float(text) for name, text in of_models(page, "Audio hours an hour").items()}
    hours = collection.results[0].record.corpus.hours
    assert rates[TINY] == pytest.approx(3600 * hours / 4, abs=0.06)
    assert sorted(rates, key=lambda name: -rates[name]) == [TINY, BASE, LARGE, TUNED]


def test_where_a_model_is_weak(ask: Any, collection: Collection) -> None:
    page = ask("my model weak")
    of_tiny = {
        one.record.corpus.name: 100 * one.record.headline.ua
        for one in collection.results
        if (one.model.name, one.protocol) == (TINY, "paper")
    }
    shown = [float(text.split()[0]) for text in column(page, "UA")]
    assert shown == pytest.approx(sorted(of_tiny.values()), abs=0.06)
    titles_of = {"urdu": "URDU", "emodb": "EmoDB", "crema_d": "CREMA-D"}
    assert column(page, "Corpus") == [titles_of[name] for name in sorted(of_tiny, key=of_tiny.__getitem__)]
    best = dict(zip(column(page, "Corpus"), column(page, "Best here"), strict=True))
    assert float(best["URDU"]) == pytest.approx(max(scores(collection, "paper", "urdu").values()), abs=0.06)


def test_without_what_was_seen(ask: Any) -> None:
    page = ask("seen in training")
    on_urdu = of_models(page, "URDU")
    assert on_urdu[TUNED] == "–"  # its card names the corpus
    assert on_urdu[LARGE] != "–"
    assert of_models(page, "EmoDB")[TUNED] != "–"


def test_what_is_left_on_another_corpus(ask: Any, collection: Collection) -> None:
    page = ask("another corpus")
    playwright.expect(page.locator("#matrix caption")).to_contain_text(BASE)
    pair = next(
        pair for pair in collection.cross[0].record.pairs if (pair.source, pair.target) == ("emodb", "urdu")
    )
    assert of_models(page, "EmoDB → URDU")[BASE] == f"{100 * pair.scores.ua:.1f}"


def test_trust_and_gaps(ask: Any, collection: Collection) -> None:
    page = ask("probabilities")
    assert {"ECE", "Gap in UA", "Its 95 % interval"} <= set(titles(page))
    (run,) = [
        one
        for one in collection.results
        if (one.model.name, one.protocol, one.record.corpus.name) == (BASE, "paper", "emodb")
    ]
    table = pd.read_parquet(run.folder / PREDICTIONS_FILE)
    women, men = (
        recall_score(part["label"], part["prediction"], average="macro")
        for _, part in table.groupby("gender")
    )
    assert of_models(page, "Gap in UA")[BASE] == f"{100 * (women - men):+.1f}".replace("-", "−")
    assert run.record.gaps is not None
    low, high = run.record.gaps.gaps[0].interval or (0, 0)
    interval = f"{100 * low:+.1f} to {100 * high:+.1f}".replace("-", "−")
    assert of_models(page, "Its 95 % interval")[BASE] == interval
    cell = page.locator("#table tbody span[title^='female minus male']").first
    assert cell.get_attribute("title") == "female minus male, by gender"
    # As heads of one-hot logits are: as sure of what is wrong as of what is right.
    sure = float(np.e / (np.e + len(run.record.corpus.labels) - 1))
    right = (table["label"] == table["prediction"]).mean()
    assert float(of_models(page, "ECE")[BASE]) == pytest.approx(100 * abs(right - sure), abs=0.06)
    assert of_models(page, "ECE")[TINY] == "–"
