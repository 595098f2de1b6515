"""Steps of heads on one vector an utterance, as two Triton kernels: every weight passes through memory once a step.

Such heads do little with a weight, and a GPU waits for its memory: a step of Adam reads and writes a weight and its two
moments, 24 bytes. Here it moves no more than these. A tile of the gradient is made of the batch and of what the hidden
units pass back, is applied, and is gone; from the new tile, while it is on the chip, the hidden units of the next batch
are summed.
"""

import torch
import triton
from torch import Tensor

from emobox_probe.heads.adam import ADAM_EPSILON
from emobox_probe.heads.heads import LOSS_SCALE, HeadBank
from emobox_probe.heads.kernels import corrections
from emobox_probe.heads.vector_kernels import first_layer, second_layer

# Weights of a tile, inputs by hidden units, and the warps that share it: the fastest of several on an H100.
INPUTS, UNITS, WARPS = 32, 128, 8
# A matrix product on the chip has at least so many rows and columns.
LEAST = 16


class VectorSteps:
    """Steps of a bank's heads on `vectors` (N, D) in float32; the bank has made one of its own before.

    They leave the bank as its own steps do, within the rounding of TF32, in which both compute.
    """

    def __init__(self, bank: HeadBank, vectors: Tensor, utterances: int):
        self._bank, self._vectors, self._utterances = bank, vectors, utterances
        groups, units = bank.first_bias.shape
        device = vectors.device
        self._edges = torch.tensor([0, *bank.widths], device=device).cumsum(0)
        # Of the batch that is next: its hidden units, and the slopes of the loss by them before ReLU.
        self._hidden = torch.empty(groups, utterances, units, device=device)
        self._slopes = torch.empty_like(self._hidden)

    def begin(self, rows: Tensor) -> None:
        """Make ready for a step on rows (G, B) of the vectors, -1 where a group has fewer."""
        nothing = torch.ones(2, device=rows.device)
        self._first_layer(rows, rows, nothing, nothing.new_zeros(len(rows)), update=False)

    def step(self, rows: Tensor, targets: Tensor, shares: Tensor, following: Tensor) -> None:
        """One step on the rows (G, B) that it is ready for, then make ready for `following` (G, B).

        `targets` (G, B) are label ids, -100 where there is no row; `shares` (G,) are of the full rates.
        """
        left = corrections(self._bank.moments)
        self._second_layer(targets, left, shares)
        self._first_layer(rows, following, left, shares, update=True)

    def _second_layer(self, targets: Tensor, left: Tensor, shares: Tensor) -> None:
        """The slopes of the hidden units; the second layer and the biases of the first are stepped."""
        bank = self._bank
        _, *moments = bank.moments
        groups, classes, units = bank.second.shape
        second_layer[groups, len(bank.widths)](
            self._hidden,
            self._slopes,
            targets,
            bank.first_bias,
            bank.second,
            bank.second_bias,
            *(moment[name] for moment in moments for name in ("exp_avg", "exp_avg_sq")),
            self._edges,
            bank.rates,
            shares,
            left,
            CLASSES=classes,
            UNITS=units,
            HEADS=len(bank.widths),
            UTTERANCES=self._utterances,
            CLASS_BLOCK=max(triton.next_power_of_2(classes), LEAST),
            UNIT_BLOCK=max(triton.next_power_of_2(max(bank.widths)), LEAST),
            UTTERANCE_BLOCK=max(triton.next_power_of_2(self._utterances), LEAST),
            LOSS_SCALE=LOSS_SCALE,
            epsilon=ADAM_EPSILON * LOSS_SCALE,
            num_warps=WARPS,
        )

    def _first_layer(
        self, rows: Tensor, following: Tensor, left: Tensor, shares: Tensor, update: bool
    ) -> None:
        bank = self._bank
        groups, dimension, units = bank.first.shape
        moments = bank.moments[0]
        first_layer[triton.cdiv(units, UNITS), groups](
            self._vectors,
            rows,
            following,
            self._slopes,
            self._hidden,
            bank.first_bias,
            bank.first,
            moments["exp_avg"],
            moments["exp_avg_sq"],
            bank.unit_rates,
            shares,
            left,
            DIMENSION=dimension,
            UNITS=units,
            UTTERANCES=self._utterances,
            INPUT_BLOCK=INPUTS,
            UNIT_BLOCK=UNITS,
            UTTERANCE_BLOCK=max(triton.next_power_of_2(self._utterances), LEAST),
            epsilon=ADAM_EPSILON * LOSS_SCALE,
            UPDATE=update,
            num_warps=WARPS,
        )
