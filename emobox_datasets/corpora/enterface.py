"""eNTERFACE'05: audio-visual recordings of elicited emotions."""

import re

from emobox_datasets.copy.folder import base_name
from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names
from emobox_datasets.sources.source import RemoteFile, Source


def fields(path: re.Match[str]) -> Fields:
    # The folder tells the subject: 16 names of subject 3 lack the number, and those of subject 11 say 12.
    return {**path.groupdict(), "speaker": f"s{path['speaker']}"}


CORPUS = Corpus(
    name="enterface",
    display_name="eNTERFACE",
    languages=("en",),
    source="acted",
    licence="research only",
    homepage="https://enterface.net/enterface05/main.php?frame=emotion",
    citation="""@inproceedings{martin2006enterface,
  title = {The {eNTERFACE}'05 Audio-Visual Emotion Database},
  author = {Martin, Olivier and Kotsia, Irene and Macq, Benoit and Pitas, Ioannis},
  booktitle = {22nd International Conference on Data Engineering Workshops (ICDEW)},
  year = {2006}
}""",
    labels={"an": "Angry", "di": "Disgust", "fe": "Fear", "ha": "Happy", "sa": "Sad", "su": "Surprise"},
    utterances=1263,
    hours=1.111,
    speakers=43,
    read=from_names(
        r"subject (?P<speaker>\d+)/[a-z]+/(?:sentence (?P<sentence>\d)/)?"
        r"s_?\d+_(?P<raw_label>[a-z]{2})(?:_\d(?:avi)?)?\.avi",
        fields,
        base_name,
        str.lower,
    ),
    folds=ReleasedLists(1),
    example="subject 37/disgust/sentence 3/s37_di_3.avi",
    details={"sentence": "int32"},
    notes="Subject 6 is not cut into sentences: six utterances of 56 to 107 s. The paper counts 44 speakers.",
    download=Source(
        publisher="web",
        record="https://enterface.net/enterface05/docs/results/databases/",
        files=(RemoteFile("project2_database.zip"),),
        found="lists of corpora and download scripts on GitHub, which agree on the address; none states a size "
        "or a checksum",
        checked="2026-11-28",
    ),
)
