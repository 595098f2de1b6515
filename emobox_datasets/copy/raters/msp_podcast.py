"""MSP-Podcast: five or more workers a turn, a primary emotion and any number of secondary ones each."""

from collections.abc import Mapping
from typing import Any

from emobox_datasets.copy.annotations import entry, read_json
from emobox_datasets.copy.folder import CorpusFolder, stem
from emobox_datasets.copy.raters.tables import VOTES, OptionalTable, Table, votes_of

FILE = "labels_detailed.json"
VOTED = ("Angry", "Contempt", "Disgust", "Fear", "Happy", "Neutral", "Other", "Sad", "Surprise")
OTHER = "Other"


def read(folder: CorpusFolder) -> Table:
    """Votes of workers for primary emotions by turn, and how many named each secondary emotion."""
    file, turns = read_json(folder, FILE)
    table = {}
    for name in turns:
        workers = entry(file, turns, name)
        primary = [_primary(entry(file, turns, name, worker, "EmoClass_Major")) for worker in workers]
        named: dict[str, int] = {}
        for answer in workers.values():
            for emotion in _secondary(answer):
                named[emotion] = named.get(emotion, 0) + 1
        secondary = [f"{emotion} {count}" for emotion, count in sorted(named.items())]
        table[stem(name)] = {
            "votes": votes_of(primary, VOTED),
            "raters": len(workers),
            "secondary": "; ".join(secondary),
        }
    return table


def _primary(emotion: str) -> str:
    # What a worker wrote instead of choosing follows the word.
    return OTHER if emotion.startswith(OTHER) else emotion


def _secondary(answer: Mapping[str, Any]) -> set[str]:
    return {part.strip() for part in answer.get("EmoClass_Second", "").split(",")} - {""}


TABLE = OptionalTable(
    files=(FILE,),
    read=read,
    columns={"votes": VOTES, "raters": "int32", "secondary": "string"},
    voted=VOTED,
)
