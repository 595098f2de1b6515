"""`emobox balance`: a balanced test set of any corpus, made as the paper made its own (Section 2.3).

    emobox balance emodb --per-speaker 2 --classifier my/classifier --data-dir /data/emodb --out emodb-balanced.txt

Utterances whose label a classifier confirms, and of these the same number of every speaker and emotion. The list
loads as `load_dataset("emobox/emodb", "list:emodb-balanced.txt", …)`.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import datasets
from accelerate import PartialState
from rich.console import Console
from rich.table import Table
from tqdm.auto import tqdm

from emobox_datasets import corpora, lists
from emobox_datasets.builder import StoredItem, stored_items
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError, nearest
from emobox_datasets.fingerprint import fingerprint
from emobox_datasets.labels import VOCABULARY, from_name, shared_four
from emobox_probe.classifier import Audio, Classifier, classify_all, load_classifier
from emobox_probe.errors import ProbeError
from emobox_probe.prepared import load_corpus

# Speakers and emotions named in an error.
SHOWN = 10

# (speaker, label): the ids of its utterances.
Cells = dict[tuple[str, str], list[str]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emobox balance`."""
    parser.add_argument("corpus", help="name of the corpus, such as emodb")
    parser.add_argument(
        "--classifier", required=True, help="Hub id or folder of an audio classification model"
    )
    parser.add_argument(
        "--per-speaker", required=True, type=int, metavar="K", help="utterances of each emotion"
    )
    parser.add_argument("--out", required=True, type=Path, help="the list to write, a text file of ids")
    parser.add_argument("--data-dir", help="folder that holds the corpus; default: $EMOBOX_DATA/<corpus>")
    parser.add_argument("--seed", type=int, default=0, help="of the draw; default: %(default)s")
    parser.add_argument(
        "--labels",
        help="emotions, parted by commas; default: angry, happy, neutral and sad, as far as there are",
    )
    parser.add_argument("--speakers", help="only these, parted by commas (the paper chose six of MELD)")
    parser.add_argument(
        "--label-map", default="", metavar="CLASS=LABEL,…", help="what classes of the classifier mean"
    )
    parser.add_argument("--fewer", action="store_true", help="take the largest number that all have, up to K")
    parser.add_argument("--revision", help="branch, tag or commit of the classifier on the Hub")
    parser.add_argument(
        "--trust-remote-code", action="store_true", help="run the classifier repository's own code"
    )
    parser.add_argument("--allow-missing", action="store_true", help="go on with an incomplete corpus")
    parser.add_argument("--num-proc", type=int, help="processes that convert the corpus")
    parser.add_argument("--overwrite", action="store_true", help="replace the file at --out")


def run(arguments: argparse.Namespace) -> int:
    """Make the list; the exit status."""
    try:
        balance(arguments)
    except (CorpusError, ProbeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def balance(arguments: argparse.Namespace) -> lists.UtteranceList:
    """From corpus and classifier to a list, top to bottom."""
    corpus = corpora.load(arguments.corpus)
    check(arguments, corpus)
    labels = chosen_labels(corpus, arguments.labels)
    classifier = load_classifier(
        arguments.classifier, PartialState().device, arguments.revision, arguments.trust_remote_code
    )
    meaning = meanings(classifier, labels, parse_label_map(arguments.label_map))

    whole = load_corpus(arguments, corpus)
    told = fingerprint(whole)
    cells = candidates(stored_items(whole, corpus), corpus, labels, split_words(arguments.speakers))
    ids = sorted(id for cell in cells.values() for id in cell)
    classes = classify_all(classifier, told, ids, lambda asked: audio_of(whole, asked))
    confirmed = {cell: [id for id in ids if meaning[classes[id]] == cell[1]] for cell, ids in cells.items()}
    count = number_each(confirmed, arguments.per_speaker, arguments.fewer)
    choice = Choice(cells, confirmed, count)

    about = {
        "made by": "emobox balance",
        "fingerprint": told,
        "utterances missing": str(corpus.utterances - len(whole)),
        **trace(classifier, meaning, labels),
        "confirmed": ", ".join(
            f"{label} {kept} of {tried}" for label, (tried, kept) in choice.of_labels.items()
        ),
        "seed": str(arguments.seed),
        "chosen": choice.words,
        "speakers": ", ".join(choice.speakers),
    }
    chosen = [id for cell in confirmed.values() for id in draw(cell, count, arguments.seed)]
    listed = lists.write(arguments.out, chosen, corpus, about)
    show(choice, listed, arguments)
    return listed


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


def check(arguments: argparse.Namespace, corpus: Corpus) -> None:
    """What can be known before anything is loaded.

    Raises:
        ProbeError: the corpus tells no speakers, the number is not positive, or there is a file at `--out`.
    """
    if not corpus.speakers:
        raise ProbeError(
            f"Expected a corpus that tells its speakers, but {corpus.name} does not; choose another corpus."
        )
    if arguments.per_speaker < 1:
        raise ProbeError(f"Expected --per-speaker to be 1 or more, but got {arguments.per_speaker}.")
    if arguments.out.exists() and not arguments.overwrite:
        raise ProbeError(
            f"Expected no file at {arguments.out}, but there is one; give another --out, or --overwrite."
        )


def split_words(words: str | None) -> list[str]:
    """The words of an option, parted by commas."""
    return [word.strip() for word in (words or "").split(",") if word.strip()]


def chosen_labels(corpus: Corpus, asked: str | None) -> tuple[str, ...]:
    """The emotions to choose of, in the corpus's order; without a wish, the shared four that it has.

    Raises:
        ProbeError: the corpus has no such label, or fewer than two are left.
    """
    known = {label: label for label in corpus.scored_labels}
    wanted = {from_name(word) or word for word in split_words(asked)} or set(filter(shared_four, known))
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


def parse_label_map(words: str) -> dict[str, str]:
    """`--label-map`: class of the classifier to label.

    Raises:
        ProbeError: an entry is not `class=label`, or not a label of EmoBox.
    """
    found = {}
    for word in split_words(words):
        name, equals, label = word.rpartition("=")
        meant = label if label in VOCABULARY else from_name(label)
        if not equals or meant is None:
            raise ProbeError(
                f"Expected --label-map as class=label with labels of EmoBox, but got {word!r}. "
                f"{nearest(label, VOCABULARY)}"
            )
        found[name.strip()] = meant
    return found


def meanings(
    classifier: Classifier, labels: Sequence[str], label_map: Mapping[str, str]
) -> dict[str, str | None]:
    """Every class of the classifier to the label that it means; None: to none that is known.

    Raises:
        ProbeError: an emotion has no class, or `label_map` names a class that the classifier does not have.
    """
    if strangers := [name for name in label_map if name not in classifier.classes]:
        raise ProbeError(
            f"Expected --label-map to name classes of {classifier.name}, but got {strangers[0]!r}. "
            f"{nearest(strangers[0], classifier.classes)}"
        )
    meant = {name: label_map.get(name) or from_name(name) for name in classifier.classes}
    if lacking := [label for label in labels if label not in meant.values()]:
        unknown = [name for name, label in meant.items() if label is None]
        doubt = (
            f" It is not known what {', '.join(unknown)} mean: say so with --label-map class=label,…"
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


def audio_of(whole: datasets.Dataset, ids: Sequence[str]) -> Audio:
    """Each id and its FLAC bytes, with a progress bar."""
    row_of = {id: row for row, id in enumerate(whole["id"])}
    asked: Iterator[str] = tqdm(ids, desc="classify", unit="utterance", disable=None if ids else True)
    for id in asked:
        yield id, whole[row_of[id]]["audio"]["bytes"]


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
        "classifier": f"{classifier.name} {classifier.revision or ''}",
        "classifier weights sha256": classifier.weights_sha256,
        "classes": ", ".join(f"{name} = {label}" for name, label in meaning.items() if label in labels),
        "classes of other emotions": ", ".join(unused) or "none",
    }


def show(choice: Choice, listed: lists.UtteranceList, arguments: argparse.Namespace) -> None:
    """What was confirmed and chosen, and how to load it."""
    table = Table("emotion", "utterances", "confirmed", "chosen")
    for label, (tried, kept) in choice.of_labels.items():
        table.add_row(label, str(tried), str(kept), str(choice.count * len(choice.speakers)))
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    console.print(f"Chosen: {choice.words}", highlight=False)
    console.print(f"Classes of other emotions: {listed.about['classes of other emotions']}", markup=False)
    place = f", data_dir={arguments.data_dir!r}" if arguments.data_dir else ""
    load = f'load_dataset("emobox/{arguments.corpus}", "{lists.PREFIX}{arguments.out}"{place})'
    console.print(load, markup=False, highlight=False, soft_wrap=True)
