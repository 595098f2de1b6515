"""A training step, or the end of an epoch, recorded once and replayed: some hundred small kernels for one launch.

A fast GPU is done with such kernels before the CPU has launched them one by one.
"""

from collections.abc import Callable

import torch
from torch import Tensor


class Replayed:
    """Work on tensors of fixed shapes, which changes what it was made with in place.

    It is recorded for each `size`: of what is padded to it, or the number of the part that is worked on. The first call
    with one runs as it is, which readies libraries and memory; the second is recorded.
    """

    def __init__(self, work: Callable[..., None]):
        self._work = work
        self._inputs: list[Tensor] = []
        self._met: set[int] = set()
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}

    def __call__(self, size: int, *given: Tensor) -> None:
        if not self._inputs:
            self._inputs = [tensor.clone() for tensor in given]
        for mine, tensor in zip(self._inputs, given, strict=True):
            mine.copy_(tensor)
        if size not in self._met:
            self._met.add(size)
            self._work(size, *self._inputs)
            return
        if size not in self._graphs:
            self._graphs[size] = self._record(size)
        self._graphs[size].replay()

    def _record(self, size: int) -> torch.cuda.CUDAGraph:
        # One pool for all sizes: nothing in it outlives a step. Other threads, such as those that watch over processes,
        # may go on meanwhile.
        pool = next((graph.pool() for graph in self._graphs.values()), None)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            self._work(size, *self._inputs)
        return graph
