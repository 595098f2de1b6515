"""Whether heads can be trained and tested on a fold at all."""

from collections import Counter
from collections.abc import Mapping, Sequence

# What to do about folds of a whole copy.
CORRECT_FOLDS = "the copy is whole, so correct the labels, speakers or folds in the module of the corpus"


def why_untrainable(fold: str, labels: Mapping[str, Sequence[str]], wanted: Sequence[str]) -> str:
    """Why no head can be trained or tested on a fold, as the end of a sentence; empty where one can.

    Args:
        fold: its name.
        labels: of every utterance of each part, train and test among them.
        wanted: the labels that heads tell apart.

    >>> labels = {"train": ["Sad", "Happy"], "test": ["Angry"]}
    >>> why_untrainable("fold1", labels, ["Angry", "Happy", "Sad"])
    'the train part of fold1 has no utterance of Angry, but its test part has 1'
    """
    counts = {
        part: Counter(label for label in of_part if label in wanted) for part, of_part in labels.items()
    }
    for part, counted in counts.items():
        if not counted:
            others = ", ".join(f"{sum(other.values())} in {name}" for name, other in counts.items() if other)
            return f"the {part} part of {fold} is empty ({others or 'no utterance anywhere'})"
    if len(wanted) < 2:
        return f"there is no label but {wanted[0]} to tell apart"
    untaught = [label for label in wanted if not counts["train"][label]]
    if not untaught:
        return ""
    if len(counts["train"]) == 1:
        return f"all utterances in the train part of {fold} are {next(iter(counts['train']))}"
    reason = f"the train part of {fold} has no utterance of {', '.join(untaught)}"
    tested = sum(counts["test"][label] for label in untaught)
    return f"{reason}, but its test part has {tested}" if tested else reason
