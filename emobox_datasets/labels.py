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

# How others write the labels, in lower case: as a noun or an adjective, or as the three letters of IEMOCAP.
OTHER_NAMES = {
    "Amused": ("amusement",),
    "Angry": ("anger", "ang"),
    "Anxious": ("anxiety",),
    "Boredom": ("bored",),
    "Calm": ("calmness",),
    "Concerned": ("concern",),
    "Contempt": ("contemptuous",),
    "Disgust": ("disgusted", "dis"),
    "Enthusiastic": ("enthusiasm",),
    "Excited": ("excitement", "exc"),
    "Fear": ("fearful", "afraid", "fea"),
    "Happy": ("happiness", "joy", "hap"),
    "Neutral": ("neu",),
    "Other": ("others", "oth"),
    "Sad": ("sadness",),
    "Sarcastic": ("sarcasm",),
    "Sleepy": ("sleepiness",),
    "Surprise": ("surprised", "sur"),
    "UnKnown": ("<unk>", "unk"),
    "Worried": ("worry",),
}
_BY_NAME = {label.lower(): label for label in VOCABULARY}
_BY_NAME |= {name: label for label, names in OTHER_NAMES.items() for name in names}

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


def from_name(name: str) -> str | None:
    """The label that others mean by a name, such as a class of a classifier; None where that is not certain.

    Of a name in several languages, parted by `/`, the part that is known is taken; parts that mean different labels
    mean none.

    >>> from_name("anger"), from_name("HAPPY"), from_name("生气/angry")
    ('Angry', 'Happy', 'Angry')
    >>> from_name("fear/surprise"), from_name("LABEL_0")
    (None, None)
    """
    parts = [name, *name.split("/")]
    found = {_BY_NAME[plain] for part in parts if (plain := part.strip().lower()) in _BY_NAME}
    return found.pop() if len(found) == 1 else None
