"""A model of the library as an encoder: batches as its family allows, on any device, in any data type."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from copy import copy
from itertools import islice
from typing import Any, Self

import numpy as np
import torch

import emobox_probe.encoders.weights as loading
from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_probe.encoders.attention import mask_at_once
from emobox_probe.encoders.batching import Batch, Budget, plan
from emobox_probe.encoders.compiled import CompiledLayers
from emobox_probe.encoders.convolution import for_tensor_cores
from emobox_probe.encoders.encoder import DTYPES, Encoded, Pending, encoded, lengthened
from emobox_probe.encoders.exactness import Validity, output_length, settle_weights, shortest_input
from emobox_probe.encoders.facts import EncoderFacts, OwnSource
from emobox_probe.encoders.families import Family
from emobox_probe.encoders.inputs import Loaded, Windows
from emobox_probe.encoders.names import recorded_name
from emobox_probe.encoders.outputs import Output
from emobox_probe.encoders.own.own_model import OwnModel
from emobox_probe.errors import ProbeError, UtteranceError


class ModelEncoder:
    """A model of the library, run as its family says.

    It is tried, and its weights are hashed, unless the facts about it are `known`.
    """

    def __init__(
        self,
        name: str,
        loaded: Loaded,
        family: Family,
        architecture: str,
        device: torch.device,
        dtype: str = "float32",
        layers: str = "last",
        own: OwnSource | None = None,
        known: EncoderFacts | None = None,
    ):
        self._device, self._layers = device, layers != "last"
        self._deviations = layers == "statistics"
        self._family, self._way = family, family.way_for(loaded.config)
        self._validity = Validity()
        self.budget = Budget.of(device)
        self.busy_seconds = 0.0
        self.needs_cores = device.type == "cpu"

        state = {} if known else loaded.model.state_dict()
        sha256 = loading.weights_hash(loaded.model) if state else None
        parameters = sum(parameter.numel() for parameter in loaded.model.parameters())
        self._loaded, self._compiled = loaded, CompiledLayers(loaded.model)
        loaded.model.eval().to(device, DTYPES[dtype])
        if own is None:  # what the user goes on with stays as it is
            loaded.model.requires_grad_(False)
            settle_weights(loaded.model)
            if device.type == "cuda":
                for_tensor_cores(loaded.model)
                mask_at_once(loaded.model)
        if self._way in ("masked", "window"):
            family.secure(loaded.model, self._validity)

        self._convolutions = family.convolutions(loaded.config) if self._way == "masked" else []
        if known is not None:
            self._shortest, self.facts = known.shortest_samples, known
            return
        self._shortest = 1
        self._shortest = self._shortest_samples()
        dimension, frame_rate = self._dimension_and_rate()
        self.facts = EncoderFacts(
            name=recorded_name(name),
            architecture=architecture,
            revision=getattr(loaded.config, "_commit_hash", None),
            weights_sha256=sha256,
            preprocessor_sha256=loaded.extractor and loading.preprocessor_hash(loaded.extractor),
            parameters=parameters,
            dimension=dimension,
            frame_rate=frame_rate,
            layer=family.layer,
            layers=layers,
            dtype=dtype,
            way=self._way,
            shortest_samples=self._shortest,
            own=own,
            matrix_products="float32" if dtype == "float32" else None,
        )

    def giving(self, layers: str) -> Self:
        """The same model that gives these layers beside the frames of the last: `last` (none), `all`, `statistics`."""
        other = copy(self)
        other._layers, other._deviations = layers != "last", layers == "statistics"
        other.facts = self.facts.model_copy(update={"layers": layers})
        return other

    def compile_for(self, seconds: float, utterances: int) -> None:
        """Compile the layers if that pays over so much audio; else, or where it fails, say once why not."""
        billed = utterances * self._family.prepare.cost(seconds / utterances)

        def trial() -> None:
            for lengths in ((3, 3), (5, 2, 4), (2,)):  # with and without padding, and alone
                self.encode([_tone(seconds * SAMPLING_RATE) for seconds in lengths])

        self._compiled.begin(self.facts.name, self._device, billed, self.facts.parameters, trial)

    def plan(self, seconds: Sequence[float]) -> list[list[int]]:
        costs = [self._family.prepare.cost(duration) for duration in seconds]
        groups: list[Any] = [0] * len(seconds)
        if self._way == "alone":
            groups = list(range(len(seconds)))
        if self._way == "equal":
            groups = [round(duration * SAMPLING_RATE) for duration in seconds]
        return plan(costs, groups, self.budget)

    def collate(self, waveforms: Sequence[np.ndarray]) -> Batch:
        prepare = self._family.prepare
        utterances = [prepare(self._loaded, lengthened(waveform, self._shortest)) for waveform in waveforms]
        return Batch.of(
            utterances, sum(prepare.cost(len(waveform) / SAMPLING_RATE) for waveform in waveforms)
        )

    def encode(self, waveforms: Sequence[np.ndarray]) -> list[torch.Tensor]:
        return [utterance.frames for utterance in encoded(self, waveforms, SAMPLING_RATE)]

    def run(self, batch: Batch, dtype: torch.dtype | None = None) -> Pending:
        """A batch to features, in halves where the device has too little memory for the whole."""
        wait = self._run(batch, dtype)

        def result() -> list[Encoded]:
            windows = iter(wait())
            return [_joined(list(islice(windows, count))) for count in batch.windows]

        return result

    @property
    def _cuda(self) -> bool:
        return self._device.type == "cuda"

    def _run(self, batch: Batch, dtype: torch.dtype | None) -> Pending:
        try:
            return self._run_whole(batch, dtype)
        except torch.OutOfMemoryError as error:
            if len(batch) == 1:
                remedy = (
                    "run it on the CPU, in --dtype bfloat16" if self._cuda else "end what else needs memory"
                )
                raise ProbeError(
                    f"Expected {batch.cost:.0f} s of audio to fit on {self._device}, but its memory is full; "
                    f"{remedy}, or split the utterance."
                ) from error
        torch.cuda.empty_cache()
        self.budget.halve(batch.cost)
        halves = [self._run(half, dtype) for half in batch.halves()]
        return lambda: [window for half in halves for window in half()]

    @torch.inference_mode()
    def _run_whole(self, batch: Batch, dtype: torch.dtype | None) -> Pending:
        timer = _Timer(self._cuda)
        output = self._output(self._on_device(batch.inputs), min(batch.lengths))
        frames = output.frames  # (B, T, D)
        counts = self._counts(batch, output)
        moments = _moments(output, counts, self._deviations) if self._layers else []
        packed = torch.cat([frames[row, :count] for row, count in enumerate(counts)])  # (sum of T, D)
        host = _to_host(packed.to(dtype or packed.dtype), self._cuda)
        timer.stop()

        def result() -> list[Encoded]:
            self.busy_seconds += timer.seconds()
            parts = host.split(counts)
            rows = [moment.cpu().unbind() for moment in moments]
            return [Encoded(part, *of_it) for part, *of_it in zip(parts, *rows, strict=True)]

        return result

    def _on_device(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Inputs where the model is and in its data type; waveforms stay float32 for their spectrogram."""
        moved = {name: value.to(self._device, non_blocking=True) for name, value in inputs.items()}
        dtype = DTYPES["float32"] if "waveform" in moved else next(self._loaded.model.parameters()).dtype
        return {
            name: value.to(dtype) if value.is_floating_point() else value for name, value in moved.items()
        }

    def _output(self, inputs: dict[str, torch.Tensor], shortest: int) -> Output:
        lengths = inputs["length"]
        if "waveform" not in inputs:
            inputs = {name: value for name, value in inputs.items() if name != "length"}
        padded = inputs["input_values"].shape[-1] if self._convolutions else 0
        masked = shortest < padded  # without padding nothing is masked, which is faster
        with self._validity.of(lengths, padded, self._convolutions) if masked else nullcontext():
            return self._family.run(self._loaded, inputs, self._validity, self._layers)

    def _counts(self, batch: Batch, output: Output) -> list[int]:
        """How many frames of each window cover audio."""
        whole = output.frames.shape[1]
        if output.valid is not None:
            return [int(count) for count in output.valid.tolist()]
        if self._convolutions:
            return [output_length(length, self._convolutions) for length in batch.lengths]
        return [whole if frames is None else min(frames, whole) for frames in batch.frames]

    def _dimension_and_rate(self) -> tuple[int, float]:
        """D, and frames a second; an encoder of one's own was measured when it was tried."""
        model = self._loaded.model
        if isinstance(model, OwnModel) and model.dimension and model.frame_rate:
            return model.dimension, model.frame_rate[0]
        two, six = self.encode([_tone(seconds * SAMPLING_RATE) for seconds in (2, 6)])
        return two.shape[1], (len(six) - len(two)) / 4

    def _shortest_samples(self) -> int:
        """The fewest samples at 16 kHz that give a frame, to 10 ms where only trying tells."""
        if isinstance(self._family.prepare, Windows):
            return 1
        if self._convolutions:
            return shortest_input(self._convolutions)
        step = SAMPLING_RATE // 100
        fails, works = 0, 1
        while not self._gives_a_frame(works * step):
            fails, works = works, works * 2
        while works - fails > 1:
            middle = (fails + works) // 2
            fails, works = (fails, middle) if self._gives_a_frame(middle * step) else (middle, works)
        return works * step

    def _gives_a_frame(self, samples: int) -> bool:
        if samples > 10 * SAMPLING_RATE:
            return True  # no model needs that much: let what is wrong with it be seen
        try:
            (frames,) = self.encode([_tone(samples)])
            return len(frames) > 0 and bool(torch.isfinite(frames).all())
        except (RuntimeError, UtteranceError, ValueError, IndexError, ZeroDivisionError, AssertionError):
            return False


class _Timer:
    """How long the device is at work on one batch."""

    def __init__(self, cuda: bool):
        self._started = time.perf_counter()
        self._seconds = 0.0
        self._events = [torch.cuda.Event(enable_timing=True) for _ in range(2)] if cuda else []
        if cuda:
            self._events[0].record()

    def stop(self) -> None:
        self._seconds = time.perf_counter() - self._started
        if self._events:
            self._events[1].record()

    def seconds(self) -> float:
        """Waits for the batch."""
        if not self._events:
            return self._seconds
        self._events[1].synchronize()
        milliseconds: float = self._events[0].elapsed_time(self._events[1])
        return milliseconds / 1000


def _tone(samples: int) -> np.ndarray:
    """Something to try a model with: silence makes some feature extractors divide by zero."""
    return np.sin(np.arange(samples, dtype=np.float32) / 10) / 10


def _moments(output: Output, counts: Sequence[int], deviations: bool) -> list[torch.Tensor]:
    """Means, and standard deviations if asked for, over the valid steps of every layer: float32 `(B, L+1, D)` each."""
    whole = output.frames.shape[1]
    lengths = torch.tensor(counts, device=output.frames.device)
    means, spreads = [], []
    for layer in output.layers:  # (B, T', D), where T' may be a multiple of T
        steps = layer.shape[1]
        kept = -(-lengths * steps // whole)  # (B,)
        outside = (torch.arange(steps, device=layer.device) >= kept[:, None])[..., None]
        values = layer.float()
        mean = values.masked_fill(outside, 0).sum(1) / kept[:, None]
        means.append(mean)
        if deviations:
            squares = (values - mean[:, None]).masked_fill_(outside, 0).square_().sum(1)
            spreads.append((squares / kept[:, None]).sqrt_())
    widths = {layer.shape[-1] for layer in means}
    if len(widths) != 1:
        raise ProbeError(
            f"Expected layers of one width, but got {sorted(widths) or 'none'}; run it without --layers all."
        )
    return [torch.stack(moment, dim=1) for moment in (means, spreads) if moment]


def _to_host(packed: torch.Tensor, cuda: bool) -> torch.Tensor:
    """Start the copy to the CPU; `_Timer.seconds` waits for it."""
    if not cuda:
        return packed
    host = torch.empty(packed.shape, dtype=packed.dtype, pin_memory=True)
    return host.copy_(packed, non_blocking=True)


def _joined(windows: Sequence[Encoded]) -> Encoded:
    """The windows of one utterance, one after another; moments weigh windows by their frames."""
    if len(windows) == 1:
        return windows[0]
    frames = torch.cat([window.frames for window in windows])
    shares = [len(window.frames) / len(frames) for window in windows]
    means = [window.means for window in windows if window.means is not None]
    if not means:
        return Encoded(frames)
    mean = _weighed(means, shares)
    spreads = [window.deviations for window in windows if window.deviations is not None]
    if not spreads:
        return Encoded(frames, mean)
    around = [spread.square() + (m - mean).square() for spread, m in zip(spreads, means, strict=True)]
    return Encoded(frames, mean, _weighed(around, shares).sqrt())


def _weighed(parts: Sequence[torch.Tensor], shares: Sequence[float]) -> torch.Tensor:
    return torch.stack([share * part for share, part in zip(shares, parts, strict=True)]).sum(0)
