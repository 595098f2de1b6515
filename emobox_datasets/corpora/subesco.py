"""SUST Bangla Emotional Speech Corpus."""

import re

from emobox_datasets.corpus import Corpus, Fields, SpeakerFolds, from_names, gender
from emobox_datasets.sources.source import RemoteFile, Source


def fields(name: re.Match[str]) -> Fields:
    sex = gender(name["gender"])
    speaker = f"{sex.capitalize()}-{name['speaker']}"
    return {**name.groupdict(), "raw_label": name["raw_label"].lower(), "speaker": speaker, "gender": sex}


CORPUS = Corpus(
    name="subesco",
    display_name="SUBESCO",
    languages=("bn",),
    source="acted",
    licence="CC-BY-4.0",
    homepage="https://zenodo.org/records/4526477",
    citation="""@article{sultana2021subesco,
  title = {{SUST} {Bangla} Emotional Speech Corpus ({SUBESCO}): An audio-only emotional speech corpus for {Bangla}},
  author = {Sultana, Sadia and Rahman, M. Shahidur and Selim, M. Reza and Iqbal, M. Zafar},
  journal = {PLoS ONE},
  volume = {16},
  number = {4},
  pages = {e0250173},
  doi = {10.1371/journal.pone.0250173},
  year = {2021}
}""",
    labels={
        name: name.capitalize()
        for name in ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    },
    utterances=7000,
    hours=7.832,
    speakers=20,
    read=from_names(
        # One name ends in a stray bracket: `F_02_MONIKA_S_2_SURPRISE_3].wav`.
        r"(?P<gender>[MF])_(?P<speaker>\d\d)_[A-Z]+_S_(?P<sentence>\d+)_(?P<raw_label>[A-Z]+)_(?P<take>\d)\]?\.wav",
        fields,
        spelling=str.upper,
    ),
    folds=SpeakerFolds(
        (
            ("Female-03", "Male-03", "Male-08", "Male-09"),
            ("Female-01", "Female-04", "Female-10", "Male-07"),
            ("Female-06", "Female-08", "Male-05", "Male-06"),
            ("Female-05", "Female-07", "Female-09", "Male-04"),
            ("Female-02", "Male-01", "Male-02", "Male-10"),
        )
    ),
    example="M_01_BASHIR_S_2_HAPPY_4.wav",
    details={"sentence": "int32", "take": "int32"},
    download=Source(
        publisher="zenodo",
        record="4526477",
        files=(RemoteFile("SUBESCO.zip", 1_664_512_929, "md5:13d702cf944bf54d70d66bffc036ed7a"),),
        found="a training script on GitHub that checks the archive of the record against this size and MD5; "
        "others state 1.7 GB",
        checked="2026-11-28",
    ),
)
