"""`emobox publish --benchmark`: the dataset repository whose tasks the scores of models point at.

Without --send it only says what would be sent.
"""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
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
    deliver,
    digest_of,
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
        parcel = Parcel(Path(folder), paths, f"EmoBox benchmark {digest_of(Path(folder), paths)[:8]}")
        parcel.show(console)
        if not config.send:
            console.print(destination.plan(config.public), highlight=False, markup=False)
            print(NOT_SENT)
            return
        check_listed(config.framework_is_listed)
        accept = partial(check_remote, destination)
        print(deliver(parcel, destination, config.public, accept))


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


def check_remote(destination: Destination, api: HfApi, remote: Remote) -> None:
    """Let only an empty repository, or an earlier benchmark, be replaced.

    Raises:
        PublishError: the repository holds something else.
    """
    others = sorted(set(remote.paths) - HUB_FILES)
    if not others:
        return
    held = f"{len(others)} other files, such as {others[0]}"
    if EVAL in others:
        file = api.hf_hub_download(
            destination.repo_id, EVAL, repo_type=destination.kind, revision=remote.commit
        )
        framework = framework_of(Path(file).read_bytes())
        if framework == FRAMEWORK["name"]:
            return
        held = f"a benchmark of another framework ({framework!r} in {EVAL})"
    raise PublishError(
        f"Expected {destination.repo_id} to be empty, or to hold an earlier benchmark of {FRAMEWORK['name']}, but it "
        f"holds {held}; choose another --to."
    )


def framework_of(content: bytes) -> object:
    """What an `eval.yaml` says its framework is; None where it says none, or cannot be read."""
    try:
        stated = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    return stated.get("evaluation_framework") if isinstance(stated, dict) else None
