"""What publishers' files say of raters: laid-out ones give back what was laid out, real ones what others counted."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from publishers import touch

from emobox_datasets import corpora
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.copy.raters import iemocap
from emobox_datasets.errors import CorpusError
from emobox_metric.raters.ceiling import human_scores

EVALUATION = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
C-E3:\tNeutral; Frustration;\t()
C-E4:\tExcited; Happiness;\t(curious)
C-F1:\tAnger;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[10.0100 - 11.3925]\tSes01F_impro01_F001\txxx\t[2.5000, 2.5000, 5.5000]
C-E2:\tOther;\t(bored)
C-E3:\tSadness;\t()

[12.0100 - 13.3925]\tSes01F_impro01_M000\tang\t[1.5000, 4.5000, 5.5000]
C-E2:\tAnger;\t()
"""


def iemocap_tree(root: Path, text: str = EVALUATION) -> Path:
    file = root / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    touch(
        root,
        [f"Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_{turn}.wav" for turn in ("F000", "M000")],
    )
    return root


def chosen(votes: dict[str, int]) -> dict[str, int]:
    return {label: count for label, count in votes.items() if count}


def test_iemocap_counts_evaluators_and_not_the_actors(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        neutral, angry = corpora.load("iemocap").scan(iemocap_tree(tmp_path), allow_missing=True)
    assert chosen(neutral.annotations["votes"]) == {"Frustrated": 1, "Happy": 1, "Neutral": 2}
    assert neutral.annotations["raters"] == 3
    assert chosen(angry.annotations["votes"]) == {"Angry": 1}
    assert (angry.details["valence"], angry.details["arousal"], angry.details["dominance"]) == (1.5, 4.5, 5.5)
    assert (
        "IEMOCAP has 1 utterances whose dominance is not in 1 to 5, first iemocap-Ses01F_impro01_M000"
        in caplog.text
    )


def test_iemocap_turns_that_the_benchmark_leaves_out_are_read_and_not_loaded(tmp_path: Path) -> None:
    table = iemocap.TABLE.read_if_there(CorpusFolder(iemocap_tree(tmp_path)))
    assert table is not None
    assert chosen(table["Ses01F_impro01_F001"]["votes"]) == {"Other": 1, "Sad": 1}


def test_iemocap_category_that_is_none(tmp_path: Path) -> None:
    root = iemocap_tree(tmp_path, EVALUATION.replace("Frustration", "Joy"))
    with pytest.raises(CorpusError, match=r"Expected the categories .* line 5, but got 'Joy'"):
        corpora.load("iemocap").scan(root, allow_missing=True)


def msp_tree(root: Path, detailed: object) -> Path:
    (root / "label").mkdir(parents=True)
    name = "MSP-PODCAST_0001_0008.wav"
    consensus = {"EmoClass": "H", "SpkrID": "12", "Gender": "Male", "Split_Set": "Test1"}
    dimensions = {"EmoVal": "5.2", "EmoAct": "4.0", "EmoDom": "3.8"}
    (root / "label/labels_concensus.json").write_text(json.dumps({name: consensus | dimensions}))
    if detailed is not None:
        (root / "label/labels_detailed.json").write_text(json.dumps({name: detailed}))
    touch(root, [f"Audio/{name}"])
    return root


def worker(primary: str, secondary: str) -> dict[str, str]:
    return {
        "EmoClass_Major": primary,
        "EmoClass_Second": secondary,
        "EmoAct": "5",
        "EmoDom": "4",
        "EmoVal": "6",
    }


def test_msp_podcast_primary_and_secondary_emotions(tmp_path: Path) -> None:
    detailed = {
        "WORKER00000001": worker("Happy", "Happy,Amused"),
        "WORKER00000002": worker("Happy", "Excited, Amused"),
        "WORKER00000003": worker("Other-nostalgic", ""),
    }
    (turn,) = corpora.load("msp_podcast").scan(msp_tree(tmp_path, detailed), allow_missing=True)
    assert chosen(turn.annotations["votes"]) == {"Happy": 2, "Other": 1}
    assert turn.annotations["raters"] == 3
    assert turn.annotations["secondary"] == "Amused 2; Excited 1; Happy 1"
    assert turn.details["valence"] == pytest.approx(5.2)


@pytest.mark.parametrize(
    ("detailed", "message"),
    [
        ({"WORKER1": worker("Bliss", "")}, "but got one for 'Bliss'"),
        ({"WORKER1": {"EmoAct": "4"}}, "Expected EmoClass_Major below MSP-PODCAST_0001_0008.wav > WORKER1"),
    ],
)
def test_msp_podcast_answers_that_are_none(tmp_path: Path, detailed: object, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        corpora.load("msp_podcast").scan(msp_tree(tmp_path, detailed), allow_missing=True)


def test_msp_podcast_without_its_workers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        (turn,) = corpora.load("msp_podcast").scan(msp_tree(tmp_path, None), allow_missing=True)
    assert (
        "MSP-Podcast is without labels_detailed.json: nothing is in votes, raters, secondary" in caplog.text
    )
    assert turn.annotations == {}


LISTENING = "Nr.\tSatz\terkannt\tnatuerlich\n1\xa0\t03a01Fa.wav\t90,48\xa0\xa0\t75,00\xa0\n2\t03a01Xx.wav\t5,00\t0,00\n"


def test_emodb_listening_test(tmp_path: Path) -> None:
    touch(tmp_path, ["wav/03a01Fa.wav"])
    (tmp_path / "erkennung.txt").write_text(LISTENING, encoding="latin-1")
    (utterance,) = corpora.load("emodb").scan(tmp_path, allow_missing=True)
    assert utterance.annotations == {"recognition": 90.48, "naturalness": 75}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("90,48", "190,48", r"Expected recognition of 0 to 100 in erkennung.txt, but got 190.48 \(03a01Fa\)"),
        ("75,00", "hoch", "Expected a percentage in column natuerlich of .*line 2, but got 'hoch"),
    ],
)
def test_emodb_numbers_that_are_no_percentages(tmp_path: Path, old: str, new: str, message: str) -> None:
    touch(tmp_path, ["wav/03a01Fa.wav"])
    (tmp_path / "erkennung.txt").write_text(LISTENING.replace(old, new), encoding="latin-1")
    with pytest.raises(CorpusError, match=message):
        corpora.load("emodb").scan(tmp_path, allow_missing=True)


def test_every_recording_of_the_real_emodb_is_in_its_listening_test(shared_assets: Path) -> None:
    utterances = corpora.load("emodb").scan(shared_assets / "corpora/emodb")
    recognised = [utterance.annotations["recognition"] for utterance in utterances]
    assert len(recognised) == 535
    # Those published are those that more than 80 % recognised and 60 % found natural, with few exceptions.
    assert np.mean(np.array(recognised) >= 80) > 0.9


@pytest.mark.slow
def test_what_people_do_on_the_real_crema_d(shared_assets: Path, tmp_path: Path) -> None:
    corpus = corpora.load("crema_d")
    ids = sorted(id for listed in corpus.released_ids.values() for id in listed)
    touch(tmp_path, [f"AudioWAV/{id.removeprefix('cremad-').replace('-', '_')}.wav" for id in ids])
    for table in ("tabulatedVotes.csv", "VideoDemographics.csv"):
        (tmp_path / table).symlink_to(shared_assets / "annotations/crema_d" / table)
    utterances = corpus.scan(tmp_path)
    assert sum("votes" in utterance.annotations for utterance in utterances) == len(ids) == 7442
    assert {utterance.annotations["sex"] for utterance in utterances} == {"Female", "Male"}
    labels = [corpus.label_list.index(utterance.label) for utterance in utterances]

    def scores(column: str) -> dict[str, dict[str, float]]:
        votes = [
            [utterance.annotations[column][label] for label in corpus.label_list] for utterance in utterances
        ]
        return human_scores(labels, votes, [utterance.speaker for utterance in utterances], resamples=200)

    heard = scores("votes")
    # An independent count of the same table, in percent.
    assert 100 * heard["single_rater"]["wa"] == pytest.approx(39.7, abs=0.05)
    assert 100 * heard["single_rater"]["ua"] == pytest.approx(40.6, abs=0.05)
    assert [100 * bound for bound in heard["majority"]["wa_bounds"]] == pytest.approx([41.6, 47.9], abs=0.05)
    assert heard["majority"]["wa_bounds"][0] < heard["majority"]["wa"] < heard["majority"]["wa_bounds"][1]
    for column, expected in (("votes_seen", [57.2, 57.6]), ("votes_both", [62.9, 63.3])):
        line = scores(column)["single_rater"]
        assert [100 * line["wa"], 100 * line["ua"]] == pytest.approx(expected, abs=0.05)


def m3ed_tree(root: Path, said: dict[str, str]) -> Path:
    turn = {"Text": "-", "Speaker": "A", "EmoAnnotation": {**said, "final_main_emo": "Anger"}}
    other = {"Text": "-", "Speaker": "A", "EmoAnnotation": {"final_main_emo": "Sad"}}
    scene = {"SpeakerInfo": {"A": {"Name": "x"}}, "Dialog": {"woju_1_1": turn, "woju_1_2": other}}
    (root / "splitInfo").mkdir(parents=True)
    (root / "annotation.json").write_text(json.dumps({"woju": {"woju_1": scene}}))
    for name, shows in {"train": "woju", "val": "", "test": ""}.items():
        (root / f"splitInfo/movie_list_{name}.txt").write_text(shows)
    touch(root, ["A_woju_1_1.wav", "A_woju_1_2.wav"])
    return root


def test_m3ed_annotators_name_several_emotions(tmp_path: Path) -> None:
    said = {"EmoAnnotator1": "Anger", "EmoAnnotator2": "Disgust, Anger", "EmoAnnotator3": "Neutral"}
    rated, unrated = corpora.load("m3ed").scan(m3ed_tree(tmp_path, said), allow_missing=True)
    assert chosen(rated.annotations["votes"]) == {"Angry": 2, "Disgust": 1, "Neutral": 1}
    assert rated.annotations["raters"] == 3
    assert unrated.annotations == {}
    assert unrated.label == "Sad"


def test_m3ed_emotion_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"Expected votes for Angry, .* but got one for 'Joy' \(woju_1_1\)"):
        corpora.load("m3ed").scan(m3ed_tree(tmp_path, {"EmoAnnotator1": "Joy"}), allow_missing=True)


def test_the_demo_corpus_has_raters_that_are_made_up(tmp_path: Path) -> None:
    demo = corpora.load("demo")
    touch(tmp_path, ["ada/ada_angry_01.flac", "dan/dan_sad_20.flac"])
    table = demo.ratings(tmp_path)
    assert set(table) == {"demo-ada_angry_01", "demo-dan_sad_20"}
    for said in table.values():
        assert sum(said["votes"].values()) == said["raters"] == 10
        assert all(1 <= said[name] <= 5 for name in ("arousal", "valence", "dominance"))
    assert demo.ratings(tmp_path) == table
    assert table["demo-ada_angry_01"]["arousal"] > table["demo-dan_sad_20"]["arousal"]
    assert "raters are made up" in demo.notes
