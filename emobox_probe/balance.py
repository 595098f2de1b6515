"""`emobox balance`: a balanced test set of any corpus, made as the paper made its own (Section 2.3).

    emobox balance emodb --per-speaker 2 --classifier my/classifier --data-dir /data/emodb --out emodb-balanced.txt

Utterances whose label a classifier confirms, and of these the same number of every speaker and emotion. The list
loads as `load_dataset("emobox/emodb", "list:emodb-balanced.txt", …)`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from accelerate import PartialState
from rich.console import Console
from rich.table import Table

import emobox_datasets.corpora as corpora
import emobox_datasets.folds.utterance_list as lists
from emobox_datasets.audio_files.fingerprint import fingerprint
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import nearest
from emobox_datasets.labels import from_name, shared_four
from emobox_datasets.loading.builder import StoredItem, stored_items
from emobox_probe.config import BalanceConfig
from emobox_probe.encoders.classifier import Classifier, audio_of, classify_all, load_classifier
from emobox_probe.encoders.names import recorded_name
from emobox_probe.errors import ProbeError
from emobox_probe.features.corpus import load_corpus
from emobox_probe.use.meanings import labels_of_classes, parse_map

# Speakers and emotions named in an error.
SHOWN = 10
LABEL_MAP = "--label-map"

# (speaker, label): the ids of its utterances.
Cells = dict[tuple[str, str], list[str]]


def balance(config: BalanceConfig) -> tuple["Choice", lists.UtteranceList]:
    """From corpus and classifier to a list, top to bottom.

    Raises:
        ProbeError: settings or classifier are not what is needed; says what to do.
        CorpusError: the corpus is not there, not whole, or cannot be decoded.
    """
    corpus = corpora.load(config.corpus)
    check(config, corpus)
    labels = chosen_labels(corpus, config.labels)
    classifier = load_classifier(
        config.classifier, PartialState().device, config.revision, config.trust_remote_code
    )
    meaning = meanings(classifier, labels, parse_map(config.label_map, LABEL_MAP))

    whole = load_corpus(corpus, config.data_dir, config.allow_missing, config.num_proc)
    told = fingerprint(whole)
    cells = candidates(stored_items(whole, corpus), corpus, labels, config.speakers)
    ids = sorted(id for cell in cells.values() for id in cell)
    classes = classify_all(classifier, told, ids, lambda asked: audio_of(whole, asked))
    confirmed = {cell: [id for id in ids if meaning[classes[id]] == cell[1]] for cell, ids in cells.items()}
    count = number_each(confirmed, config.per_speaker, config.fewer)
    choice = Choice(cells, confirmed, count)

    about = {
        "made by": "emobox balance",
        "fingerprint": told,
        "utterances missing": str(corpus.utterances - len(whole)),
        **trace(classifier, meaning, labels),
        "confirmed": ", ".join(
            f"{label} {kept} of {tried}" for label, (tried, kept) in choice.of_labels.items()
        ),
        "seed": str(config.seed),
        "chosen": choice.words,
        "speakers": ", ".join(choice.speakers),
    }
    chosen = [id for cell in confirmed.values() for id in draw(cell, count, config.seed)]
    listed = lists.write(config.out, chosen, corpus, about)
    return choice, listed


@dataclass(frozen=True)
class Choice:
    """What there was, what the classifier confirmed, and how much is taken of each speaker and emotion."""

    cells: Cells
    confirmed: Cells
    count: int

    @property
    def speakers(self) -> list[str]:
        return sorted({speaker for speaker, _ in self.cells})

    @property
    def of_labels(self) -> dict[str, tuple[int, int]]:
        """Label to its utterances and how many of them are confirmed."""
        labels = dict.fromkeys(label for _, label in self.cells)
        return {label: (_total(self.cells, label), _total(self.confirmed, label)) for label in labels}

    @property
    def words(self) -> str:
        return (
            f"{self.count * len(self.cells)} utterances: {self.count} of each of {len(self.of_labels)} emotions of "
            f"each of {len(self.speakers)} speakers"
        )


def _total(cells: Cells, label: str) -> int:
    return sum(len(ids) for cell, ids in cells.items() if cell[1] == label)


def check(config: BalanceConfig, corpus: Corpus) -> None:
    """What can be known before anything is loaded.

    Raises:
        ProbeError: the corpus tells no speakers, or there is a file at `--out`.
    """
    if not corpus.speakers:
        raise ProbeError(
            f"Expected a corpus that tells its speakers, but {corpus.name} does not; choose another corpus."
        )
    if config.out.exists() and not config.overwrite:
        raise ProbeError(
            f"Expected no file at {config.out}, but there is one; give another --out, or --overwrite."
        )


def chosen_labels(corpus: Corpus, asked: Sequence[str]) -> tuple[str, ...]:
    """The emotions to choose of, in the corpus's order; without a wish, the shared four that it has.

    Raises:
        ProbeError: the corpus has no such label, or fewer than two are left.
    """
    known = {label: label for label in corpus.scored_labels}
    wanted = {from_name(word) or word for word in asked} or set(filter(shared_four, known))
    if strangers := sorted(wanted - known.keys()):
        raise ProbeError(
            f"Expected --labels of {corpus.name}, but got {', '.join(strangers)}. {nearest(strangers[0], known)}"
        )
    if len(wanted) < 2:
        raise ProbeError(
            f"Expected two emotions or more, but got {', '.join(wanted) or 'none'}; give --labels, of "
            f"{', '.join(known)}."
        )
    return tuple(label for label in known if label in wanted)


def meanings(
    classifier: Classifier, labels: Sequence[str], label_map: Mapping[str, str | None]
) -> dict[str, str | None]:
    """Every class of the classifier to the label that it means; None: to none that is known.

    Raises:
        ProbeError: an emotion has no class, or `label_map` names a class that the classifier does not have.
    """
    meant = labels_of_classes(classifier.classes, label_map, classifier.name, LABEL_MAP)
    if lacking := [label for label in labels if label not in meant.values()]:
        unknown = [name for name, label in meant.items() if label is None and name not in label_map]
        doubt = (
            f" It is not known what {', '.join(unknown)} mean: say so with {LABEL_MAP} class=label,…"
            if unknown
            else ""
        )
        raise ProbeError(
            f"Expected {classifier.name} to have a class for each of {', '.join(labels)}, but got "
            f"{', '.join(classifier.classes)}, and so none for {', '.join(lacking)}.{doubt} Leave emotions out with "
            f"--labels, or choose another classifier."
        )
    return meant


def candidates(
    items: Sequence[StoredItem], corpus: Corpus, labels: Sequence[str], speakers: Sequence[str]
) -> Cells:
    """The utterances of every speaker and emotion, whether there are any or not; a speaker who is not told counts not.

    Raises:
        ProbeError: there are no such speakers.
    """
    known = {
        corpus.same_speaker.get(item.speaker, item.speaker) for item in items if item.speaker is not None
    }
    if strangers := sorted(set(speakers) - known):
        raise ProbeError(
            f"Expected --speakers of {corpus.name}, but got {', '.join(strangers)}. {nearest(strangers[0], known)}"
        )
    cells: Cells = {cell: [] for cell in product(sorted(set(speakers) or known), labels)}
    for item in items:
        speaker = corpus.same_speaker.get(str(item.speaker), str(item.speaker))
        if (speaker, item.label) in cells:
            cells[speaker, item.label].append(item.id)
    return cells


def number_each(confirmed: Cells, wanted: int, fewer: bool) -> int:
    """How many utterances of each emotion every speaker gives.

    Raises:
        ProbeError: a speaker has fewer confirmed ones; with `fewer`, one has none.
    """
    most = min(map(len, confirmed.values()))
    if most >= wanted or (fewer and most):
        return min(most, wanted)
    short = sorted(
        (len(ids), *cell) for cell, ids in confirmed.items() if len(ids) < (1 if fewer else wanted)
    )
    named = ", ".join(f"{speaker} {label} ({count})" for count, speaker, label in short[:SHOWN])
    more = f" and {len(short) - SHOWN} more" if len(short) > SHOWN else ""
    hint = "--fewer for the largest number that all have, " if most else ""
    raise ProbeError(
        f"Expected {1 if fewer else wanted} confirmed utterances or more of every speaker and emotion, but got fewer "
        f"of {named}{more}; give {hint}--speakers without them, or fewer --labels."
    )


def draw(ids: Sequence[str], count: int, seed: int) -> list[str]:
    """The utterances that a hash of seed and id puts first: no order, file system or other utterance decides."""
    return sorted(ids, key=lambda id: hashlib.sha256(f"emobox balance:{seed}:{id}".encode()).digest())[:count]


def trace(classifier: Classifier, meaning: Mapping[str, str | None], labels: Sequence[str]) -> dict[str, str]:
    """What the list says of the classifier."""
    unused = [name for name, label in meaning.items() if label not in labels]
    return {
        "classifier": f"{recorded_name(classifier.name)} {classifier.revision or ''}",
        "classifier weights sha256": classifier.weights_sha256,
        "classes": ", ".join(f"{name} = {label}" for name, label in meaning.items() if label in labels),
        "classes of other emotions": ", ".join(unused) or "none",
    }


def show(choice: Choice, listed: lists.UtteranceList, config: BalanceConfig, console: Console) -> None:
    """What was confirmed and chosen, and how to load it."""
    table = Table("emotion", "utterances", "confirmed", "chosen")
    for label, (tried, kept) in choice.of_labels.items():
        table.add_row(label, str(tried), str(kept), str(choice.count * len(choice.speakers)))
    console.print(table)
    console.print(f"Chosen: {choice.words}", highlight=False)
    console.print(f"Classes of other emotions: {listed.about['classes of other emotions']}", markup=False)
    place = f", data_dir={str(config.data_dir)!r}" if config.data_dir else ""
    load = f'load_dataset("emobox/{config.corpus}", "{lists.PREFIX}{config.out}"{place})'
    console.print(load, markup=False, highlight=False, soft_wrap=True)
