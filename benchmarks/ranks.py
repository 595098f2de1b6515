"""How often ten equal models do not share one rank, and how many of ten different models are told apart, by correction.

On made-up test sets (`simulation.py`). A table of ten models has 45 pairs; all are tested for a difference in UA:

- `percentile`: the 95 percent interval of the difference by quantiles of the bootstrap, without correction.
- `t`: a t test with S - 1 degrees, without correction. The others are t tests too, corrected for the 45 tests:
- `Bonferroni`; `Holm`, which is what the leaderboard takes; `Tukey`: the studentised range.
- `Holm, not paired`: with sqrt(a² + b²) as standard error, as where predictions were not kept.

Run: `python benchmarks/ranks.py`; writes results/ranks.cpu.json and docs/pictures/ranks.png.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from intervals import resampled_ua, ua_of
from numpy.typing import NDArray
from scipy.stats import studentized_range
from simulation import CONCENTRATIONS, LABELS, Counts, counts_of, level_of, write

from emobox_metric.ser_metric.intervals import standard_error, t_quantile
from emobox_probe.report.pictures import BLUE, GREY, ORANGE, Picture
from hub_cards.leaderboard.ranks import ALPHA, Predictions, paired_errors, told_apart

HERE = Path(__file__).parent
RESULT, PICTURE = HERE / "results" / "ranks.cpu.json", HERE.parent / "docs" / "pictures" / "ranks.png"
MODELS = 10
PAIRS = MODELS * (MODELS - 1) // 2
SCORES, LABELS_OVER_SPEAKERS, SPEAKERS = (0.5, 0.9), ("even", "one a speaker"), (4, 6, 10, 24)
REPETITIONS = {"equal": 200, "different": 50}
# Logits from the poorest to the best of ten different models: about 25 points of UA in the middle of the scale.
RANGE = 1.5


def run_of(counts: Counts) -> Predictions:
    """The predictions that have these matrices by speaker, `(S, C, C)`."""
    cells = np.repeat(np.arange(counts.size), counts.astype(np.int64).ravel())
    speaker, cell = np.divmod(cells, LABELS**2)
    truth, said = np.divmod(cell, LABELS)
    return Predictions("the same", truth, said, speaker.astype(object))


def verdicts(counts: Counts, seed: int) -> dict[str, NDArray[np.bool_]]:
    """Which pairs are told apart, `(K, K)`, by each method, from matrices `(K, S, C, C)`."""
    speakers = counts.shape[1]
    scores = ua_of(counts.sum(1))
    differences = np.subtract.outer(scores, scores)
    errors = paired_errors([run_of(one) for one in counts], LABELS, "skip")["ua"]
    degrees = np.full(errors.shape, speakers - 1.0)
    sizes = np.where(errors > 0, np.abs(differences) / np.where(errors > 0, errors, 1), 0)
    drawn = np.stack([resampled_ua(one, seed) for one in counts])
    own = np.array([standard_error(values, speakers) for values in drawn])
    low, high = np.quantile(drawn[:, None] - drawn, [ALPHA / 2, 1 - ALPHA / 2], axis=2)
    tukey = float(studentized_range.ppf(1 - ALPHA, MODELS, speakers - 1)) / np.sqrt(2)
    return {
        "percentile": (low > 0) | (high < 0),
        "t": sizes > t_quantile(1 - ALPHA / 2, speakers),
        "Tukey": sizes > tukey,
        "Bonferroni": sizes > t_quantile(1 - ALPHA / 2 / PAIRS, speakers),
        "Holm": told_apart(differences, errors, degrees),
        "Holm, not paired": told_apart(differences, np.sqrt(np.add.outer(own**2, own**2)), degrees),
    }


def simulated(ua: float, labels: str, speakers: int, kind: str) -> dict[str, float]:
    """Percent, by method: of tables of equal models that are split, or of pairs of different models told apart."""
    generator = np.random.default_rng([round(100 * ua), list(CONCENTRATIONS).index(labels), speakers])
    level, _ = level_of(ua)
    better = np.linspace(-RANGE / 2, RANGE / 2, MODELS) if kind == "different" else 0.0
    shares: dict[str, list[float]] = {}
    for repetition in range(REPETITIONS[kind]):
        counts = counts_of(generator, speakers, MODELS, level, labels, better)
        for name, apart in verdicts(counts, repetition).items():
            share = float(apart.any()) if kind == "equal" else float(apart.sum() / 2 / PAIRS)
            shares.setdefault(name, []).append(share)
    return {name: round(100 * float(np.mean(values)), 1) for name, values in shares.items()}


def picture(rows: list[Mapping[str, Any]]) -> Picture:
    """Both figures by number of speakers, at a true UA of 50 with labels spread evenly."""
    drawn = Picture(9.0, 3.6, "Ten models: equal ones that do not share a rank, different ones told apart")
    panels = drawn.subplots(1, 2, sharex=True)
    shown = [row for row in rows if (row["ua"], row["labels"]) == (SCORES[0], LABELS_OVER_SPEAKERS[0])]
    styles = {
        "percentile": (ORANGE, "o-"),
        "t": (ORANGE, "s--"),
        "Tukey": (GREY, "^:"),
        "Bonferroni": (GREY, "x--"),
        "Holm": (BLUE, "o-"),
        "Holm, not paired": (BLUE, "v:"),
    }
    for axes, kind in zip(panels, ("split", "told apart"), strict=True):
        for name, (colour, style) in styles.items():
            values = [row[kind][name] for row in shown]
            axes.plot(range(len(shown)), values, style, color=colour, label=name, markersize=4)
        axes.set_xticks(range(len(SPEAKERS)), SPEAKERS)
        axes.set_xlabel("speakers")
        axes.set_ylim(-2, 102)
        axes.grid(alpha=0.3)
    panels[0].axhline(100 * ALPHA, color="black", linewidth=0.8)
    panels[0].set_ylabel("percent of tables of equal models split")
    panels[1].set_ylabel("percent of different pairs told apart")
    panels[0].legend(fontsize=7)
    return drawn


def main() -> None:
    """Simulate, write the figures, draw them."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    started = time.perf_counter()
    rows = []
    for case in [(ua, labels, s) for ua in SCORES for labels in LABELS_OVER_SPEAKERS for s in SPEAKERS]:
        split, apart = simulated(*case, "equal"), simulated(*case, "different")
        case_names = dict(zip(("ua", "labels", "speakers"), case, strict=True))
        rows.append({**case_names, "split": split, "told apart": apart})
        print(rows[-1], flush=True)
    figures = {
        "benchmark": "ranks",
        "models": MODELS,
        "alpha": ALPHA,
        "repetitions": REPETITIONS,
        "range": RANGE,
    }
    write(RESULT, {**figures, "tables": rows}, started)
    picture(rows).write(PICTURE)


if __name__ == "__main__":
    main()
