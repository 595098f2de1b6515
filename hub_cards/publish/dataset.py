"""`emobox publish-dataset`: a prepared corpus goes to the Hub, as far as its licence lets it.

Without --send it only says what would be sent.
"""

from pathlib import Path

from huggingface_hub import HfApi
from rich.console import Console

import emobox_datasets.corpora as corpora
import emobox_datasets.repository.prepared as prepared
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError
from emobox_datasets.repository.licences import redistribution
from emobox_datasets.repository.prepared import Prepared
from emobox_datasets.repository.without_audio import without_audio
from hub_cards.cards.dataset_card import describe
from hub_cards.hub.one_commit import (
    HUB_FILES,
    NOT_SENT,
    Destination,
    Parcel,
    PublishError,
    Remote,
    check_repo_id,
    connect,
    publish,
)
from hub_cards.settings import PublishDatasetConfig


def publish_dataset(config: PublishDatasetConfig, console: Console) -> None:
    """Show what would be sent of a prepared corpus, or send it.

    Raises:
        CorpusError: the folder is no prepared corpus, or not whole.
        PublishError: the licence does not allow it, the repository holds something else, or the Hub refused.
    """
    check_repo_id(config.repo_id)
    folder = config.folder
    made = prepared.read(folder)
    prepared.check(folder, made)
    corpus = corpora.load(made.corpus)
    check_licence(corpus, made, config.private or config.metadata_only)
    if config.metadata_only and made.audio:
        whole, folder = folder, folder.absolute().with_name(f"{folder.absolute().name}-metadata")
        made = without_audio(whole, folder, describe)
    destination = Destination(config.repo_id, "dataset", config.private, config.create_pr)
    parcel = parcel_of(folder, made)
    show(parcel, destination, corpus, made, console)
    if not config.send:
        print(NOT_SENT)
        return

    def accept(api: HfApi, remote: Remote) -> None:
        if not config.replace:
            check_remote(api, destination, remote, made)

    print(publish(connect(), parcel, destination, accept))


def check_licence(corpus: Corpus, made: Prepared, hidden: bool) -> None:
    """Refuse to make audio public that may not be, unless it is hidden; offer what may.

    Raises:
        PublishError: the corpus's licence does not let its audio be passed on, or is not known.
    """
    told = redistribution(corpus)
    if made.audio and not hidden and told.permission != "granted":
        raise PublishError(
            f"Expected a corpus whose audio may be public, but the licence of {corpus.display_name} {told.reason}; "
            f"publish ids, labels, speakers, folds and checksums without audio (--metadata-only), or share it "
            f"with those who have the right to it (--private)."
        )


def parcel_of(folder: Path, made: Prepared) -> Parcel:
    """The files of a prepared repository that go to the Hub."""
    without = "" if made.audio else " without audio"
    return Parcel(folder, prepared.files(folder), f"EmoBox {made.corpus}{without}, version {made.version}")


def check_remote(api: HfApi, destination: Destination, remote: Remote, made: Prepared) -> None:
    """Let only an empty repository, or an earlier version of the same corpus, be replaced.

    Raises:
        PublishError: the repository holds something else.
    """
    others = sorted(set(remote.paths) - HUB_FILES)
    if not others:
        return
    found = f"{len(others)} other files, such as {others[0]}"
    if prepared.FILE in others:
        file = api.hf_hub_download(
            destination.repo_id, prepared.FILE, repo_type=destination.kind, revision=remote.commit
        )
        try:
            told = prepared.parse(Path(file).read_bytes(), f"{destination.repo_id}/{prepared.FILE}")
        except CorpusError as error:
            found = f"one that cannot be read: {error}"
        else:
            if (told.corpus, told.audio) == (made.corpus, made.audio):
                return
            found = f"{told.corpus} {'with' if told.audio else 'without'} audio"
    raise PublishError(
        f"Expected {destination.repo_id} to be empty, or to hold {made.corpus} {'with' if made.audio else 'without'} "
        f"audio, but it holds {found}; choose another --repo-id, or pass --replace."
    )


def show(parcel: Parcel, destination: Destination, corpus: Corpus, made: Prepared, console: Console) -> None:
    """What goes where, and under which licence."""
    parcel.show(console)
    licence = f"licence of {corpus.display_name}: {corpus.licence}"
    if made.audio and redistribution(corpus).permission != "granted":
        licence += "; let in only those who have the right to the audio"
    for line in (f"from {parcel.folder}", destination.words, licence):
        console.print(line, highlight=False, markup=False)
