"""The built-in demo corpus: synthetic, made at first use, for trying the tools without any data."""

import re

from emobox_datasets.audio_files.synthesis import STYLES, TAKES, VOICES, synthesise
from emobox_datasets.copy.raters.demo import TABLE
from emobox_datasets.corpus import Corpus, Fields, SpeakerFolds, from_names


def fields(name: re.Match[str]) -> Fields:
    return {**name.groupdict(), "gender": VOICES[name["speaker"]].gender}


CORPUS = Corpus(
    name="demo",
    display_name="Demo",
    languages=("zxx",),
    source="synthesised",
    licence="Apache-2.0",
    homepage="",
    citation="",
    labels={emotion: emotion.capitalize() for emotion in STYLES},
    utterances=len(VOICES) * len(STYLES) * TAKES,
    hours=0.06,
    speakers=len(VOICES),
    read=from_names(rf"(?P<speaker>{'|'.join(VOICES)})_(?P<raw_label>{'|'.join(STYLES)})_\d\d\.flac", fields),
    folds=SpeakerFolds(tuple((voice,) for voice in VOICES)),
    example="ada/ada_angry_01.flac",
    tables=(TABLE,),
    intended=True,
    notes="Not speech and not part of the benchmark: scores on it mean nothing but that the tools work. Its raters are "
    "made up, too.",
    synthesise=synthesise,
)
