"""JL-Corpus: primary and secondary emotions in New Zealand English."""

import re

from emobox_datasets.copy.folder import dashed_stem
from emobox_datasets.corpus import Corpus, Fields, SpeakerFolds, from_names, gender
from emobox_datasets.sources.source import Recipe

EMOTIONS = (
    "angry",
    "anxious",
    "apologetic",
    "assertive",
    "concerned",
    "encouraging",
    "excited",
    "happy",
    "neutral",
    "sad",
)


def fields(name: re.Match[str]) -> Fields:
    return {**name.groupdict(), "gender": gender(name["speaker"])}


CORPUS = Corpus(
    name="jl_corpus",
    id_prefix="jlcorpus",
    display_name="JL-Corpus",
    languages=("en",),
    source="acted",
    licence="CC0-1.0",
    homepage="https://www.kaggle.com/datasets/tli725/jl-corpus",
    citation="""@inproceedings{james2018open,
  title = {An Open Source Emotional Speech Corpus for Human Robot Interaction Applications},
  author = {James, Jesin and Tian, Li and Watson, Catherine},
  booktitle = {Interspeech 2018},
  pages = {2768--2772},
  doi = {10.21437/Interspeech.2018-1349},
  year = {2018}
}""",
    labels={emotion: emotion.capitalize() for emotion in EMOTIONS},
    utterances=2400,
    hours=1.412,
    speakers=4,
    read=from_names(
        r"(?P<speaker>(?:fe)?male[12])_(?P<raw_label>[a-z]+)_(?P<sentence>\d+[ab])_(?P<take>\d)\.wav",
        fields,
        dashed_stem,
        str.lower,
    ),
    folds=SpeakerFolds((("male2",), ("female1",), ("male1",), ("female2",))),
    example="Raw JL corpus (unchecked and unannotated)/JL(wav+txt)/female1_happy_3a_2.wav",
    details={"sentence": "string", "take": "int32"},
    notes="The paper counts 5 emotions; the release has 10, of 240 utterances each.",
    download=Recipe(
        ask="Open its page on Kaggle and sign in; the licence is open, but Kaggle asks for an account.",
        fetch="the raw corpus",
    ),
)
