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


def shared_four(label: str) -> str | None:
    """The label as one of the four emotions of the cross-corpus tests, or None.

    Nothing is merged: what the release calls Calm, Excited or Worried is not Neutral, Happy or Sad. (IEMOCAP's
    excitement is Happy already in its own map, as in the release.)

    >>> shared_four("Happy"), shared_four("Excited")
    ('Happy', None)
    """
    return label if label in SHARED_FOUR else None
