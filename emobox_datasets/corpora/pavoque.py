"""PAVOQUE: one German actor, thousands of utterances as spans of six long recordings."""

import re
from collections import Counter
from collections.abc import Iterator

import yaml

from emobox_datasets.copy.annotations import read_text
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.corpus import Corpus, Fields, ReleasedLists
from emobox_datasets.errors import CorpusError
from emobox_datasets.sources.source import RemoteFile, Source

RECORDINGS = ("angry", "happy", "neutral", "outtakes", "poker", "sad")
KEYS = ("prompt", "style", "start", "end")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# One line a phone, most of the file; blanked rather than cut, so that lines keep their numbers.
PHONE = re.compile(r"^ *- \{lab: .*$", re.MULTILINE)


def read(folder: CorpusFolder) -> Iterator[tuple[str | None, Fields]]:
    audio = folder.by_name(rf"pavoque-(?:{'|'.join(RECORDINGS)})\.flac")
    for recording in RECORDINGS:
        listed = list(spans(folder, f"pavoque-{recording}.yaml"))
        times = Counter((span["start"], span["end"]) for span in listed)
        for span in listed:
            labels = times[span["start"], span["end"]]
            yield (
                audio.get(f"pavoque-{recording}.flac"),
                {**span, "recording": recording, "labels_of_span": labels},
            )


def spans(folder: CorpusFolder, tail: str) -> Iterator[Fields]:
    """The entries of one YAML file, each with the line on which it starts."""
    file, text = read_text(folder, tail)
    try:
        document = yaml.compose(PHONE.sub("", text), LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CorpusError(
            f"Expected YAML in {file}, line {line}, but got {error.problem}; replace the file with the original."
        ) from error
    for node in document.value if isinstance(document, yaml.SequenceNode) else ():
        origin = f"{file}, line {node.start_mark.line + 1}"
        told = {key.value: value.value for key, value in node.value}
        if missing := [key for key in KEYS if key not in told]:
            raise CorpusError(
                f"Expected {', '.join(missing)} in the entry of {origin}, but got {', '.join(told)}; replace the "
                f"file with the original."
            )
        yield {
            "id": f"{told['prompt']}-{told['style']}",
            "raw_label": told["style"].lower(),
            "speaker": "STEFAN-RÖTTIG",
            "gender": "male",
            "start": seconds(told["start"], origin),
            "end": seconds(told["end"], origin),
            "text": told.get("text"),
            "origin": origin,
        }


def seconds(value: str, origin: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise CorpusError(
            f"Expected seconds in the entry of {origin}, but got {value!r}; replace the file with the original."
        ) from None


CORPUS = Corpus(
    name="pavoque",
    display_name="PAVOQUE",
    languages=("de",),
    source="acted",
    licence="CC-BY-NC-SA-3.0",
    homepage="https://github.com/marytts/pavoque-data/releases",
    citation="""@inproceedings{steiner2013pavoque,
  title = {The {PAVOQUE} corpus as a resource for analysis and synthesis of expressive speech},
  author = {Steiner, Ingmar and Schr{\\"o}der, Marc and Klepp, Annette},
  booktitle = {Phonetik \\& Phonologie 9},
  year = {2013}
}""",
    labels={"angry": "Angry", "happy": "Happy", "neutral": "Neutral", "poker": "Poker", "sad": "Sad"},
    utterances=7334,
    hours=12.198,
    speakers=1,
    read=read,
    folds=ReleasedLists(1),
    example="pavoque-angry.yaml, pavoque-angry.flac",
    details={"text": "string", "recording": "string", "labels_of_span": "int32"},
    notes="119 spans of the outtakes carry two to four labels (`labels_of_span` counts them), 60 of them in both train "
    "and test of fold1.",
    download=Source(
        publisher="github release",
        record="marytts/pavoque-data",
        files=tuple(
            RemoteFile(f"pavoque-{name}.{ending}") for name in RECORDINGS for ending in ("yaml", "flac")
        ),
        revision="latest",
        found="the README of the repository sends to its releases, and the released folds name the files; sizes"
        " and SHA-256 are asked of GitHub",
        checked="2026-11-28",
    ),
)
