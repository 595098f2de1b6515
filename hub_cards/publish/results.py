"""`emobox publish`: scores go into a model's card on the Hub, and records into a dataset of results.

Without --send it only says what would change.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from huggingface_hub import HfApi, get_token
from rich.console import Console

import hub_cards.cards.eval_results as eval_results
import hub_cards.publish.results_dataset as results_dataset
from emobox_probe.encoders.names import TRIMMED
from hub_cards.cards.model_card import CARD, pictures_of, readme
from hub_cards.cards.parts import is_hub_id
from hub_cards.hub.one_commit import (
    HUB_FILES,
    NOT_SENT,
    Destination,
    PublishError,
    Remote,
    check_repo_id,
    connect,
    create,
    look,
    persistently,
    table_of,
)
from hub_cards.hub.pull_request import TITLE, Pending, Snapshot, add, compare
from hub_cards.runs.find_and_check import (
    AnyRun,
    CrossRun,
    Run,
    check_not_subsets,
    check_run,
    check_together,
    find_runs,
    notes_on_classified,
)
from hub_cards.settings import PublishConfig


def publish_results(config: PublishConfig, console: Console) -> None:
    """Show what would change on the Hub, or change it.

    Raises:
        ProbeError, CorpusError: runs are not what they claim, or do not belong together.
        PublishError: the Hub, or the user's rights on it, is not as expected.
    """
    for repository in filter(None, (config.to, config.results_repo)):
        check_repo_id(repository)
    runs = checked(config.runs)
    shipments = [Shipment(config, runs)]
    if config.results_repo:
        # First, because the card links to the records.
        shipments.insert(0, ResultsShipment(config, runs))
    api = connect() if config.send else HfApi(token=get_token())
    for note in [*notes(config.to, runs), *notes_on_classified(config.runs)]:
        print(f"note: {note}")
    # Whatever can be refused is, everywhere, before the first repository changes.
    pending = [shipment.pending(api) for shipment in shipments]
    for shipment, lacks in zip(shipments, pending, strict=True):
        shipment.show(lacks, console)
    if not config.send:
        print(NOT_SENT)
        return
    done: list[str] = []
    for shipment in shipments:
        done.append(send_one(api, shipment, done))


def checked(folders: Sequence[Path]) -> list[AnyRun]:
    """The runs below the folders, once they are what they claim and belong together.

    Raises:
        ProbeError, CorpusError: they are or do not; says why.
    """
    runs = find_runs(folders)
    check_not_subsets(runs)
    check_together(runs)
    for run in runs:
        check_run(run)
    return runs


def notes(model: str, runs: Sequence[AnyRun]) -> list[str]:
    """What a person should look at before sending."""
    name = runs[0].record.encoder.name.removesuffix(TRIMMED)
    if name == model:
        return []
    kind = (
        "model" if is_hub_id(name) else "built-in encoder" if name.startswith("builtin:") else "local folder"
    )
    return [f"the scores are of the {kind} {printable(name)}, and will stand as those of {model}"]


def send_one(api: HfApi, shipment: "Shipment", done: Sequence[str]) -> str:
    """Send one shipment and say so; `done` is what was sent before it."""
    try:
        url, made = shipment.send(api)
    except PublishError as error:
        if not done:
            raise
        raise PublishError(f"{error} (Before that, and not done again: {'; '.join(done)})") from error
    told = f"sent: {url}" if made else f"there already: {url}"
    print(told)
    return told


class Shipment:
    """What goes to the repository of the model: its card, pictures, and `.eval_results`."""

    def __init__(self, config: PublishConfig, runs: Sequence[AnyRun]):
        self.model, self.runs = config.to, runs
        self.within = [run for run in runs if isinstance(run, Run)]
        self.cross = [run for run in runs if isinstance(run, CrossRun)]
        self.results_repo, self.private = config.results_repo, not config.public
        self.destination = self._destination(create_pr=not config.no_pull_request)
        names = [*(run.record.corpus.name for run in self.within), *("between corpora" for _ in self.cross)]
        protocol = runs[0].record.protocol["name"]
        self.title = f"{TITLE} scores, protocol {protocol}: {', '.join(sorted(names))}"[:200]

    def _destination(self, create_pr: bool) -> Destination:
        return Destination(self.model, "model", create_pr=create_pr)

    def wanted(self, snapshot: Snapshot) -> Mapping[str, bytes | None]:
        """The card merged with ours, and files that are ours alone."""
        runs = [results_dataset.public_run(run, self.model) for run in self.within]
        cross = [results_dataset.public(run.record, self.model) for run in self.cross]
        files = {CARD: readme(snapshot.read(CARD), runs, cross, model=self.model)}
        files |= pictures_of(self.within, "emobox/")
        for one in runs:
            url = None
            if self.results_repo:
                dataset = Destination(self.results_repo, "dataset").url
                url = f"{dataset}/blob/main/{results_dataset.folder_of(one.record, self.model)}/result.json"
            if eval_results.has_tasks(one.record):
                files[eval_results.path(one.record)] = eval_results.to_yaml(one.record, url).encode()
        return files

    def pending(self, api: HfApi) -> Pending:
        """What the repository lacks; nothing is sent."""
        return compare(api, self.destination, self.wanted)

    def send(self, api: HfApi) -> tuple[str, bool]:
        """The URL, and whether something was sent."""
        return add(api, self.destination, self.wanted, self.title)

    def show(self, lacks: Pending, console: Console) -> None:
        """The change of the card, and what else would be sent."""
        print(f"\n{self.destination.kind} {self.destination.url}")
        if not lacks.files:
            print("has it all already: nothing to send")
            return
        print(f"{self.title}, as {self.destination.way}")
        if CARD in lacks.files:
            print(difference(lacks.snapshot.read(CARD), lacks.files[CARD] or b""), end="")
        sent = {path: len(content) for path, content in lacks.files.items() if content is not None}
        console.print(table_of(sent))
        for path in lacks.files.keys() - sent:
            print(f"{path} goes: the run has no stress test now")


class ResultsShipment(Shipment):
    """What goes to the dataset of results; it is made where there is none."""

    def _destination(self, create_pr: bool) -> Destination:
        return Destination(str(self.results_repo), "dataset", private=False, create_pr=create_pr)

    def wanted(self, snapshot: Snapshot) -> Mapping[str, bytes | None]:
        """Records and predictions, no stress test of an earlier run in place of one, and a card where there is none."""
        results_dataset.check_versions(snapshot, self.runs)
        files = results_dataset.files_of(self.runs, self.model)
        if CARD not in snapshot.remote.paths:
            files[CARD] = results_dataset.card()
        return {**files, **dict.fromkeys(results_dataset.outdated(snapshot.remote.paths, files))}

    def pending(self, api: HfApi) -> Pending:
        target = self.destination
        remote = persistently(lambda: look(api, target), target)
        if remote is None or set(remote.paths) <= HUB_FILES:
            # There is nothing yet, so there is no one to ask.
            self.destination = replace(target, create_pr=False)
        if remote is not None:
            return compare(api, self.destination, self.wanted)
        self.destination = replace(self.destination, private=self.private)
        seen = "private" if self.private else "public"
        print(f"note: the dataset {target.repo_id} is not there yet: it will be made, {seen}")
        empty = Snapshot(api, self.destination, Remote("", self.private, []))
        return Pending(empty, self.wanted(empty))

    def send(self, api: HfApi) -> tuple[str, bool]:
        persistently(lambda: look(api, self.destination) or create(api, self.destination), self.destination)
        return super().send(api)


def difference(before: bytes | None, after: bytes) -> str:
    """What changes in the card, for a terminal."""
    # Not splitlines, which would hide how lines end.
    old, new = (text.decode("utf-8", errors="replace").split("\n") for text in (before or b"", after))
    lines = difflib.unified_diff(
        old, new, f"a/{CARD}" if before is not None else "/dev/null", f"b/{CARD}", lineterm=""
    )
    return "".join(f"{printable(line)}\n" for line in lines)


def printable(line: str) -> str:
    """Without what a terminal would obey."""
    return "".join(
        letter if letter.isprintable() or letter == "\t" else repr(letter)[1:-1] for letter in line
    )
