"""EmoBox's emotion vocabulary, spelled as in the released benchmark, and the four emotions all of it shares."""

from collections.abc import Iterable

VOCABULARY = (
    "Amused",
    "Angry",
    "Anxious",
    "Apologetic",
    "Assertive",
    "Boredom",
    "Calm",
    "Concerned",
    "Contempt",
    "Disgust",
    "Encouraging",
    "Enthusiastic",
    "Excited",
    "Fear",
    "Happy",
    "Neutral",
    "No-agreement",
    "Other",
    "Poker",
    "Sad",
    "Sarcastic",
    "Sleepy",
    "Surprise",
    "UnKnown",
    "Worried",
    "breath",
    "disappointment, disapproval",
    "pain, groan",
    "pleasure",
)

# Section 2.3 of the paper: the emotions of its cross-corpus tests.
SHARED_FOUR = ("Angry", "Happy", "Neutral", "Sad")


def ordered(labels: Iterable[str]) -> tuple[str, ...]:
    """The distinct labels in the order of the vocabulary: the fixed label list of a corpus.

    Raises:
        ValueError: a label is not in the vocabulary.

    >>> ordered(["Sad", "Angry", "Sad"])
    ('Angry', 'Sad')
    """
    return tuple(sorted(set(labels), key=VOCABULARY.index))
