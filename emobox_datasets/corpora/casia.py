"""CASIA: Mandarin emotional speech of the Institute of Automation, Chinese Academy of Sciences."""

import re

from emobox_datasets.corpus import Corpus, Fields, SpeakerFolds, from_names
from emobox_datasets.sources.source import Recipe


def fields(path: re.Match[str]) -> Fields:
    name = f"{path['sentence']}-{path['speaker']}-{path['raw_label']}"
    return {"id": name, **path.groupdict()}


CORPUS = Corpus(
    name="casia",
    display_name="CASIA",
    languages=("zh",),
    source="acted",
    licence="unknown",
    homepage="https://aistudio.baidu.com/aistudio/datasetdetail/209512",
    citation="""@inproceedings{tao2008design,
  title = {Design of Speech Corpus for {Mandarin} Text to Speech},
  author = {Tao, Jianhua and Liu, Fangzhou and Zhang, Meng and Jia, Huibin},
  booktitle = {The Blizzard Challenge 2008 Workshop},
  year = {2008}
}""",
    labels={name: name.capitalize() for name in ("angry", "fear", "happy", "neutral", "sad", "surprise")},
    utterances=1200,
    hours=0.635,
    speakers=4,
    # Copies also spell the folders `ZhaoZuoxiang` and `Angry`.
    read=from_names(
        r"(?P<speaker>[a-z]+)/(?P<raw_label>[a-z]+)/(?P<sentence>\d{3})\.wav", fields, spelling=str.lower
    ),
    folds=SpeakerFolds((("wangzhe",), ("zhaozuoxiang",), ("liuchanhg",), ("zhaoquanyin",))),
    example="liuchanhg/angry/203.wav",
    details={"sentence": "string"},
    notes="The spelling `liuchanhg` is the corpus's.",
    download=Recipe(
        ask="Open its page and sign in; no licence could be confirmed, so ask whether you may use it.",
        fetch="the recordings of four speakers, 300 utterances each",
    ),
)
