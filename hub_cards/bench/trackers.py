"""Scores of every item to a tracker that accelerate knows: trackio, wandb or tensorboard."""

from typing import Any

from accelerate import Accelerator
from accelerate.tracking import get_available_trackers

from emobox_probe.errors import ProbeError
from hub_cards.bench.plan import Plan


class Tracker:
    """Logs UA, WA and F1 under the name of the item; without a name of a tracker it does nothing."""

    def __init__(self, name: str | None, plan: Plan):
        """Open the tracker.

        Raises:
            ProbeError: it is not installed.
        """
        self._accelerator: Accelerator | None = None
        self._step = 0
        if name is None:
            return
        if name not in {str(tracker.value) for tracker in get_available_trackers()}:
            raise ProbeError(
                f"Expected {name} to be installed for --tracker {name}, but it is not; `pip install {name}`."
            )
        self._accelerator = Accelerator(cpu=True, log_with=name, project_dir=plan.state / "tracker")
        settings = {"plan": plan.path, "models": len(plan.models), "corpora": len(plan.corpora)}
        self._accelerator.init_trackers("emobox", settings)

    def log(self, item: str, scores: dict[str, float]) -> None:
        """Log the scores of one item."""
        if self._accelerator is None or not scores:
            return
        values: dict[str, Any] = {f"{item}/{name}": value for name, value in scores.items()}
        self._accelerator.log(values, step=self._step)
        self._step += 1

    def close(self) -> None:
        """Let the tracker write what it has."""
        if self._accelerator is not None:
            self._accelerator.end_training()
