"""The `paper` protocol, held against the paper's Section 3.1 and the published code's rates; what protocols go by."""

from dataclasses import asdict

import pytest

from emobox_probe.protocol import (
    PAPER,
    PROTOCOLS,
    SPEAKER_DEPENDENT,
    STRICT,
    difference_from_today,
    is_todays,
    protocol_id,
    settings_of,
)
from emobox_probe.protocol import HeadConfiguration as Point

# As records of version 1 have it.
STRICT_1 = {
    "name": "strict",
    "summary": "as it was",
    "folds": "strict",
    "layers": "every",
    "validation": "speakers",
    "seeds": [0, 1, 2, 3, 4],
    "absent": "skip",
    "peek": False,
    "learning_rates": [1e-3, 1e-4],
    "hidden_sizes": [128, 256],
    "batch_size": 32,
    "epochs": 100,
    "warm_up_epochs": 10,
    "validation_share": 0.2,
}


def test_sweep_is_the_papers() -> None:
    assert PAPER.sweep == [Point(rate, hidden) for rate in (1e-3, 1e-4) for hidden in (128, 256)]
    assert (PAPER.batch_size, PAPER.epochs, PAPER.validation_share) == (32, 100, 0.2)


def test_rates_are_those_of_the_published_code() -> None:
    rates = dict(enumerate(PAPER.rates(), start=1))
    assert len(rates) == 100
    assert (rates[1], rates[2], rates[12]) == (1.0, 0.0, 1.0)
    assert rates[7] == pytest.approx(0.5)
    assert rates[13] == pytest.approx(89 / 90)
    assert rates[100] == pytest.approx(2 / 90)


def test_version_1_of_strict_is_never_taken_for_todays() -> None:
    assert protocol_id(STRICT_1) == "strict-v1"
    assert not is_todays(STRICT_1)
    assert settings_of(STRICT_1) != settings_of(STRICT)
    assert difference_from_today(STRICT_1) == "version is 1, not 2"
    assert protocol_id(STRICT_1 | {"epochs": 3}).startswith("strict-")
    assert protocol_id(STRICT_1 | {"epochs": 3}) != "strict-v1"


def test_what_records_of_paper_say_is_what_it_was() -> None:
    """It has no second version, so records without one are today's."""
    said = {name: value for name, value in asdict(PAPER).items() if name != "version"}
    assert is_todays(said)
    assert (protocol_id(said), difference_from_today(said)) == ("paper", "")


@pytest.mark.parametrize(
    ("name", "seeds", "expected"),
    [
        ("paper", None, "paper"),
        ("paper", 1, "paper"),
        ("paper", 7, "paper-7-seeds"),
        ("strict", 1, "strict-1-seed"),
        ("strict", 5, "strict"),
        ("speaker-dependent", 2, "speaker-dependent-2-seeds"),
    ],
)
def test_other_seeds_are_told_from_the_protocol_by_its_name(
    name: str, seeds: int | None, expected: str
) -> None:
    protocol = PROTOCOLS[name].with_seeds(seeds)
    assert protocol.id == expected
    assert protocol_id(asdict(protocol) | {"epochs": 3}) not in PROTOCOLS


def test_speaker_dependent_is_not_strict() -> None:
    assert settings_of(SPEAKER_DEPENDENT) != settings_of(STRICT)
    assert protocol_id(asdict(SPEAKER_DEPENDENT)) == "speaker-dependent"
