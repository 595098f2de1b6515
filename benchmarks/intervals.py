"""How often 95 percent intervals of UA hold the true UA, and how often a paired test finds a difference that is none.

On made-up test sets (`simulation.py`) of few and many speakers. The intervals, all over speakers:

- `percentile`: quantiles of the bootstrap. `BCa`: the same, bias-corrected and accelerated (Efron, 1987).
- `t, no factor`: score ± t with S - 1 degrees times the spread of the bootstrap. `t`: the same, and sqrt(S / (S - 1)).
- `logit t`: the latter on the logit scale, which is what `ser_metric` gives.
- `linearised t` (CR1): the spread by linear terms. `jackknife t` (CR3): the spread by leaving out one speaker each.
- `wild`: a studentised wild cluster bootstrap with Webb's six weights, on linear terms.

Run: `python benchmarks/intervals.py`; writes results/intervals.cpu.json and docs/pictures/intervals.png.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from simulation import CONCENTRATIONS, Counts, counts_of, level_of, write

from emobox_metric.ser_metric.comparison import p_value
from emobox_metric.ser_metric.intervals import (
    logit_interval,
    resampled_counts,
    scores_of_resamples,
    standard_error,
    t_quantile,
)
from emobox_metric.ser_metric.scores import scores_from_confusion
from emobox_probe.report.pictures import BLUE, GREY, ORANGE, Picture

HERE = Path(__file__).parent
RESULT, PICTURE = HERE / "results" / "intervals.cpu.json", HERE.parent / "docs" / "pictures" / "intervals.png"
SCORES, SPEAKERS = (0.5, 0.9), (2, 4, 6, 10, 24)
REPETITIONS, PAIRS, RESAMPLES = 1000, 500, 1000
CONFIDENCE = 0.95
WEBB = np.sqrt(np.array([0.5, 1, 1.5]))

Bounds = tuple[float, float]


def ua_of(confusions: Counts) -> NDArray[np.float64]:
    """UA of confusion matrices `(..., C, C)` over the labels that they hold."""
    values: NDArray[np.float64] = scores_from_confusion(confusions, absent="skip")["ua"]
    return values


def resampled_ua(counts: Counts, seed: int) -> NDArray[np.float64]:
    """UA of resamples of speakers, `(R,)`, as `ser_metric` draws them, from matrices by speaker `(S, C, C)`."""
    speakers, labels = counts.shape[:2]
    observed = counts.sum(0).astype(np.int64)
    copies = np.ones(speakers, dtype=np.int64)
    blocks = resampled_counts(counts.reshape(speakers, -1), copies, RESAMPLES, seed)
    drawn = (
        scores_of_resamples(block.reshape(-1, labels, labels), observed, "skip")["ua"] for block in blocks
    )
    return np.concatenate(list(drawn))


def linear_terms(counts: Counts) -> NDArray[np.float64]:
    """What each speaker adds to UA, to first order, `(S,)`; they sum to 0."""
    total = counts.sum(0)
    support, present = total.sum(1), total.any(axis=1)
    recall = np.diagonal(total)[present] / support[present]
    hits = np.diagonal(counts, axis1=1, axis2=2)[:, present]
    terms: NDArray[np.float64] = ((hits - recall * counts.sum(2)[:, present]) / support[present]).mean(axis=1)
    return terms


def bca(drawn: NDArray[np.float64], score: float, without: NDArray[np.float64]) -> Bounds:
    """The bias-corrected and accelerated interval, from UA without each speaker, `(S,)`."""
    below = ((drawn < score).mean() + (drawn <= score).mean()) / 2
    bias = ndtri(np.clip(below, 1e-4, 1 - 1e-4))
    lags = without.mean() - without
    acceleration = (lags**3).sum() / (6 * (lags**2).sum() ** 1.5 + 1e-30)
    tails = bias + ndtri([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = np.quantile(drawn, ndtr(bias + tails / (1 - acceleration * tails)))
    return float(low), float(high)


def wild_quantile(terms: NDArray[np.float64], generator: np.random.Generator) -> float:
    """The quantile of |t| in a wild bootstrap of the linear terms."""
    shape = (RESAMPLES, len(terms))
    weights = WEBB[generator.integers(3, size=shape)] * generator.choice([-1, 1], size=shape)
    drawn = weights * terms
    sums = drawn.sum(axis=1)
    scale = np.sqrt(((drawn - sums[:, None] / len(terms)) ** 2).sum(axis=1) * len(terms) / (len(terms) - 1))
    return float(np.quantile(np.abs(sums) / np.maximum(scale, 1e-15), CONFIDENCE))


def intervals(counts: Counts, generator: np.random.Generator, seed: int) -> dict[str, Bounds]:
    """Every interval of UA, from matrices by speaker, `(S, C, C)`."""
    speakers = len(counts)
    score = float(ua_of(counts.sum(0)[None])[0])
    drawn = resampled_ua(counts, seed)
    without = ua_of(counts.sum(0) - counts)
    terms = linear_terms(counts)
    factor = speakers / (speakers - 1)
    error, quantile = standard_error(drawn, speakers), t_quantile((1 + CONFIDENCE) / 2, speakers)
    linear = float(np.sqrt(factor * (terms**2).sum()))
    jackknife = float(np.sqrt(((without - score) ** 2).sum() / factor))

    def around(half: float) -> Bounds:
        return max(0.0, score - half), min(1.0, score + half)

    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return {
        "percentile": (float(low), float(high)),
        "BCa": bca(drawn, score, without),
        "t, no factor": around(quantile * error / np.sqrt(factor)),
        "t": around(quantile * error),
        # `ser_metric` gives none without spread; here that counts as one that holds the score alone.
        "logit t": logit_interval(score, error, speakers, CONFIDENCE) or (score, score),
        "linearised t": around(quantile * linear),
        "jackknife t": around(quantile * jackknife),
        "wild": around(wild_quantile(terms, generator) * linear),
    }


def coverage(ua: float, labels: str, speakers: int) -> dict[str, Any]:
    """Percent of intervals that hold the true UA, and their mean width in points, by kind."""
    generator = np.random.default_rng([round(100 * ua), list(CONCENTRATIONS).index(labels), speakers])
    level, recalls = level_of(ua)
    held: dict[str, list[bool]] = {}
    widths: dict[str, list[float]] = {}
    for repetition in range(REPETITIONS):
        counts = counts_of(generator, speakers, 1, level, labels)[0]
        truth = recalls[counts.sum((0, 2)) > 0].mean()  # of the labels that the test set has
        for name, (low, high) in intervals(counts, generator, repetition).items():
            held.setdefault(name, []).append(bool(low <= truth <= high))
            widths.setdefault(name, []).append(high - low)
    return {
        "ua": ua,
        "labels": labels,
        "speakers": speakers,
        "coverage": {name: round(100 * float(np.mean(values)), 1) for name, values in held.items()},
        "width": {name: round(100 * float(np.mean(values)), 1) for name, values in widths.items()},
    }


def false_alarms(ua: float, labels: str, speakers: int) -> dict[str, Any]:
    """Percent of pairs of equal models that a paired test at 5 percent tells apart."""
    generator = np.random.default_rng([round(100 * ua), 10 + list(CONCENTRATIONS).index(labels), speakers])
    level, _ = level_of(ua)
    alarms = {"percentile": 0, "t": 0}
    for repetition in range(PAIRS):
        one, other = counts_of(generator, speakers, 2, level, labels)
        # The same seed draws the same speakers: the differences are paired.
        drawn = resampled_ua(one, repetition) - resampled_ua(other, repetition)
        difference = float(ua_of(one.sum(0)[None])[0] - ua_of(other.sum(0)[None])[0])
        low, high = np.quantile(drawn, [0.025, 0.975])
        alarms["percentile"] += bool(low > 0 or high < 0)
        alarms["t"] += p_value(difference, standard_error(drawn, speakers), speakers) < 0.05
    shares = {name: round(100 * count / PAIRS, 1) for name, count in alarms.items()}
    return {"ua": ua, "labels": labels, "speakers": speakers, "false_alarms": shares}


def picture(rows: list[Mapping[str, Any]]) -> Picture:
    """Coverage by number of speakers, one panel a true UA and a spread of labels."""
    drawn = Picture(8.0, 4.4, "How often a 95 % interval of UA over speakers holds the true UA")
    panels = drawn.subplots(len(SCORES), len(CONCENTRATIONS), sharex=True, sharey=True)
    styles = {
        "logit t": (BLUE, "o-"),
        "t": (BLUE, "s:"),
        "jackknife t": (GREY, "^:"),
        "linearised t": (GREY, "x--"),
        "BCa": (ORANGE, "v--"),
        "percentile": (ORANGE, "o-"),
    }
    for (row, column), axes in np.ndenumerate(panels):
        ua, labels = SCORES[row], list(CONCENTRATIONS)[column]
        shown = [one for one in rows if (one["ua"], one["labels"]) == (ua, labels)]
        for name, (colour, style) in styles.items():
            values = [one["coverage"][name] for one in shown]
            axes.plot(range(len(shown)), values, style, color=colour, label=name, markersize=4)
        axes.axhline(95, color="black", linewidth=0.8)
        axes.set_title(f"UA {100 * ua:.0f}, labels {labels}", fontsize=9)
        axes.set_xticks(range(len(SPEAKERS)), SPEAKERS)
        axes.set_ylim(40, 101)
        axes.grid(alpha=0.3)
    for axes in panels[-1]:
        axes.set_xlabel("speakers")
    for axes in panels[:, 0]:
        axes.set_ylabel("percent that hold it")
    panels[-1, 0].legend(fontsize=7, loc="lower right")
    return drawn


def main() -> None:
    """Simulate, write the figures, draw them."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    started = time.perf_counter()
    cases = [(ua, labels, speakers) for ua in SCORES for labels in CONCENTRATIONS for speakers in SPEAKERS]
    rows = []
    for case in cases:
        rows.append(coverage(*case))
        print(case, rows[-1]["coverage"], flush=True)
    figures = {
        "benchmark": "intervals",
        "confidence": CONFIDENCE,
        "repetitions": REPETITIONS,
        "pairs": PAIRS,
        "resamples": RESAMPLES,
        "coverage": rows,
        "paired": [false_alarms(*case) for case in cases if case[1] != "uneven"],
    }
    write(RESULT, figures, started)
    picture(rows).write(PICTURE)


if __name__ == "__main__":
    main()
