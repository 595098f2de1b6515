"""MEAD: the frontal microphone of the multi-view emotional audio-visual dataset."""

import re

from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names, gender
from emobox_datasets.sources.source import Recipe


def fields(path: re.Match[str]) -> Fields:
    parts = {**path.groupdict(), "speaker": path["speaker"].upper(), "raw_label": path["raw_label"].lower()}
    name = f"{parts['speaker']}-{parts['raw_label']}-level-{parts['intensity']}-{parts['sentence']}"
    return {"id": name, **parts, "gender": gender(parts["speaker"])}


CORPUS = Corpus(
    name="mead",
    display_name="MEAD",
    languages=("en",),
    source="acted",
    licence="terms of use of the corpus (PDF in its repository)",
    homepage="https://github.com/uniBruce/Mead",
    citation="""@inproceedings{wang2020mead,
  title = {{MEAD}: A Large-scale Audio-visual Dataset for Emotional Talking-face Generation},
  author = {Wang, Kaisiyuan and Wu, Qianyi and Song, Linsen and Yang, Zhuoqian and Wu, Wayne and Qian, Chen and
    He, Ran and Qiao, Yu and Loy, Chen Change},
  booktitle = {European Conference on Computer Vision (ECCV)},
  year = {2020}
}""",
    labels={
        "angry": "Angry",
        "contempt": "Contempt",
        "disgusted": "Disgust",
        "fear": "Fear",
        "happy": "Happy",
        "neutral": "Neutral",
        "sad": "Sad",
        "surprised": "Surprise",
    },
    utterances=31729,
    hours=37.34,
    speakers=48,
    read=from_names(
        r"(?i:(?P<speaker>[MW]\d{3})/audio/(?P<raw_label>[a-z]+)/level_)(?P<intensity>\d)/(?P<sentence>\d{3})\.m4a",
        fields,
    ),
    folds=ReleasedLists(1),
    example="M042/audio/neutral/level_1/037.m4a",
    details={"intensity": "int32", "sentence": "string"},
    download=Recipe(
        ask="Open its repository on GitHub, and read the terms of use (PDF) there.",
        fetch="the audio of all 48 speakers",
    ),
)
