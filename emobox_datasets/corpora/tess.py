"""Toronto emotional speech set: single words in a carrier phrase."""

import re

from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names
from emobox_datasets.sources.source import RemoteFile, Source


def fields(name: re.Match[str]) -> Fields:
    # One file of the archive, `OA_bite_neutral.wav`, lacks a letter that the release has.
    parts = {**name.groupdict(), "speaker": "YAF" if name["speaker"] == "YAF" else "OAF"}
    return {"id": "-".join(parts.values()), **parts, "gender": "female"}


CORPUS = Corpus(
    name="tess",
    display_name="TESS",
    languages=("en",),
    source="acted",
    licence="CC-BY-NC-ND-4.0",
    homepage="https://tspace.library.utoronto.ca/handle/1807/24487",
    citation="""@misc{dupuis2010toronto,
  title = {Toronto emotional speech set ({TESS})},
  author = {Dupuis, Kate and Pichora-Fuller, M. Kathleen},
  publisher = {University of Toronto, Psychology Department},
  doi = {10.5683/SP2/E8H2MF},
  year = {2010}
}""",
    labels={
        "angry": "Angry",
        "disgust": "Disgust",
        "fear": "Fear",
        "happy": "Happy",
        "neutral": "Neutral",
        "ps": "Surprise",
        "sad": "Sad",
    },
    utterances=2800,
    hours=1.598,
    speakers=2,
    read=from_names(r"(?P<speaker>OAF?|YAF)_(?P<word>[a-z]+)_(?P<raw_label>[a-z]+)\.wav", fields),
    folds=ReleasedLists(1),
    example="OAF_fear/OAF_calm_fear.wav",
    details={"word": "string"},
    notes="`ps` is pleasant surprise. The archive on Kaggle holds every file twice.",
    download=Source(
        publisher="dataverse",
        record="10.5683/SP2/E8H2MF",
        files=(RemoteFile("*.wav"),),
        host="borealisdata.ca",
        found="a download script on GitHub that lists the record's single wav files; names, sizes and MD5 are "
        "asked of the record",
        checked="2026-11-28",
    ),
)
