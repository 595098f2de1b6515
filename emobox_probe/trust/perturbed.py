"""From perturbed audio to what heads say of it, one perturbation after another."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator

from emobox_datasets.audio_files.audio import SAMPLING_RATE, from_flac
from emobox_probe.encoders.encoder import DTYPES
from emobox_probe.encoders.load import Encoder
from emobox_probe.features.corpus import progress_bar, silent_rows
from emobox_probe.features.extraction import Change, extract
from emobox_probe.features.store import FeatureStore
from emobox_probe.heads.training import predict
from emobox_probe.records.heads_file import LAST, KeptHead
from emobox_probe.records.result import ResultRecord
from emobox_probe.scoring.sweep import views_of
from emobox_probe.tasks.pool import Pool
from emobox_probe.trust.parts import Parts
from emobox_probe.trust.perturbations.perturbation import Perturbation, Surroundings, random_numbers
from emobox_probe.trust.perturbations.suite import BEGINNING
from emobox_probe.trust.voices import TooFewVoicesError, voices_for
from emobox_probe.use.fit import protocol_of

CPU = torch.device("cpu")


class Heads:
    """A run's heads, each on the utterances that it was tested on."""

    def __init__(self, heads: Sequence[KeptHead], source: ResultRecord, predictions: pd.DataFrame):
        self._heads = {(kept.fold, kept.seed): kept for kept in heads}
        self._labels = np.array(source.corpus.labels)
        self._predictions = predictions
        self._of_layers = any(kept.layer != LAST for kept in heads)
        self._protocol = replace(protocol_of(source), layers="every" if self._of_layers else "last")

    def answers(self, store: FeatureStore) -> pd.DataFrame:
        """Prediction (a label) and logits of every row of the run's predictions, in their order."""
        frames = views_of([store], self._protocol, CPU, self._of_layers).candidates
        row_of = {id: row for row, id in enumerate(store.ids)}
        logits = np.empty((len(self._predictions), len(self._labels)), dtype=np.float32)
        parts = self._predictions.groupby(["fold", "seed"]).indices
        for (fold, seed), kept in self._heads.items():
            places = parts[fold, seed]
            rows = torch.tensor([row_of[id] for id in self._predictions["id"].iloc[places]])
            view = 0 if kept.layer == LAST else int(kept.layer)
            logits[places] = predict(kept.head, frames, rows, view).numpy()
        return pd.DataFrame({"prediction": self._labels[logits.argmax(axis=1)], "logits": list(logits)})


class PerturbedAudio:
    """The tested utterances of a run, and what perturbations make of them."""

    def __init__(self, pool: Pool, predictions: pd.DataFrame, fingerprint: str, store_dtype: str, root: Path):
        tested = set(predictions["id"])
        (self._whole,) = pool.audio.values()
        self._rows = [row for row, item in enumerate(pool.all_items) if item.id in tested]
        self._ids = [pool.all_items[row].id for row in self._rows]
        durations = list(self._whole["duration"])
        self._durations = [durations[row] for row in self._rows]
        self._pool, self._predictions = pool, predictions
        self._fingerprint, self._dtype, self._root = fingerprint, store_dtype, root

    def answers(
        self,
        chosen: Sequence[Perturbation],
        encoder: Encoder,
        heads: Heads,
        parts: Parts,
        accelerator: Accelerator,
    ) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
        """What heads say of each perturbation, and why it could not be made of those that are left out."""
        answers, not_run = {}, {}
        total = sum(sum(self._seconds(one)) for one in chosen) / 3600
        with progress_bar(accelerator, "perturbed", total, "h of audio") as bar:

            def progress(seconds: float) -> None:
                bar.update(min(seconds / 3600, total - bar.n))

            for one in chosen:
                bar.set_postfix_str(one.name)
                if (kept := parts.read(one.name)) is not None:
                    progress(sum(self._seconds(one)))
                    answers[one.name] = kept
                    continue
                if reason := one.missing():
                    not_run[one.name] = reason
                    continue
                try:
                    change = self._change(one)
                except TooFewVoicesError as error:
                    not_run[one.name] = str(error)
                    continue
                answers[one.name] = self._answers(one, change, encoder, heads, progress)
                parts.keep(one.name, answers[one.name])
        return answers, not_run

    def _answers(
        self,
        one: Perturbation,
        change: Change,
        encoder: Encoder,
        heads: Heads,
        progress: Callable[[float], Any],
    ) -> pd.DataFrame:
        store = self._store(one, encoder)
        audio = self._whole.select_columns(["audio"])

        def flac(rows: Sequence[int]) -> list[bytes]:
            return [entry["bytes"] for entry in audio[[self._rows[row] for row in rows]]["audio"]]

        extract(store, encoder, flac, DTYPES[self._dtype], progress, change=change)
        table = self._predictions[["fold", "id", "speaker", "seed", "label"]].reset_index(drop=True)
        table["clean"] = self._predictions["prediction"].to_numpy()
        table = pd.concat([table, heads.answers(store)], axis=1)
        shutil.rmtree(store.folder)
        return table

    def _change(self, one: Perturbation) -> Change:
        voices = {}
        if one.voices:
            voices = voices_for(self._predictions, self._pool, self._silent, one.voices)
        audio = self._whole.select_columns(["audio"])

        def change(row: int, waveform: np.ndarray) -> np.ndarray:
            id = self._ids[row]
            beside = audio[voices[id]]["audio"] if one.voices else []
            around = Surroundings(random_numbers(one.kind, id), [from_flac(v["bytes"]) for v in beside])
            return one(waveform, around)

        return change

    @cached_property
    def _silent(self) -> list[bool]:
        return silent_rows(self._whole)

    def _seconds(self, one: Perturbation) -> list[float]:
        return [one.seconds(seconds) for seconds in self._durations]

    def _store(self, one: Perturbation, encoder: Encoder) -> FeatureStore:
        """Where the features of a perturbation are while they are needed."""
        identity = {
            "encoder": encoder.facts.identity,
            "corpus": self._fingerprint,
            "store_dtype": self._dtype,
            "perturbation": one.name,
        }
        return FeatureStore(self._root, identity, self._ids, self._seconds(one))

    def stores(
        self, chosen: Sequence[Perturbation], encoder: Encoder, answers: Mapping[str, pd.DataFrame]
    ) -> list[FeatureStore]:
        """Of the perturbations that were run: they know how long features took, though these are gone."""
        return [self._store(one, encoder) for one in chosen if one.name in answers]

    def as_they_were(self, one: Perturbation) -> int:
        """How many utterances a perturbation leaves as they are."""
        silent = [self._silent[row] for row in self._rows]
        return sum(
            quiet if one.needs_level else one.kind == BEGINNING and one.seconds(seconds) == seconds
            for quiet, seconds in zip(silent, self._durations, strict=True)
        )

    def lengthened(self, one: Perturbation, encoder: Encoder) -> int:
        """How many utterances are shorter than the encoder takes once they are perturbed, and get zeros."""
        shortest = encoder.facts.shortest_samples / SAMPLING_RATE
        return sum(seconds < shortest for seconds in self._seconds(one))
