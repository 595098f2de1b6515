"""M3ED: three annotators of every utterance, who could name several emotions."""

from emobox_datasets.copy.annotations import entry, read_json
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.copy.raters.tables import VOTES, OptionalTable, Table, votes_of

FILE = "annotation.json"
LABELS = {
    "Anger": "Angry",
    "Disgust": "Disgust",
    "Fear": "Fear",
    "Happy": "Happy",
    "Neutral": "Neutral",
    "Sad": "Sad",
    "Surprise": "Surprise",
}
VOTED = tuple(LABELS.values())
# What the annotators said stands beside what was made of it.
ANNOTATOR = "EmoAnnotator"


def read(folder: CorpusFolder) -> Table:
    """Votes by utterance: one for every emotion that an annotator named; nothing where the file tells none."""
    table: dict[str, dict[str, object]] = {}
    file, shows = read_json(folder, FILE)
    for dialogues in shows.values():
        for scene in dialogues.values():
            for name in entry(file, scene, "Dialog"):
                said = entry(file, scene, "Dialog", name, "EmoAnnotation")
                answers = [str(said[key]) for key in said if key.startswith(ANNOTATOR) and said[key]]
                named = [part.strip() for answer in answers for part in answer.split(",") if part.strip()]
                # A word that stands for no label is told as a vote for it, which is refused.
                votes = votes_of([LABELS.get(emotion, emotion) for emotion in named], VOTED)
                table[name] = {"votes": votes, "raters": len(answers)} if named else {}
    return table


TABLE = OptionalTable(
    files=(),
    read=read,
    columns={"votes": VOTES, "raters": "int32"},
    voted=VOTED,
)
