"""Pictures of how far a model can be trusted: confidence against accuracy, and risk over coverage."""

from collections.abc import Sequence

import numpy as np

from emobox_probe.report.pictures import BLUE, GREY, ORANGE, Picture


def calibration_picture(
    bins: Sequence[tuple[int, float, float]], risk: Sequence[float], title: str
) -> Picture:
    """Left: accuracy by confidence, with the share of answers in each bin; right: risk over coverage. In percent.

    Args:
        bins: of equal width over 0..1: answers, mean confidence and accuracy, NaN of none.
        risk: the share of wrong answers among the most confident ones, at steps of equal width up to all.
        title: stands above both.
    """
    picture = Picture(8.4, 3.8, title)
    left, right = picture.subplots(1, 2)
    width = 100 / len(bins)
    answers, confidence, accuracy = np.array(bins, dtype=float).T
    centres = width * (np.arange(len(bins)) + 0.5)
    left.bar(centres, 100 * answers / answers.sum(), width, color=GREY, alpha=0.35, label="share of answers")
    left.plot([0, 100], [0, 100], ":", color=GREY, label="as often right as it says")
    filled = answers > 0
    left.plot(100 * confidence[filled], 100 * accuracy[filled], "o-", color=BLUE, label="accuracy")
    left.set(xlabel="confidence", ylabel="percent", xlim=(0, 100), ylim=(0, 100))
    picture.legend(fontsize=7, loc="outside lower left", ncols=3)
    coverage = 100 * np.arange(1, len(risk) + 1) / len(risk)
    right.plot(coverage, 100 * np.array(risk), "o-", color=ORANGE)
    right.set(
        xlabel="most confident answers kept (percent)", ylabel="of these wrong (percent)", xlim=(0, 102)
    )
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return picture


def curve_picture(
    per_label: Sequence[tuple[int, float, float, float]],
    speakers: Sequence[tuple[int, float, float, float]],
    chance: float,
    title: str,
) -> Picture:
    """UA in percent by how many utterances of each label, and how many speakers, were trained on, with its interval.

    Args:
        per_label, speakers: size, UA, low and high of each point (NaN where there is no interval).
        chance: UA in percent of who guesses.
        title: stands above both.
    """
    picture = Picture(8.4, 3.8, title)
    both = picture.subplots(1, 2, sharey=True)
    names = ("utterances of each label", "speakers")
    for axes, points, name in zip(both, (per_label, speakers), names, strict=True):
        sizes, uas, lows, highs = np.array(points, dtype=float).T
        axes.fill_between(sizes, lows, highs, color=BLUE, alpha=0.2, label="95 % interval, over speakers")
        axes.plot(sizes, uas, "o-", color=BLUE, label="UA, mean over draws")
        axes.axhline(chance, color=GREY, linestyle=":", label="chance")
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
        axes.set(xlabel=f"trained on so many {name}", ylim=(0, 100))
        axes.grid(alpha=0.3)
    both[0].set_ylabel("UA (percent)")
    picture.legend(*both[0].get_legend_handles_labels(), fontsize=7, loc="outside lower center", ncols=3)
    return picture
