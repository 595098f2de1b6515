"""Sharif Emotional Speech Database: utterances from Persian radio plays."""

import re

from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names, gender
from emobox_datasets.sources.source import Recipe

EMOTIONS = {"A": "angry", "F": "fearful", "H": "happy", "N": "neutral", "S": "sad", "W": "surprised"}


def fields(name: re.Match[str]) -> Fields:
    raw_label = EMOTIONS.get(name["raw_label"], name["raw_label"])
    return {**name.groupdict(), "raw_label": raw_label, "gender": gender(name["speaker"])}


CORPUS = Corpus(
    name="shemo",
    display_name="ShEMO",
    languages=("fa",),
    source="acted",
    licence="Apache-2.0 (Hub card of the authors)",
    homepage="https://github.com/pariajm/sharif-emotional-speech-dataset",
    citation="""@article{nezami2019shemo,
  title = {{ShEMO}: a large-scale validated database for {Persian} speech emotion detection},
  author = {Mohamad Nezami, Omid and Jamshid Lou, Paria and Karami, Mansoureh},
  journal = {Language Resources and Evaluation},
  volume = {53},
  number = {1},
  pages = {1--16},
  doi = {10.1007/s10579-018-9427-x},
  year = {2019}
}""",
    labels={
        "angry": "Angry",
        "fearful": "Fear",
        "happy": "Happy",
        "neutral": "Neutral",
        "sad": "Sad",
        "surprised": "Surprise",
    },
    utterances=2838,
    hours=3.292,
    speakers=87,
    read=from_names(r"(?P<speaker>[MF]\d\d)(?P<raw_label>[A-Z])\d\d\.wav", fields),
    folds=ReleasedLists(1),
    example="male/M31A04.wav",
    beyond_release="The corpus, and its shemo.json, have 3,000 utterances; the release has 2,838, as it skipped "
    "files that failed to open.",
    download=Recipe(
        ask="Open its repository on GitHub; it sends to www.shemodb.com, where the recordings are.",
        fetch="the recordings of female and male speakers",
    ),
)
