"""Scores by two things, as a picture: by source and target of a cross-corpus run, by perturbation and model."""

from collections.abc import Mapping, Sequence

import numpy as np

from emobox_probe.report.pictures import GREY, Picture, shortened

# Inches: many rows are lower, so that one sees them together.
FEW_ROWS, ROW, LOW_ROW = 12, 0.44, 0.24


def heat_map(
    scores: Mapping[tuple[str, str], float],
    title: str,
    starred: Sequence[tuple[str, str]] = (),
    names: tuple[str, str] = ("trained on", "tested on"),
    as_given: bool = False,
) -> Picture:
    """Scores by row and column as a heat map; all have one scale, so that two can be held against each other.

    Args:
        scores: in 0..1, by (row, column), such as (source, target); NaN or left out where there is none.
        title: of the picture.
        starred: pairs that share audio or names of speakers.
        names: what rows and columns are.
        as_given: rows and columns stand in the order of `scores`, and not of the alphabet.
    """
    sources, targets = (_ends(scores, end, as_given) for end in (0, 1))
    table = np.array([[scores.get((source, target), np.nan) for target in targets] for source in sources])
    row = ROW if len(sources) <= FEW_ROWS else LOW_ROW
    size = (2.6 + 0.62 * len(targets), 1.9 + row * len(sources))
    picture = Picture(max(size[0], 4.6), size[1], title)
    axes = picture.subplots()
    image = axes.imshow(100 * table, cmap="cividis", vmin=0, vmax=100, aspect="auto")
    for (row, column), share in np.ndenumerate(table):
        if np.isnan(share):
            axes.text(column, row, "–", ha="center", va="center", color=GREY)
            continue
        star = "*" if (sources[row], targets[column]) in starred else ""
        ink = "black" if share > 0.5 else "white"
        axes.text(column, row, f"{100 * share:.1f}{star}", ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(
        range(len(targets)),
        [shortened(name, 26 if as_given else 18) for name in targets],
        rotation=45,
        ha="right",
    )
    axes.set_yticks(range(len(sources)), [shortened(name, 22) for name in sources])
    axes.set_xlabel(names[1] + ("   (* audio or speakers' names in both)" if starred else ""))
    axes.set_ylabel(names[0])
    picture.colorbar(image, ax=axes, label="percent", aspect=30, pad=0.02)
    return picture


def _ends(scores: Mapping[tuple[str, str], float], end: int, as_given: bool) -> list[str]:
    ends = dict.fromkeys(pair[end] for pair in scores)
    return list(ends) if as_given else sorted(ends)
