"""The rows of a fold written plainly, as anyone would without this package, and any result told so that two compare."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from emobox_datasets import corpora
from emobox_datasets.corpus import Utterance
from emobox_datasets.loading.builder import features_of, row_of
from emobox_datasets.sources.location import find_root

DEMO = corpora.load("demo")


def utterances_of(tested: str, part: str) -> list[Utterance]:
    """Those of a demo fold that tests the speaker `tested`, by a plain loop."""
    everything = DEMO.scan(find_root(DEMO, None))
    return [utterance for utterance in everything if (utterance.speaker == tested) == (part == "test")]


def write(utterances: list[Utterance], path: Path) -> str:
    rows = [row_of(utterance, DEMO) for utterance in utterances]
    pq.write_table(pa.Table.from_pylist(rows, schema=features_of(DEMO).arrow_schema), path)
    return str(path)


def outcome(operation: Callable[[Any, Path], Any], dataset: Any, folder: Path) -> Any:
    """What an operation gives, or the error that it raises, without the folder that it worked in."""
    folder.mkdir()
    try:
        return told(operation(dataset, folder))
    except Exception as error:
        words = re.sub(r"[\w./-]*/[\w./-]+|0x[0-9a-f]+", "…", str(error))
        return f"{type(error).__name__}: {words}"


def told(result: Any) -> Any:
    """A result in plain values; audio by a checksum of its samples."""
    if isinstance(result, (datasets.DatasetDict, datasets.IterableDatasetDict)):
        return {name: told(split) for name, split in result.items()}
    if isinstance(result, (datasets.Dataset, datasets.IterableDataset)):
        return [str(result.features), [told(row) for row in result]]
    if hasattr(result, "get_all_samples"):
        return hashlib.md5(np.ascontiguousarray(result["array"])).hexdigest()
    if isinstance(result, bytes):
        return hashlib.md5(result).hexdigest()
    if isinstance(result, dict):
        return {str(key): told(value) for key, value in result.items()}
    if isinstance(result, (pd.DataFrame, pa.Table)):
        rows = result.to_dict("list") if isinstance(result, pd.DataFrame) else result.to_pydict()
        return [type(result).__name__, told(rows)]
    if isinstance(result, (np.ndarray, torch.Tensor)):
        return [str(result.dtype), told(result.tolist())]
    if isinstance(result, (pa.Array, pa.ChunkedArray)):
        return told(result.to_pylist())
    if isinstance(result, (str, int, float, type(None))):
        return result
    try:
        return [told(value) for value in result]
    except TypeError:
        return str(result)
