"""The `paper` protocol, held against the paper's Section 3.1 and the published code's rates."""

import pytest

from emobox_probe.protocol import PAPER, HeadConfiguration


def test_sweep_is_the_papers() -> None:
    assert PAPER.sweep == [HeadConfiguration(rate, hidden) for rate in (1e-3, 1e-4) for hidden in (128, 256)]
    assert (PAPER.batch_size, PAPER.epochs, PAPER.validation_share) == (32, 100, 0.2)


def test_rates_are_those_of_the_published_code() -> None:
    rates = dict(enumerate(PAPER.rates(), start=1))
    assert len(rates) == 100
    assert (rates[1], rates[2], rates[12]) == (1.0, 0.0, 1.0)
    assert rates[7] == pytest.approx(0.5)
    assert rates[13] == pytest.approx(89 / 90)
    assert rates[100] == pytest.approx(2 / 90)
