"""The paper's balanced test sets against the published lists, and through `datasets`."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import shared_assets
from datasets import load_dataset
from plain_datasets import load_elsewhere, rows_of
from publishers import PUBLISHERS, lay_out, released, roomy_folder, touch

from emobox_datasets import CorpusError, corpora
from emobox_datasets.corpus import Corpus, Utterance
from emobox_datasets.doctor import doctor
from emobox_datasets.folds.balanced import PUBLISHED, remarks
from emobox_datasets.folds.partition import configurations, partition
from emobox_datasets.labels import SHARED_FOUR
from emobox_datasets.repository.write import prepare
from hub_cards.cards.dataset_card import describe

SETS = ("iemocap", "meld", "ravdess", "savee")
# Table 3 of the paper: speakers, utterances of each of four emotions. All come to 240.
TABLE3 = {"iemocap": (10, 6), "meld": (6, 10), "ravdess": (20, 3), "savee": (4, 15)}
# Per label, where the publication names utterances that are not there or could be two.
COUNTS = {"meld": {"Angry": 59, "Happy": 60, "Neutral": 58, "Sad": 59}}


def listed(name: str) -> pd.DataFrame:
    """The published list of a corpus, with the ids that its files are."""
    facts = pd.read_csv(shared_assets() / "facts/balanced_test_sets.csv", dtype=str)
    return facts[facts.corpus == name]


def put(root: Path, name: str, rows: pd.DataFrame) -> Path:
    """Lay a corpus out as its publisher does, all files zeros."""
    if name in PUBLISHERS:
        return lay_out(root, name, rows)
    touch(root, rows.path)
    return root


@dataclass(frozen=True)
class Whole:
    corpus: Corpus
    utterances: list[Utterance]
    tested: list[Utterance]


@pytest.fixture(scope="module", params=SETS)
def whole(request: pytest.FixtureRequest) -> Whole:
    """A corpus as its publisher ships it, and its balanced test set."""
    corpus = corpora.load(request.param)
    with roomy_folder() as folder:
        utterances = corpus.scan(put(folder / corpus.name, corpus.name, released(corpus.name)))
    parts = partition(corpus, "balanced", utterances)
    assert list(parts) == ["test"]
    return Whole(corpus, utterances, [utterances[row] for row in parts["test"]])


def test_the_utterances_are_those_that_were_published(whole: Whole) -> None:
    facts = listed(whole.corpus.name)
    certain = facts[facts.status == "unique"]
    assert {u.id: u.label for u in whole.tested} == dict(zip(certain.id, certain.label, strict=True))
    assert len(facts) == 240
    assert set(facts.status) == (
        {"unique", "absent", "ambiguous"} if whole.corpus.name == "meld" else {"unique"}
    )


def test_labels_are_balanced(whole: Whole) -> None:
    expected = COUNTS.get(whole.corpus.name, dict.fromkeys(SHARED_FOUR, 60))
    assert Counter(u.label for u in whole.tested) == expected


def test_speakers_are_balanced_as_in_table_3(whole: Whole) -> None:
    name = whole.corpus.name
    speakers, each = TABLE3[name]
    assert speakers * each * 4 == 240
    told = PUBLISHED[name]
    assert (told.speakers, told.per_speaker, told.utterances) == (speakers, each, 240)
    counts = Counter((u.speaker, u.label) for u in whole.tested)
    assert len({u.speaker for u in whole.tested}) == speakers
    if name == "meld":
        short = {("Joey", "Neutral"): 8, ("Ross", "Angry"): 9, ("Phoebe", "Sad"): 9}
        assert {key: count for key, count in counts.items() if count != each} == short
    elif name == "iemocap":  # Table 3 counts who wears the markers
        wearers = Counter((u.id.split("_")[0], u.label) for u in whole.tested)
        assert set(wearers.values()) == {each}
        wrong = sum(u.id.split("_")[0] != f"iemocap-{u.speaker}" for u in whole.tested)
        assert wrong == 113
        assert f"{wrong} of the listed speakers" in remarks(whole.corpus)[1]
        per_speaker = Counter(u.speaker for u in whole.tested).values()
        assert f"{min(per_speaker)} to {max(per_speaker)} utterances" in remarks(whole.corpus)[1]
    else:
        assert set(counts.values()) == {each}


def test_the_number_is_told(whole: Whole) -> None:
    number = "236 of 240" if whole.corpus.name == "meld" else "240"
    assert len(whole.tested) == int(number.split()[0])
    assert f": {number} utterances" in configurations(whole.corpus)["balanced"].description
    assert remarks(whole.corpus)[0].endswith(f"tested, on a whole copy, are {number} utterances.")


def test_what_is_left_out_is_named() -> None:
    facts = listed("meld")
    left_out = facts[facts.status != "unique"].listed_file.str.extract(r"/(.+)\.wav")[0]
    assert len(left_out) == 4
    assert all(any(name in remark for remark in remarks(corpora.load("meld"))[1:]) for name in left_out)


def test_all_other_corpora_have_none() -> None:
    assert tuple(name for name in corpora.names() if corpora.load(name).balanced_ids) == SETS
    assert tuple(PUBLISHED) == SETS
    assert remarks(corpora.load("emodb")) == []
    with pytest.raises(CorpusError, match="Expected a configuration of emodb, but got 'balanced'"):
        load_dataset("emobox/emodb", "balanced", data_dir="nowhere")


@pytest.fixture(scope="module", params=SETS)
def sounding(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, Path]:
    """The balanced utterances of a corpus and as many others, each with a tenth of a second of sound."""
    corpus = corpora.load(request.param)
    rows = released(corpus.name)
    chosen = rows[rows.id.isin(corpus.balanced_ids)]
    others = rows.drop(chosen.index)
    root = tmp_path_factory.mktemp("copies") / corpus.name
    put(root, corpus.name, pd.concat([chosen, others[:: len(others) // 240]]))
    noise = np.random.default_rng(0).normal(0, 0.1, (1_600, 6))
    stereo = set(rows.path[rows.channel == 1]) if corpus.name == "meld" else set()
    for path in rows.path:
        file = root / f"{corpus.name} (copy)" / path if corpus.name in PUBLISHERS else root / path
        if file.is_file():
            with file.open("wb") as stream:  # FFmpeg looks at the content, not at the name
                channels = 2 if path in stereo else 6 if corpus.name == "meld" else 1
                soundfile.write(stream, noise[:, :channels], 16_000, format="WAV")
    return corpus, root


def test_it_loads_by_name(sounding: tuple[Corpus, Path]) -> None:
    corpus, root = sounding
    name = f"emobox/{corpus.name}"
    assert "balanced" in datasets.get_dataset_config_names(name, data_dir=str(root))
    parts = load_dataset(name, "balanced", data_dir=str(root), allow_missing=True)
    assert list(parts) == ["test"]
    tested = parts["test"]
    assert set(tested["id"]) == set(listed(corpus.name).id.dropna())
    assert len(tested) == len(corpus.balanced_ids)
    labels = Counter(tested.features["label"].int2str(label) for label in tested["label"])
    assert set(labels) == set(SHARED_FOUR)
    assert tested[0]["duration"] == pytest.approx(0.1)
    streamed = load_dataset(
        name, "balanced", split="test", data_dir=str(root), allow_missing=True, streaming=True
    )
    assert {row["id"] for row in streamed} == set(tested["id"])


@pytest.mark.parametrize("sounding", ["savee", "meld"], indirect=True)
def test_a_prepared_repository_has_it_too(sounding: tuple[Corpus, Path], tmp_path: Path) -> None:
    corpus, root = sounding
    out = tmp_path / "emobox" / corpus.name
    made = prepare(corpus, root, out, describe, allow_missing=True)
    assert made.configurations["balanced"] == ["test"]
    assert made.rows_of("balanced", "test") == len(corpus.balanced_ids)
    expected = load_dataset(
        f"emobox/{corpus.name}", "balanced", data_dir=str(root), cache_dir=str(tmp_path / "cache"),
        allow_missing=True,
    )  # fmt: skip
    (rows,) = load_elsewhere([[f"emobox/{corpus.name}", "balanced", False]], tmp_path)
    assert rows == rows_of(expected)
    card = (out / "README.md").read_text()
    assert f"| `balanced` | balanced | 0 |  | {len(corpus.balanced_ids)} | " in card
    assert " ".join(remarks(corpus)) in card
    folds = sum(fold.kind not in ("balanced", "all") for fold in configurations(corpus).values())
    assert f" labels, {folds} folds." in card


@pytest.mark.parametrize("sounding", ["savee"], indirect=True)
def test_the_doctor_names_what_is_missing_of_it(sounding: tuple[Corpus, Path]) -> None:
    corpus, root = sounding
    missing = sorted(corpus.balanced_ids)[0]
    speaker, name = missing.removeprefix("savee-").split("-")
    (file,) = root.rglob(f"{speaker}_{name}.wav")
    hidden = file.rename(file.with_suffix(".hidden"))
    found = {o.kind: o for o in doctor.examine(corpus, root).observations}
    hidden.rename(file)
    assert found["balanced"].names == (missing,)
    assert "1 of 240" in found["balanced"].message
    assert "balanced" not in {o.kind for o in doctor.examine(corpus, root).observations}
