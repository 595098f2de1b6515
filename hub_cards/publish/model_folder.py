"""`emobox publish --model-folder`: an exported classifier goes to the Hub as a model, as far as its corpora let it.

Without --send it only says what would be sent.
"""

from functools import partial
from pathlib import Path

from huggingface_hub import HfApi
from rich.console import Console

import emobox_datasets.corpora as corpora
from emobox_datasets.repository.licences import derivation
from emobox_probe.records.export_record import EXPORT_FILE, ExportRecord, read_export
from emobox_probe.use.load_predictor import check_files
from hub_cards.hub.one_commit import (
    HUB_FILES,
    NOT_SENT,
    Destination,
    Parcel,
    PublishError,
    Remote,
    check_repo_id,
    deliver,
    digest_of,
)
from hub_cards.settings import PublishConfig

CARD = "README.md"


def publish_model_folder(config: PublishConfig, console: Console) -> None:
    """Show what would be sent of an export, or send it.

    Raises:
        ProbeError: the folder is no export, or not whole.
        PublishError: it is of a smoke test, terms of a corpus forbid it or are not known, the repository holds
            something else, or the Hub refused.
    """
    check_repo_id(config.to)
    assert config.model_folder is not None
    folder = config.model_folder
    record = read_export(folder)
    check_files(folder, record)
    check_whole(record)
    check_terms(record, config.i_have_checked)
    parcel = parcel_of(folder, record)
    kind = "space" if record.to == "web" else "model"
    destination = Destination(config.to, kind, create_pr=not config.no_pull_request)  # type: ignore[arg-type]
    parcel.show(console)
    if not config.send:
        console.print(f"from {folder}\n{destination.plan(config.public)}", highlight=False, markup=False)
        show_terms(record, console)
        print(NOT_SENT)
        return
    print(deliver(parcel, destination, config.public, partial(check_remote, destination)))


def check_whole(record: ExportRecord) -> None:
    """Refuse what a smoke test made.

    Raises:
        PublishError: its run asked for a part of a corpus.
    """
    for trained in record.corpora:
        if trained.subset:
            raise PublishError(
                f"Expected a classifier of a run on all of {trained.name} to show to others, but this one is of a part "
                f"of it ({trained.subset}); run the probe without --limit and --folds, and export that."
            )


def check_terms(record: ExportRecord, checked: bool) -> None:
    """Refuse what terms of a corpus forbid, or what nobody has said they allow.

    Raises:
        PublishError: there is such a corpus, and the user has not checked.
    """
    for trained in record.corpora:
        corpus = corpora.load(trained.name)
        terms = derivation(corpus)
        if terms.permission != "granted" and not checked:
            raise PublishError(
                f"Expected corpora that let models trained on them be passed on, but the licence of "
                f"{corpus.display_name} {terms.reason}; read its terms ({corpus.homepage}), and pass --i-have-checked "
                f"if they let you."
            )


def show_terms(record: ExportRecord, console: Console) -> None:
    """The licence of every corpus."""
    for trained in record.corpora:
        console.print(f"licence of {trained.name}: {trained.licence}", highlight=False, markup=False)


def parcel_of(folder: Path, record: ExportRecord) -> Parcel:
    """The files of an export, and none that lie beside them."""
    paths = sorted({*record.files, CARD, EXPORT_FILE})
    digest = digest_of(folder, [CARD, EXPORT_FILE])  # which has the hashes of all others
    return Parcel(folder, paths, f"EmoBox classifier {digest[:8]} for {record.to}: {record.title}"[:200])


def check_remote(destination: Destination, _: HfApi, remote: Remote) -> None:
    """Let only an empty repository, or an earlier export, be replaced.

    Raises:
        PublishError: the repository holds something else.
    """
    others = sorted(set(remote.paths) - HUB_FILES - {CARD})
    if others and EXPORT_FILE not in others:
        raise PublishError(
            f"Expected {destination.repo_id} to be empty, or to hold an earlier export, but it holds "
            f"{len(others)} other files, such as {others[0]}; choose another --to."
        )
