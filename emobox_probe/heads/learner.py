"""One step of all heads, in the fastest way that their device and features allow."""

from collections.abc import Callable

from torch import Tensor

from emobox_probe.heads.batches import Batch, Frames, ResidentFrames, Rows
from emobox_probe.heads.cuda_graph import Replayed
from emobox_probe.heads.heads import HeadBank
from emobox_probe.heads.kernels import kernels_work
from emobox_probe.heads.objectives import Labels, Objective

# Takes a step: rows (G, B), their targets, shares (G,) of the full rates, and the rows of the step after it.
Learner = Callable[[Rows, Tensor, Tensor, Rows], None]


def learner(bank: HeadBank, frames: Frames, objective: Objective) -> Learner:
    """What takes the steps of a bank on these features."""

    def learn(batch: Batch, targets: Tensor, shares: Tensor) -> None:
        bank.step(objective.loss(bank.logits(batch), targets), shares)

    if not isinstance(frames, ResidentFrames) or frames.device.type != "cuda":
        return lambda rows, targets, shares, following: learn(frames.batch(rows), targets, shares)
    replayed = Replayed(lambda size, rows, *given: learn(frames.padded(rows, size), *given))

    def replay(rows: Rows, targets: Tensor, shares: Tensor, following: Rows) -> None:
        size = rounded(frames.longest(rows), rows.host.shape[1])
        replayed(size, rows.device, targets, shares)

    vectors = frames.vectors
    if vectors is None or bank.mixing is not None or not isinstance(objective, Labels):
        return replay
    return _LearnerOnVectors(bank, vectors, replay) if kernels_work(frames.device) else replay


def rounded(frames: int, utterances: int) -> int:
    """A little more frames, so that few different numbers of them occur."""
    step = max(utterances, 1 << max(frames.bit_length() - 5, 0))
    return -(-frames // step) * step


class _LearnerOnVectors:
    """Steps by kernels that pass over the weights once, after a first by other means, which makes Adam's moments."""

    def __init__(self, bank: HeadBank, vectors: Tensor, first: Learner):
        self._bank, self._vectors, self._first = bank, vectors, first
        self._replayed: Replayed | None = None

    def __call__(self, rows: Rows, targets: Tensor, shares: Tensor, following: Rows) -> None:
        if not self._bank.moments:
            self._first(rows, targets, shares, following)
            return
        if self._replayed is None:
            from emobox_probe.heads.vector_steps import VectorSteps

            steps = VectorSteps(self._bank, self._vectors, rows.host.shape[1])
            steps.begin(rows.device)
            self._replayed = Replayed(lambda size, *given: steps.step(*given))
        self._replayed(0, rows.device, targets, shares, following.device)
