"""CREMA-D: every clip was heard, seen, and both, by about ten raters each, who named what they perceived."""

import logging
import re
from collections.abc import Mapping

from emobox_datasets.copy.annotations import Row, read_table
from emobox_datasets.copy.folder import CorpusFolder, stem
from emobox_datasets.copy.raters import emo_superb
from emobox_datasets.copy.raters.tables import SHARES, VOTES, OptionalTable, Table, votes_of
from emobox_datasets.errors import CorpusError

logger = logging.getLogger(__name__)

LABELS = {"A": "Angry", "D": "Disgust", "F": "Fear", "H": "Happy", "N": "Neutral", "S": "Sad"}
# What raters had of a clip: the first digit of a row's number in one table, `queryType` in the other.
COLUMNS = {"1": "votes", "2": "votes_seen", "3": "votes_both"}
TABULATED, RESPONSES = "tabulatedVotes.csv", "finishedResponses.csv"


def read_votes(folder: CorpusFolder) -> Table:
    """Votes by clip, from the publisher's counts, else from the single answers, else EMO-SUPERB's shares."""
    counted, answered, shared = (
        any(folder.find(re.escape(file))) for file in (TABULATED, RESPONSES, emo_superb.FILE)
    )
    if not (counted or answered):
        return _shared(folder)
    if shared:
        logger.warning(
            f"EMO-SUPERB's {emo_superb.FILE} is not read, as the publisher's {TABULATED if counted else RESPONSES} "
            f"is there, which has counts."
        )
    counts = _tabulated(folder) if counted else _counted(folder)
    return {clip: {**votes, "raters": sum(votes.get("votes", {}).values())} for clip, votes in counts.items()}


def _shared(folder: CorpusFolder) -> Table:
    logger.warning(
        f"The votes of CREMA-D are EMO-SUPERB's smoothed shares, from {emo_superb.FILE}: how many raters there were is "
        f"not known. Copy {TABULATED} there as published to have counts."
    )
    return {_id(stem(name)): {"votes": shares} for name, shares in emo_superb.read_shares(folder).items()}


def _tabulated(folder: CorpusFolder) -> dict[str, dict[str, dict[str, int]]]:
    clips: dict[str, dict[str, dict[str, int]]] = {}
    # The column of row numbers has no name.
    for row in read_table(folder, TABULATED, ("", "fileName", *LABELS)):
        column = _column(row, row[""][:1])
        clip = clips.setdefault(_id(row["fileName"]), {})
        if column in clip:
            raise CorpusError(
                f"Expected {row['fileName']} once for what was heard, seen and both, but got it again in {row.origin}; "
                f"replace the file with the original."
            )
        clip[column] = {label: _count(row, letter) for letter, label in LABELS.items()}
    return clips


def _counted(folder: CorpusFolder) -> dict[str, dict[str, dict[str, int]]]:
    choices: dict[str, dict[str, list[str]]] = {}
    for row in read_table(folder, RESPONSES, ("queryType", "clipName", "respEmo")):
        clip = choices.setdefault(_id(row["clipName"]), {})
        # A letter that stands for no label is told as a vote for it, which is refused.
        clip.setdefault(_column(row, row["queryType"]), []).append(LABELS.get(row["respEmo"], row["respEmo"]))
    voted = tuple(LABELS.values())
    return {
        name: {column: votes_of(chosen, voted) for column, chosen in clip.items()}
        for name, clip in choices.items()
    }


def _column(row: Row, digit: str) -> str:
    if digit not in COLUMNS:
        raise CorpusError(
            f"Expected 1 (heard), 2 (seen) or 3 (both) as what raters had in {row.origin}, but got {digit!r}; replace "
            f"the file with the original."
        )
    return COLUMNS[digit]


def _count(row: Row, column: str) -> int:
    number = row.number(column)
    if number < 0 or number != int(number):
        raise CorpusError(
            f"Expected a count of votes in column {column} of {row.origin}, but got {row[column]!r}; replace the file "
            f"with the original."
        )
    return int(number)


def _id(clip: str) -> str:
    return clip.replace("_", "-")


def read_speakers(folder: CorpusFolder) -> Table:
    """Age, sex, race and ethnicity by actor."""
    columns = ("ActorID", "Age", "Sex", "Race", "Ethnicity")
    return {row["ActorID"]: _speaker(row) for row in read_table(folder, "VideoDemographics.csv", columns)}


def _speaker(row: Row) -> Mapping[str, object]:
    return {
        "age": int(row.number("Age")),
        **{name.lower(): row[name] for name in ("Sex", "Race", "Ethnicity")},
    }


VOTES_TABLE = OptionalTable(
    files=(TABULATED, RESPONSES, emo_superb.FILE),
    read=read_votes,
    columns={**dict.fromkeys(COLUMNS.values(), VOTES), "votes": SHARES, "raters": "int32"},
    voted=tuple(LABELS.values()),
)
SPEAKERS_TABLE = OptionalTable(
    files=("VideoDemographics.csv",),
    read=read_speakers,
    columns={"age": "int32", "sex": "string", "race": "string", "ethnicity": "string"},
    by="speaker",
)
