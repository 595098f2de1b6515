"""What the classes of a classifier mean: labels of EmoBox, by name or as the user says."""

from collections.abc import Mapping, Sequence

from emobox_datasets.errors import nearest
from emobox_datasets.labels import VOCABULARY, from_name
from emobox_probe.errors import ProbeError

NONE_OF_THEM = "none"


def parse_map(words: Sequence[str], option: str) -> dict[str, str | None]:
    """Class to label, None for `class=none`, of the words `class=label`.

    Args:
        words: of the user.
        option: what they were given with, such as `--map`, for messages.

    Raises:
        ProbeError: an entry is not `class=label`, or not a label of EmoBox, or a class is named twice.
    """
    meant: dict[str, str | None] = {}
    for word in words:
        name, equals, label = word.rpartition("=")
        known = label if label in VOCABULARY else from_name(label)
        if not equals or not name or (known is None and label != NONE_OF_THEM):
            raise ProbeError(
                f"Expected {option} as class=label with labels of EmoBox, or {NONE_OF_THEM}, but got {word!r}. "
                f"{nearest(label, [*VOCABULARY, NONE_OF_THEM])}"
            )
        if name.strip() in meant:
            raise ProbeError(
                f"Expected each class once in {option}, but got {name.strip()!r} twice; say once what it means."
            )
        meant[name.strip()] = known
    return meant


def labels_of_classes(
    classes: Sequence[str], given: Mapping[str, str | None], name: str, option: str
) -> dict[str, str | None]:
    """Every class to the label of EmoBox that it means; None: to none, or to none that is known.

    Args:
        classes: of the classifier.
        given: what the user says of some of them.
        name: of the classifier, for messages.
        option: with which the user says it, for messages.

    Raises:
        ProbeError: `given` names a class that the classifier does not have.
    """
    if strangers := [stranger for stranger in given if stranger not in classes]:
        raise ProbeError(
            f"Expected {option} to name classes of {name}, but got {strangers[0]!r}. {nearest(strangers[0], classes)}"
        )
    return {each: given[each] if each in given else from_name(each) for each in classes}
