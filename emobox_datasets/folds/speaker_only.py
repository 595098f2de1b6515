"""What can be said of an utterance without hearing it: the label that its speaker mostly had in training."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Protocol

from emobox_datasets.corpus import Corpus


class Spoken(Protocol):
    """What must be known of an utterance."""

    @property
    def label(self) -> str: ...
    @property
    def speaker(self) -> str | None: ...


def speaker_only(corpus: Corpus, trained: Sequence[Spoken], tested: Sequence[Spoken]) -> list[str]:
    """The commonest training label of who speaks in each tested utterance; of labels that tie, the first.

    Args:
        corpus: whose label list decides ties, and which names are one person's.
        trained: the training part; at least one utterance.
        tested: of which only the speakers are read.

    Returns:
        A label for every tested utterance; where its speaker is not known, or not in training, the commonest of all.
    """

    def person(utterance: Spoken) -> str | None:
        return corpus.same_speaker.get(utterance.speaker or "", utterance.speaker)

    def commonest(counted: Counter[str]) -> str:
        return max(corpus.label_list, key=lambda label: counted[label])

    of_person: dict[str, Counter[str]] = defaultdict(Counter)
    for utterance in trained:
        if (name := person(utterance)) is not None:
            of_person[name][utterance.label] += 1
    overall = commonest(Counter(utterance.label for utterance in trained))
    guesses = {name: commonest(counted) for name, counted in of_person.items()}
    return [guesses.get(person(utterance) or "", overall) for utterance in tested]


def mean_recall(truth: Sequence[str], guesses: Sequence[str]) -> float:
    """UA of guesses, in 0..1: the mean over labels that have an utterance of the share that is guessed right."""
    total, right = (
        Counter(truth),
        Counter(label for label, guess in zip(truth, guesses, strict=True) if label == guess),
    )
    return sum(right[label] / total[label] for label in total) / len(total)
