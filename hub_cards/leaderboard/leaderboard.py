"""`emobox leaderboard`: result records as one page that opens from a file and as a static Space.

emobox leaderboard results/ --out site/
emobox leaderboard results/ --out site/ --space my-lab/emobox-leaderboard           # says what would be sent
emobox leaderboard results/ --out site/ --space my-lab/emobox-leaderboard --send
"""

import hashlib
from pathlib import Path

from huggingface_hub import HfApi
from rich.console import Console

from hub_cards.hub.one_commit import (
    HUB_FILES,
    NOT_SENT,
    Accept,
    Destination,
    Parcel,
    PublishError,
    Remote,
    check_repo_id,
    connect,
    publish,
)
from hub_cards.leaderboard.data import page_data
from hub_cards.leaderboard.site import CARD, MARKER, PAGE, check_folder, render, write
from hub_cards.runs.collection import Collection, collect
from hub_cards.settings import LeaderboardConfig


def make_leaderboard(config: LeaderboardConfig, console: Console) -> None:
    """Write the site of all results below the folders; show what would be sent to a Space, or send it.

    Raises:
        ProbeError: there is no result, one cannot be read or checked, or `out` holds something else.
        PublishError: the Space holds something else, or the Hub refused.
    """
    if config.send and not config.space:
        raise PublishError("Expected --space with --send, but got none; say where to send the leaderboard.")
    if config.space:
        check_repo_id(config.space)
    if config.results_repo:
        check_repo_id(config.results_repo)
    out = config.out
    check_folder(out)
    collection = collect(config.results)
    for note in collection.notes:
        print(f"note: {note}")
    files = render(page_data(collection, config.results_repo))
    write(out, files)
    size = len(files[PAGE].encode("utf-8"))
    print(f"{_count(collection)} written to {out / PAGE} ({size / 1e6:.2f} MB)")
    if config.space:
        send(out, files, Destination(config.space, "space", config.private), config.send, console)


def _count(collection: Collection) -> str:
    results, matrices = len(collection.results), len(collection.cross)
    cross = f" and {matrices} cross-corpus result{'s' * (matrices != 1)}" if matrices else ""
    as_they_are = (
        f"; {len(collection.classified)} of classifiers as they are" if collection.classified else ""
    )
    on_raters = f"; {len(collection.rated)} on what raters said" if collection.rated else ""
    return f"{results} result{'s' * (results != 1)}{cross}{as_they_are}{on_raters}"


def send(
    folder: Path, files: dict[str, str], destination: Destination, really: bool, console: Console
) -> None:
    """Make the Space, or replace the leaderboard that it holds, in one commit; or only say what would be sent.

    Raises:
        PublishError: the Space holds something else, or the Hub refused.
    """
    digest = hashlib.sha256(files[MARKER].encode("utf-8")).hexdigest()
    parcel = Parcel(folder, sorted(files), f"EmoBox leaderboard {digest[:8]}")
    parcel.show(console)
    console.print(destination.words, highlight=False, markup=False)
    if not really:
        print(NOT_SENT)
        return
    print(publish(connect(), parcel, destination, accept(destination)))


def accept(destination: Destination) -> Accept:
    """What lets only an empty Space, or an earlier leaderboard, be replaced."""

    def check(_: HfApi, remote: Remote) -> None:
        # The Hub gives a new Space a card of its own.
        others = sorted(set(remote.paths) - HUB_FILES - {CARD})
        if others and MARKER not in others:
            raise PublishError(
                f"Expected {destination.repo_id} to be empty or to hold a leaderboard, but it holds {len(others)} "
                f"other files, such as {others[0]}; choose another --space."
            )

    return check
