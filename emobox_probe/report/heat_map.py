"""The picture of a cross-corpus run: scores by source and target."""

from collections.abc import Mapping, Sequence

import numpy as np

from emobox_probe.report.pictures import GREY, Picture, shortened

# From the darkest to the lightest colour are so many points at least: what is noise must not look like day and night.
LEAST_SPAN = 0.2


def heat_map(
    scores: Mapping[tuple[str, str], float], title: str, starred: Sequence[tuple[str, str]] = ()
) -> Picture:
    """Scores in 0..1 by (source, target) as a heat map; `starred` pairs share audio or names of speakers."""
    sources, targets = ([*sorted({pair[end] for pair in scores})] for end in (0, 1))
    table = np.array([[scores.get((source, target), np.nan) for target in targets] for source in sources])
    size = (2.6 + 0.62 * len(targets), 1.9 + 0.44 * len(sources))
    picture = Picture(max(size[0], 4.6), size[1], title)
    axes = picture.subplots()
    middle = (np.nanmin(table) + np.nanmax(table)) / 2
    span = max(np.nanmax(table) - np.nanmin(table), LEAST_SPAN)
    low = min(max(middle - span / 2, 0), 1 - span)
    image = axes.imshow(100 * table, cmap="cividis", vmin=100 * low, vmax=100 * (low + span), aspect="auto")
    for (row, column), share in np.ndenumerate(table):
        if np.isnan(share):
            axes.text(column, row, "–", ha="center", va="center", color=GREY)
            continue
        star = "*" if (sources[row], targets[column]) in starred else ""
        ink = "black" if share > low + span / 2 else "white"
        axes.text(column, row, f"{100 * share:.1f}{star}", ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(range(len(targets)), [shortened(name, 18) for name in targets], rotation=45, ha="right")
    axes.set_yticks(range(len(sources)), [shortened(name, 22) for name in sources])
    axes.set_xlabel("tested on" + ("   (* audio or speakers' names in both)" if starred else ""))
    axes.set_ylabel("trained on")
    picture.colorbar(image, ax=axes, label="percent", aspect=30, pad=0.02)
    return picture
