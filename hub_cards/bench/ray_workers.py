"""Actors of a Ray cluster that do items, as the processes of one machine do; all machines see the plan's folders.

`ray.init` finds the cluster (`RAY_ADDRESS`, or the one of this machine), or starts one of this machine.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from emobox_probe.errors import ProbeError
from hub_cards.bench.work import Failure, Kept, Work, do, own_code
from hub_cards.bench.workers import LOOK, last_line


class RayWorker:
    """An actor with so many CPUs and GPUs of its own; where one is lost, the next item gets another."""

    def __init__(self, cpus: int, gpus: int):
        self._resources = {"num_cpus": cpus, "num_gpus": gpus}
        self._actor: Any = None
        self._code: str | None = None

    def do(self, work: Work, stopped: Callable[[], bool], look: Callable[[str], Any]) -> Failure | None:
        ray = _ray()
        if (code := own_code(work)) is not None and self._code not in (None, code):
            self.close()
        self._code = code or self._code
        if self._actor is None:
            self._actor = ray.remote(**self._resources)(Actor).remote()
        end = self._actor.do.remote(work)
        while not ray.wait([end], timeout=LOOK)[0]:
            look(last_line(work.log))
            if stopped():
                self.close()
        try:
            failure: Failure | None = ray.get(end)
        except ray.exceptions.RayError as error:  # it raised, was killed, or its machine went down
            self.close()
            return Failure("crash", " ".join(str(error).split())[:600], str(work.log))
        if failure and failure.kind == "memory":
            self.close()
        return failure

    def close(self) -> None:
        if self._actor is not None:
            _ray().kill(self._actor)
            self._actor = self._code = None


class Actor:
    """What runs on a machine of the cluster."""

    def __init__(self) -> None:
        self._kept = Kept()

    def do(self, work: Work) -> Failure | None:
        """One item to its end; see `work.do`."""
        return do(work, self._kept)


def count_in_cluster() -> int:
    """One worker a GPU; without GPUs, one a machine."""
    ray = _ray()
    return int(ray.cluster_resources().get("GPU", 0)) or len(_machines(ray))


def cluster_workers(count: int, logs: Path) -> Sequence[RayWorker]:
    """So many actors, which share the cores of the machines; Ray keeps the logs of what is no item's."""
    ray = _ray()
    machines = _machines(ray)
    gpus = int(ray.cluster_resources().get("GPU", 0))
    side_by_side = -(-count // len(machines))
    fewest = min(int(machine["Resources"].get("CPU", 1)) for machine in machines)
    return [RayWorker(max(fewest // side_by_side, 1), 1 if gpus else 0) for _ in range(count)]


def _machines(ray: Any) -> list[dict[str, Any]]:
    return [machine for machine in ray.nodes() if machine["Alive"]]


def _ray() -> Any:
    """The library, connected.

    Raises:
        ProbeError: it is not installed, or there is no cluster at the address.
    """
    try:
        import ray
    except ImportError:
        raise ProbeError(
            "Expected Ray for --engine ray, but it is not installed; do pip install 'emobox[ray]'."
        ) from None
    try:
        if not ray.is_initialized():
            ray.init(log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ProbeError(
            f"Expected a Ray cluster for --engine ray, but got: {error}. Correct RAY_ADDRESS, or leave it out for one "
            f"of this machine."
        ) from error
    return ray
