"""Colours of a heat map: close scores look close, and the scale stays between 0 and 100 percent."""

import pytest

from emobox_probe.report.heat_map import heat_map


@pytest.mark.parametrize(
    ("scores", "colours"),
    [
        ((0.575, 0.600), (48.75, 68.75)),
        ((0.99, 1.00), (80, 100)),
        ((0.00, 0.01), (0, 20)),
        ((0.30, 0.90), (30, 90)),
    ],
)
def test_close_scores_have_close_colours(scores: tuple[float, float], colours: tuple[float, float]) -> None:
    there, back = scores
    picture = heat_map({("emodb", "urdu"): there, ("urdu", "emodb"): back}, "UA")
    assert picture.axes[0].images[0].get_clim() == pytest.approx(colours)
