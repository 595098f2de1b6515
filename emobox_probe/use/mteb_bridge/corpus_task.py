"""Corpora as classification tasks of MTEB. Imports MTEB: `bridge.check_mteb` comes first."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import datasets
import numpy as np
import pandas as pd
import torch
from mteb.abstasks.classification import AbsTaskClassification
from mteb.abstasks.task_metadata import TaskMetadata
from torch.utils.data import DataLoader

import emobox_datasets.corpora as corpora
from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_datasets.corpus import Corpus
from emobox_probe.errors import ProbeError
from emobox_probe.features.corpus import load_corpus
from emobox_probe.heads.linear import Doubles
from emobox_probe.protocol import Protocol
from emobox_probe.records.heads_file import LAST
from emobox_probe.records.predictions import confusion_of, interval_of
from emobox_probe.scoring.linear import fit_tasks
from emobox_probe.scoring.scores import Outcome
from emobox_probe.scoring.summary import scores_of
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.tasks import fold_tasks, label_list
from emobox_probe.use.mteb_bridge.metadata import task_metadata

# The one part and the one subset of MTEB's that a corpus is, whatever its folds.
SPLIT, SUBSET = "train", "default"


class ShuffledTask(AbsTaskClassification):
    """A corpus scored by MTEB's own code: cross-validation on shuffled utterances, eight of each label to train on."""

    corpus: ClassVar[Corpus]
    protocol: ClassVar[Protocol]
    input_column_name = "audio"
    label_column_name = "label"
    is_cross_validation = True
    data_loaded: bool

    def __init__(self, data_dir: Path | None = None, **settings: Any):
        super().__init__(**settings)
        self.data_dir = data_dir

    def load_data(self, num_proc: int | None = None, **kwargs: Any) -> None:
        """Read the corpus, all of it, in the order of its ids.

        Raises:
            CorpusError: it is not there, not whole, or cannot be decoded.
        """
        if self.data_loaded:
            return
        whole = load_corpus(self.corpus, self.data_dir, num_proc=num_proc)
        audio = datasets.Audio(sampling_rate=SAMPLING_RATE)
        self.dataset = datasets.DatasetDict({SPLIT: whole.cast_column("audio", audio)})
        self.data_loaded = True


class CorpusTask(ShuffledTask):
    """A corpus on folds of EmoBox, scored as protocol `linear` scores: one embedding an utterance, each made once."""

    def evaluate(
        self,
        model: Any,
        split: str = SPLIT,
        subsets_to_run: list[str] | None = None,
        *,
        encode_kwargs: Any,
        prediction_folder: Path | None = None,
        num_proc: int | None = None,
        **kwargs: Any,
    ) -> dict[str, dict[str, Any]]:
        """The scores of a model; as MTEB calls it.

        Raises:
            ProbeError: the model does not give one embedding an utterance, or a head does not converge.
            CorpusError: as `load_data`.
        """
        self.load_data(num_proc=num_proc)
        assert self.dataset is not None
        whole = self.dataset[SPLIT]
        pool = Pool(label_list(self.corpus, self.protocol))
        pool.add(self.corpus, whole.cast_column("audio", datasets.Audio(decode=False)))
        tasks = fold_tasks(pool, self.corpus, self.protocol)
        rows = [part for task in tasks for part in (task.group.training, task.group.validation, task.tested)]
        used = np.unique(torch.cat(rows).numpy())
        inputs = DataLoader(
            whole.select(used).select_columns(["audio"]),
            batch_size=encode_kwargs.get("batch_size", 32),
            collate_fn=_together,
            num_workers=num_proc if num_proc and num_proc > 1 else 0,
        )
        embeddings = model.encode(
            inputs, task_metadata=self.metadata, hf_split=SPLIT, hf_subset=SUBSET, **encode_kwargs
        )
        known = _checked(embeddings, len(used))
        statistics = np.full((len(whole), known.shape[1]), np.nan)
        statistics[used] = known
        outcomes = fit_tasks(tasks, pool, [(LAST, statistics)], self.protocol)
        if prediction_folder is not None:
            self._save_task_predictions(_answers(outcomes), model, prediction_folder, SPLIT, SUBSET)
        return {SUBSET: self._scores(outcomes, pool.labels)}

    def _scores(self, outcomes: Sequence[Outcome], labels: Sequence[str]) -> dict[str, Any]:
        """Of all tested utterances together, and of every fold; `accuracy` is MTEB's word for `wa`."""
        absent = self.protocol.absent
        tables = [outcome.predictions for outcome in outcomes]
        together = pd.concat(tables, ignore_index=True)
        scores = scores_of(confusion_of(together, labels), absent).model_dump()
        bounds = interval_of(together, labels, absent).ua
        folds = [scores_of(confusion_of(table, labels), absent).model_dump() for table in tables]
        return {
            **scores,
            "accuracy": scores["wa"],
            "ua_interval": None if bounds is None else list(bounds),
            "main_score": scores["ua"],
            "scores_per_experiment": [
                {"fold": outcome.fold, **of_fold} for outcome, of_fold in zip(outcomes, folds, strict=True)
            ],
        }


@cache
def task_class(name: str, folds: str, protocol: Protocol) -> type[ShuffledTask]:
    """The task of a corpus and its folds: MTEB knows what a task is of from its class."""
    corpus = corpora.load(name)
    metadata = TaskMetadata(**task_metadata(corpus, folds, protocol))
    base = ShuffledTask if folds == "shuffled" else CorpusTask
    return type(metadata.name, (base,), {"metadata": metadata, "corpus": corpus, "protocol": protocol})


def _together(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """One batch: audio is of different lengths, so it stays a list."""
    return {"audio": [row["audio"] for row in rows]}


def _checked(embeddings: Any, utterances: int) -> Doubles:
    """Embeddings (N, K) in double precision."""
    matrix = torch.as_tensor(embeddings).detach().cpu().double().numpy()
    if matrix.ndim != 2 or len(matrix) != utterances or not np.isfinite(matrix).all():
        raise ProbeError(
            f"Expected one embedding of finite numbers for each of {utterances} utterances, but the model gave "
            f"{matrix.shape}{'' if np.isfinite(matrix).all() else ' with NaN or infinity'}; look at its `encode`."
        )
    return matrix


def _answers(outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    return [dict(zip(made.predictions.id, made.predictions.prediction, strict=True)) for made in outcomes]
