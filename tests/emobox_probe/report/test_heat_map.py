"""Colours of a heat map: one scale for all, from 0 to 100 percent."""

import pytest

from emobox_probe.report.heat_map import heat_map


@pytest.mark.parametrize("scores", [(0.575, 0.600), (0.99, 1.00), (0.30, 0.90)])
def test_a_score_has_one_colour_whatever_else_is_in_the_picture(scores: tuple[float, float]) -> None:
    there, back = scores
    picture = heat_map({("emodb", "urdu"): there, ("urdu", "emodb"): back}, "UA")
    image = picture.axes[0].images[0]
    assert image.get_clim() == (0, 100)
    assert sorted(image.get_array().compressed()) == pytest.approx([100 * there, 100 * back])
