"""IEMOCAP: three or more evaluators of every turn, who could choose several categories."""

import re
from collections.abc import Iterator

from emobox_datasets.copy.annotations import text_of
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.copy.raters.tables import VOTES, OptionalTable, Table, votes_of
from emobox_datasets.errors import CorpusError

# Excitement is happiness here, as in the labels.
CATEGORIES = {
    "Anger": "Angry",
    "Disgust": "Disgust",
    "Excited": "Happy",
    "Fear": "Fear",
    "Frustration": "Frustrated",
    "Happiness": "Happy",
    "Neutral": "Neutral",
    "Neutral state": "Neutral",
    "Other": "Other",
    "Sadness": "Sad",
    "Surprise": "Surprise",
}
VOTED = tuple(sorted(set(CATEGORIES.values())))
TURN = re.compile(r"\[[^\]]*\]\t(?P<name>\w+)\t")
# An evaluator's line below a turn; those of the actors themselves are `C-F1` and `C-M1`, and are not counted.
EVALUATOR = re.compile(r"C-E\w+:\t(?P<categories>[^\t(]*)")


def read(folder: CorpusFolder) -> Table:
    """Votes by turn: one for every category that an evaluator chose."""
    table: dict[str, dict[str, object]] = {}
    for path in folder.by_name(r"EmoEvaluation/Ses[^/]+\.txt").values():
        file = folder.root / path
        for name, chosen in _turns(text_of(file), str(file)):
            choices = [label for labels in chosen for label in sorted(labels)]
            table[name] = {"votes": votes_of(choices, VOTED), "raters": len(chosen)}
    return table


def _turns(text: str, file: str) -> Iterator[tuple[str, list[set[str]]]]:
    """Every turn and the labels that each evaluator chose of it."""
    name = ""
    chosen: list[set[str]] = []
    for number, line in enumerate([*text.split("\n"), "["], start=1):
        if line.startswith("["):
            if name and chosen:
                yield name, chosen
            turn = TURN.match(line)
            name, chosen = turn["name"] if turn else "", []
        elif evaluator := EVALUATOR.match(line):
            categories = [part.strip() for part in evaluator["categories"].split(";") if part.strip()]
            if unknown := [category for category in categories if category not in CATEGORIES]:
                raise CorpusError(
                    f"Expected the categories {', '.join(CATEGORIES)} in {file}, line {number}, but got "
                    f"{unknown[0]!r}; replace the file with the original."
                )
            chosen.append({CATEGORIES[category] for category in categories})


TABLE = OptionalTable(
    files=(),
    read=read,
    columns={"votes": VOTES, "raters": "int32"},
    voted=VOTED,
)
