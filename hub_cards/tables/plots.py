"""`emobox plots`: pictures of results as files, in one style.

    emobox plots runs/ --out plots/ --format svg

Of every run the confusion matrix, recall by label and the layer curve, or on what raters said its scores with their
intervals; of every cross-corpus result a heat map; of the stress tests on a corpus one of perturbations by models; of
every corpus and protocol with two models or more their scores by size; of every protocol with enough models a
critical-difference diagram over the corpora that all of its models share.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emobox_probe.errors import ProbeError
from emobox_probe.records.predictions import read_predictions
from emobox_probe.records.stress_record import stress_picture
from emobox_probe.report.heat_map import heat_map
from emobox_probe.report.pictures import Picture, shortened
from hub_cards.leaderboard.data import is_benchmark
from hub_cards.paper import PAPER, TABLE_5_SETTING, read_table_4, read_table_5
from hub_cards.runs.collection import CrossResult, Model, RatedResult, Result, collect, cross_setting
from hub_cards.tables.critical_difference import critical_difference
from hub_cards.tables.drawings import (
    SizedScore,
    critical_difference_picture,
    recalls_picture,
    sizes_picture,
)

LONGEST_FILE_NAME = 80


def draw(folders: Sequence[Path], out: Path, suffix: str, metric: str, published: bool = False) -> list[Path]:
    """Draw all there is to draw of the results below the folders, and say what there is not; the files.

    Raises:
        ProbeError: there is no result, one cannot be read or checked, or `out` is a file.
    """
    collection = collect(folders)
    if out.exists() and not out.is_dir():
        raise ProbeError(f"Expected --out to name a folder, but {out} is a file; name another.")
    out.mkdir(parents=True, exist_ok=True)
    for note in collection.notes:
        print(f"note: {note}")
    pictures = Pictures(out, suffix, metric)
    for one in collection.results:
        pictures.of_result(one)
    for matrix in collection.cross:
        pictures.of_cross(matrix)
    for rated in collection.rated:
        pictures.of_rated(rated)
    for setting in sorted({(one.record.corpus.name, one.protocol) for one in collection.results}):
        pictures.of_stress(*setting, collection.results)
    for setting in sorted({(one.record.corpus.name, one.protocol) for one in collection.results}):
        pictures.of_sizes(*setting, collection.results)
    for protocol in sorted({one.protocol for one in collection.results}):
        pictures.of_protocol(protocol, [one for one in collection.results if one.protocol == protocol])
    if published:
        pictures.of_paper()
    return pictures.written


class Pictures:
    """Draws into a folder; what cannot be drawn is said on the terminal."""

    def __init__(self, folder: Path, suffix: str, metric: str) -> None:
        self.folder, self.suffix, self.metric = folder, suffix, metric
        self.written: list[Path] = []

    def of_result(self, one: Result) -> None:
        """Confusion matrix, recall by label, layer curve of one run."""
        title = f"{shortened(one.model.name)} on {shortened(one.record.corpus.name)}, protocol {one.protocol}"
        parts = (*_version(one.model), one.record.corpus.name, one.protocol)
        drawn = one.record.pictures()
        self._write(drawn["confusion.png"], *parts, "confusion")
        if one.predictions is None:
            print(f"no recall by label of {title}: its predictions were not kept")
        else:
            predictions = read_predictions(one.folder, one.record)
            self._write(recalls_picture(predictions, one.record.corpus.labels, title), *parts, "recall")
        if one.record.layers:
            self._write(drawn["layers.png"], *parts, "layers")
        else:
            print(f"no layer curve of {title}: the scores of single layers were not kept")

    def of_cross(self, one: CrossResult) -> None:
        """The heat map of one cross-corpus result."""
        scores = {(pair.source, pair.target): getattr(pair.scores, self.metric) for pair in one.record.pairs}
        if not scores:
            print(f"no heat map of {shortened(one.model.name)}: its cross-corpus result has no pair")
            return
        starred = [(pair.source, pair.target) for pair in one.record.pairs if pair.overlap]
        title = f"{shortened(one.model.name)}, {self.metric.upper()}\nprotocol {cross_setting(one)}"
        digest = hashlib.sha256(cross_setting(one).encode("utf-8")).hexdigest()[:6]
        parts = (*_version(one.model), "cross-corpus", one.protocol, self.metric, digest)
        self._write(heat_map(scores, title, starred), *parts)

    def of_rated(self, one: RatedResult) -> None:
        """Every score of one run on what raters said, with its interval."""
        parts = (*_version(one.model), one.record.corpus.name, one.protocol)
        self._write(one.record.plot(), *parts, "scores")

    def of_stress(self, corpus: str, protocol: str, results: list[Result]) -> None:
        """The heat map of all models whose heads were tested on perturbed audio of a corpus."""
        tested = {
            _name(one.model, results): one.stress
            for one in results
            if one.stress and (one.record.corpus.name, one.protocol) == (corpus, protocol)
        }
        if tested:
            self._write(
                stress_picture(tested, corpus, protocol, self.metric), corpus, protocol, "stress", self.metric
            )

    def of_sizes(self, corpus: str, protocol: str, results: list[Result]) -> None:
        """Score by number of parameters, of all models on a complete copy by one protocol that have weights."""
        here = [
            one
            for one in results
            if (one.record.corpus.name, one.protocol) == (corpus, protocol)
            and not one.record.corpus.incomplete
        ]
        rows = [
            SizedScore(
                _name(one.model, results),
                one.record.encoder.parameters,
                getattr(one.record.headline, self.metric),
                one.record.interval.bounds(self.metric),
            )
            for one in here
            if one.record.encoder.parameters
        ]
        title = f"{self.metric.upper()} by size on {shortened(corpus)}, protocol {shortened(protocol)}"
        if len(rows) < 2:
            print(
                f"no picture of {title}: models with weights, on complete copies, are {len(rows)} of the two needed"
            )
            return
        chance = here[0].record.chance if self.metric == "ua" else None
        picture = sizes_picture(rows, title, self.metric.upper(), chance)
        self._write(picture, corpus, protocol, "size", self.metric)

    def of_protocol(self, protocol: str, results: list[Result]) -> None:
        """The critical-difference diagram of one protocol; only complete copies of corpora of the benchmark count."""
        rows = [
            {
                "model": _name(one.model, results),
                "corpus": one.record.corpus.name,
                "score": getattr(one.record.headline, self.metric),
            }
            for one in results
            if not one.record.corpus.incomplete and is_benchmark(one.record.corpus.name)
        ]
        self._critical_difference(protocol, pd.DataFrame(rows, columns=["model", "corpus", "score"]))

    def of_paper(self) -> None:
        """The paper's tables, in pictures of their own: they are not mixed with what was measured here."""
        table = read_table_4().rename(columns={self.metric: "score"})
        table["model"] = table["name"]
        self._critical_difference(f"{PAPER}, as published", table[["model", "corpus", "score"]])
        for name, rows in read_table_5().groupby("name", sort=False):
            scores = {(row["train"], row["test"]): row["accuracy"] / 100 for row in rows.to_dict("records")}
            title = f"{name}, WA, as published in the EmoBox paper\nprotocol {TABLE_5_SETTING}"
            self._write(heat_map(scores, title), "published", str(name), "cross-corpus", PAPER, "wa")

    def _critical_difference(self, protocol: str, rows: pd.DataFrame) -> None:
        table = rows.pivot_table(index="corpus", columns="model", values="score").dropna()
        try:
            found = critical_difference(
                [str(name) for name in table.columns], table.to_numpy(dtype=np.float64)
            )
        except ProbeError as error:
            print(f"no critical-difference diagram of protocol {protocol}: {error}")
            return
        title = f"{self.metric.upper()}, protocol {protocol}"
        self._write(critical_difference_picture(found, title), "critical-difference", protocol, self.metric)

    def _write(self, picture: Picture, *parts: str) -> None:
        path = self.folder / f"{file_name(*parts)}.{self.suffix}"
        picture.write(path)
        self.written.append(path)


def _version(model: Model) -> tuple[str, ...]:
    version = (model.revision or model.version or "")[:7]
    return (model.name, version) if version else (model.name,)


def _name(model: Model, results: list[Result]) -> str:
    """The model's name; with its version where another version of it is there too."""
    versions = {one.model for one in results if one.model.name == model.name}
    return " @ ".join(_version(model)) if len(versions) > 1 else model.name


def file_name(*parts: str) -> str:
    """A file name of such parts: nothing but letters, digits, `.`, `_` and `-`; a digest where more was cut.

    >>> file_name("openai/whisper-base", "emodb", "paper")
    'openai--whisper-base.emodb.paper'
    """
    told = [re.sub(r"[^A-Za-z0-9_.+-]+", "-", part.replace("/", "--").replace(":", "--")) for part in parts]
    name = ".".join(part.strip(".-") or "unnamed" for part in told)
    if len(name) <= LONGEST_FILE_NAME and all(re.fullmatch(r"[A-Za-z0-9_.:/ ,+-]*", part) for part in parts):
        return name
    digest = hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()[:8]
    return f"{name[: LONGEST_FILE_NAME - 30]}.{digest}.{told[-1][:20]}"
