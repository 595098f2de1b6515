"""`emobox publish --benchmark`: the dataset repository whose tasks the scores of models point at.

Without --send it only says what would be sent.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import HfApi
from rich.console import Console

from hub_cards.cards.benchmark import EVAL, FRAMEWORK, write_benchmark
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
from hub_cards.settings import PublishConfig


def publish_benchmark(config: PublishConfig, console: Console) -> None:
    """Show what would be sent of the benchmark, or send it.

    Raises:
        PublishError: the Hub would not take its `eval.yaml`, the repository holds something else, or the Hub refused.
    """
    check_repo_id(config.to)
    destination = Destination(config.to, "dataset", create_pr=not config.no_pull_request)
    with TemporaryDirectory() as folder:
        paths = write_benchmark(Path(folder))
        parcel = Parcel(Path(folder), paths, "EmoBox benchmark")
        parcel.show(console)
        console.print(destination.words, highlight=False, markup=False)
        if not config.send:
            print(NOT_SENT)
            return
        check_listed(config.framework_is_listed)
        print(
            publish(
                connect(), parcel, destination, lambda api, remote: check_remote(api, destination, remote)
            )
        )


def check_listed(listed: bool) -> None:
    """Refuse to send what the Hub refuses.

    Raises:
        PublishError: nobody has said that the Hub knows the framework by now.
    """
    if not listed:
        raise PublishError(
            f"Expected a Hub that takes an {EVAL} with evaluation_framework: {FRAMEWORK['name']}, but it takes only "
            f"those that huggingface.js lists; send the pull request of docs/benchmark.md first, and pass "
            f"--framework-is-listed once it has been released."
        )


def check_remote(api: HfApi, destination: Destination, remote: Remote) -> None:
    """Let only an empty repository, or an earlier benchmark, be replaced.

    Raises:
        PublishError: the repository holds something else.
    """
    others = sorted(set(remote.paths) - HUB_FILES)
    if others and EVAL not in others:
        raise PublishError(
            f"Expected {destination.repo_id} to be empty, or to hold an earlier benchmark, but it holds "
            f"{len(others)} other files, such as {others[0]}; choose another --to."
        )
