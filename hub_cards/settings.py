"""What goes to the Hub, and how: the settings of the commands that send."""

from pathlib import Path

from pydantic import Field

from emobox_probe.config import Config, option_of
from emobox_probe.errors import ProbeError

# Of settings that say something of one way to publish only: of which.
SAYS_OF = {"results_repo": "runs", "i_have_checked": "model_folder", "framework_is_listed": "benchmark"}
SEND = "send; without this, only show what would be sent"


class PublishDatasetConfig(Config):
    """A prepared corpus, and the repository that gets it."""

    folder: Path = Field(description="what emobox prepare wrote, such as emobox/emodb")
    repo_id: str = Field(description="where to, such as my-lab/emodb")
    private: bool = Field(False, description="only for those whom you let in on the Hub")
    create_pr: bool = Field(False, description="as a pull request")
    metadata_only: bool = Field(False, description="all but the audio; see its card")
    replace: bool = Field(False, description="replace whatever else the repository holds already")
    send: bool = Field(False, description=SEND)


class PublishConfig(Config):
    """Runs of one model, the model whose card gets the scores, and the dataset that gets the records."""

    runs: tuple[Path, ...] = Field((), description="folders of runs of one model, or above them")
    to: str = Field(description="the model on the Hub, such as my-lab/encoder")
    model_folder: Path | None = Field(
        None,
        description="in place of runs: send a folder of emobox export; a model that has to be made is private",
    )
    benchmark: bool = Field(
        False,
        description="in place of runs: send the benchmark, a dataset whose tasks scores of models point at",
    )
    framework_is_listed: bool = Field(
        False,
        description="with --benchmark: the Hub takes evaluation_framework: emobox by now (docs/benchmark.md)",
    )
    i_have_checked: bool = Field(
        False,
        description="with --model-folder: the terms of its corpora let me publish it, though they are not known here",
    )
    results_repo: str | None = Field(
        None, description="also add records and predictions to this dataset of results"
    )
    public: bool = Field(
        False,
        description="what has to be made is public: a dataset of results, benchmark or model (default: private)",
    )
    no_pull_request: bool = Field(False, description="commit on main, where you have the right to")
    send: bool = Field(False, description=SEND)

    @property
    def sent(self) -> str:
        """Which of `runs`, `model_folder` and `benchmark` is sent.

        Raises:
            ProbeError: it is not exactly one, or a setting says nothing of it.
        """
        named = [name for name in ("runs", "model_folder", "benchmark") if getattr(self, name)]
        if len(named) != 1:
            raise ProbeError(
                "Expected runs, --model-folder or --benchmark, but got several or none; give one of them."
            )
        (sent,) = named
        if idle := [option_of(name) for name, of in SAYS_OF.items() if getattr(self, name) and of != sent]:
            way = "runs" if sent == "runs" else option_of(sent)
            raise ProbeError(
                f"Expected with {way} only what it takes, but got {', '.join(idle)}; leave it out."
            )
        return sent


class LeaderboardConfig(Config):
    """Records, the folder of the site made of them, and the Space that gets it."""

    results: tuple[Path, ...] = Field(description="folders that hold result records, at any depth")
    out: Path = Field(description="folder of the site: new, empty, or an earlier one")
    space: str | None = Field(
        None, description="also send it, as a static Space, such as my-lab/emobox-leaderboard"
    )
    results_repo: str | None = Field(
        None,
        description="the dataset of results that has these records (see emobox publish): rows of a board made from a "
        "copy of it link to them there, and the page says that new ones go there",
    )
    private: bool = Field(False, description="a Space only for those whom you let in")
    send: bool = Field(False, description=SEND)
