"""A classifier as an ONNX graph: written by torch, checked by ONNX Runtime, in 8 bits where that is wanted."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import Dim

from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_probe.errors import ProbeError
from emobox_probe.use.export.graph import ClassifierGraph

# What is needed, by the name of the package.
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
# Where torch writes down which lines of code a node comes from.
SOURCE = "pkg.torch.onnx.stack_trace"
# How far ONNX Runtime may be from torch on noise before an export is refused.
TOLERANCE = 1e-4
INPUTS, OUTPUTS = ["waveform", "length"], ["logits", "probabilities"]
# Of the noise that a graph is traced with: two utterances of other lengths.
EXAMPLE = (1.25, 1.875)


def check_installed(*names: str) -> None:
    """Raises ProbeError where a package is missing."""
    if missing := [name for name in names or PACKAGES if find_spec(name) is None]:
        raise ProbeError(
            f"Expected {', '.join(missing)} for ONNX, but {'it is' if len(missing) == 1 else 'they are'} not "
            f"installed; pip install emobox[onnx]."
        )


def write_graph(graph: ClassifierGraph, path: Path, int8: bool = False) -> None:
    """Write the graph, and hold it against torch on noise.

    Raises:
        ProbeError: a package is missing, torch cannot export the encoder, or ONNX Runtime computes something else.
    """
    check_installed()
    graph.eval()
    example = noise(*EXAMPLE)
    dimensions = {"waveform": {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}, "length": {0: Dim.DYNAMIC}}
    try:
        with _quiet():
            program = torch.onnx.export(
                graph,
                example,
                dynamo=True,
                dynamic_shapes=dimensions,
                input_names=INPUTS,
                output_names=OUTPUTS,
                verbose=False,
            )
    except (torch.onnx.OnnxExporterError, torch._dynamo.exc.TorchDynamoException) as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise ProbeError(
            f"Expected an encoder that torch can export to ONNX, but got: {reason} Export it --to transformers."
        ) from error
    assert program is not None
    for node in program.model.graph.all_nodes():
        node.metadata_props.pop(SOURCE, None)  # names files of this machine
    program.save(str(path))
    _check(graph, path)
    if int8:
        quantise(path)


def noise(*seconds: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Waveforms of noise, zero-padded `(B, N)`, and their lengths `(B,)`."""
    generator = np.random.default_rng(0)
    lengths = [round(duration * SAMPLING_RATE) for duration in seconds]
    waveforms = torch.zeros(len(lengths), max(lengths))
    for row, length in zip(waveforms, lengths, strict=True):
        row[:length] = torch.from_numpy(generator.standard_normal(length).astype(np.float32) / 10)
    return waveforms, torch.tensor(lengths)


def session_of(path: Path) -> Any:
    """A graph in ONNX Runtime, on the CPU.

    Raises:
        ProbeError: ONNX Runtime is missing, or does not take the file.
    """
    check_installed("onnxruntime")
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # what it raises has no common class of its own
        raise ProbeError(
            f"Expected a graph for ONNX Runtime in {path}, but got: {error}; export it again."
        ) from error


def _check(graph: ClassifierGraph, path: Path) -> None:
    """Lengths that it was not traced with, in a batch of another size."""
    waveforms, lengths = noise(0.1, 2.5, 0.7)
    with torch.inference_mode():
        wanted = graph(waveforms, lengths)[0].numpy()
    given = {"waveform": waveforms.numpy(), "length": lengths.numpy()}
    got = session_of(path).run(["logits"], given)[0]
    if (difference := float(np.abs(got - wanted).max())) > TOLERANCE:
        raise ProbeError(
            f"Expected the same logits of ONNX Runtime and torch, but they differ by {difference:.2g} on noise; export "
            f"this encoder --to transformers."
        )


def quantise(path: Path) -> None:
    """Matrix products of the encoder in 8 bits, weights of each column by themselves; heads and spectrograms stay."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(path, load_external_data=False).graph
    # Before it quantises them, it makes a product and a sum of each Gemm, and names the product so.
    kept = [name for node in graph.node if _stays(node) for name in (node.name, f"{node.name}_MatMul")]
    whole = path.with_suffix(".float32.onnx")
    path.rename(whole)
    with _quiet():
        quantize_dynamic(
            whole,
            path,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=kept,
        )
    whole.unlink()


def _stays(node: Any) -> bool:
    """Whether it is of heads or of a spectrogram."""
    scopes = [entry.value for entry in node.metadata_props if entry.key.endswith("name_scopes")]
    return any("'heads'" in scope or "spectrogram" in scope for scope in scopes)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what exporters tell of themselves: packages that they could use, constants that they did not fold."""
    loggers = [
        logging.getLogger(name) for name in ("", "torch.onnx", "onnxscript", "onnx_ir", "torch.export")
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
