"""How often 95 percent intervals of the gap between two groups hold the true gap, and how often a test finds one.

On made-up test sets (`simulation.py`), with labels spread unevenly over speakers. Groups are of other speakers (so many
in the first and the second), or both of the same ones (`within`), or the first of some of them. The true gap in UA is
none, or a known one. At level 0.05, a test of no gap should find one in 5 percent of sets; `found` for a true gap is
the power. `minimal` is the mean of the smallest gap that a set says it could find with probability 0.8.

Run: `python benchmarks/gaps.py [--repetitions 200]`; writes results/gaps.cpu.json.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from simulation import Counts, counts_of, level_of, write

from emobox_metric.ser_metric.gaps import compare_groups

RESULT = Path(__file__).parent / "results" / "gaps.cpu.json"
UA, GAPS, LABELS = 0.7, (0.0, 0.15), "uneven"
BETWEEN, WITHIN = ((5, 5), (12, 12), (6, 20), (40, 40)), ((6, 6), (12, 12), (5, 20))


def between(generator: np.random.Generator, first: int, second: int, gap: float) -> tuple[Counts, Counts]:
    """Confusion counts of all speakers in either group, where nobody is in both."""
    parts = [
        counts_of(generator, speakers, 1, level_of(ua)[0], LABELS)[0]
        for speakers, ua in ((first, UA + gap), (second, UA))
    ]
    return tuple(
        np.concatenate([part if place == here else 0 * part for here, part in enumerate(parts)])
        for place in range(2)
    )


def within(generator: np.random.Generator, some: int, speakers: int, gap: float) -> tuple[Counts, Counts]:
    """Confusion counts of speakers who are all in the second group, and some of them in the first."""
    level = level_of(UA)[0]
    better = np.array([level_of(UA + gap)[0] - level, 0.0])
    first, second = counts_of(generator, speakers, 2, level, LABELS, better)
    first[some:] = 0
    return first, second


def measured(name: str, gap: float, repetitions: int, draw: Any) -> dict[str, Any]:
    """Coverage of the interval, and how often interval and p value find a gap, over made-up sets."""
    held, excluded, found, detectable = [], [], [], []
    for repetition in range(repetitions):
        ua, *_ = compare_groups(*draw(np.random.default_rng(repetition), gap), seed=repetition)
        assert ua.interval is not None
        low, high = ua.interval
        held.append(low <= gap <= high)
        excluded.append(not low <= 0 <= high)
        found.append(ua.p_value is not None and ua.p_value <= 0.05)
        detectable.append(ua.detectable)
    return {
        "speakers": name,
        "true_gap": gap,
        "coverage": float(np.mean(held)),
        "interval_excludes_none": float(np.mean(excluded)),
        "found": float(np.mean(found)),
        "minimal": float(np.mean(detectable)),
    }


def main() -> None:
    """Measure all cases and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=200)
    repetitions = parser.parse_args().repetitions
    started = time.perf_counter()
    cases = []
    for gap in GAPS:
        for first, second in BETWEEN:
            draw = lambda rng, gap, first=first, second=second: between(rng, first, second, gap)  # noqa: E731
            cases.append(measured(f"{first} and {second}", gap, repetitions, draw))
        for some, speakers in WITHIN:
            draw = lambda rng, gap, some=some, speakers=speakers: within(rng, some, speakers, gap)  # noqa: E731
            name = f"{speakers}, within" if some == speakers else f"{some} of {speakers}, within"
            cases.append(measured(name, gap, repetitions, draw))
        print(*cases[-len(BETWEEN) - len(WITHIN) :], sep="\n")
    write(RESULT, {"repetitions": repetitions, "ua": UA, "cases": cases}, started)


if __name__ == "__main__":
    main()
