"""Emotions in Polish speech recordings: single words."""

import re

from emobox_datasets.corpus import Corpus, Fields, SpeakerFolds, from_names
from emobox_datasets.sources.source import Recipe


def fields(name: re.Match[str]) -> Fields:
    return {**name.groupdict(), "gender": "male"}


CORPUS = Corpus(
    name="polish",
    display_name="Polish",
    languages=("pl",),
    source="acted",
    licence="unknown",
    homepage="https://mostwiedzy.pl/en/open-research-data/emotions-in-polish-speech-recordings,11190523461146169-0",
    citation="""@misc{miesikowska2020emotions,
  title = {Emotions in {Polish} speech recordings},
  author = {Mi{\\k{e}}sikowska, Marzena and {\\'S}wisulski, Dariusz},
  publisher = {Gda{\\'n}sk University of Technology},
  doi = {10.34808/h46c-hb44},
  year = {2020}
}""",
    labels={"a": "Angry", "n": "Neutral", "s": "Fear"},
    utterances=450,
    hours=0.105,
    speakers=5,
    read=from_names(
        r"(?P<speaker>m\d)\.(?P<raw_label>[a-z])_(?P<word>[a-z]+)_(?P<take>\d)\.wav",
        fields,
        spelling=str.lower,
    ),
    folds=SpeakerFolds((("m3",), ("m2",), ("m4",), ("m5",), ("m1",))),
    example="m5.s_nie_2.wav",
    details={"word": "string", "take": "int32"},
    notes="Five young men; `s` is strach, fear.",
    download=Recipe(
        ask="Open its page; neither licence nor files could be confirmed, so read both there.",
        fetch="the recordings of all five speakers",
    ),
)
