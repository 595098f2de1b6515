"""Which group each utterance is in, by what a corpus tells of it: alone, or several properties at once."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from emobox_probe.errors import ProbeError

GROUPINGS = ("speaker", "gender", "language", "age", "race", "sentence", "intensity", "duration")
# Of the utterances that a property is not known of.
NOT_KNOWN = "not known"
# Seconds at which durations are parted, and years in a group of ages.
DURATIONS = (1.0, 2.0, 4.0, 8.0)
YEARS = 10


def group_names(predictions: pd.DataFrame, by: Sequence[str], told: bool = False) -> pd.Series:
    """The name of the group of every prediction: of several properties, all of their values.

    Args:
        predictions: of a run, or a part of them.
        by: the properties.
        told: whether the run is known to tell them, if not in this part.

    Raises:
        ProbeError: the predictions do not tell a property, or not of any utterance.
    """
    if not told:
        _check_told(predictions, by)
    named = [_of_property(predictions[name], name) for name in by]
    together = named[0]
    for part in named[1:]:
        together = together + ", " + part
    unknown = pd.concat([part == NOT_KNOWN for part in named], axis=1).any(axis=1)
    return together.mask(unknown, NOT_KNOWN)


def ordered_names(predictions: pd.DataFrame, groups: pd.Series, by: Sequence[str]) -> list[str]:
    """The names of groups by value, where a property is numbers, else as in the alphabet; those not known last.

    Args:
        predictions: as `group_names` takes them.
        groups: the name of the group of every prediction.
        by: the properties that make the groups.
    """

    def order(named: tuple[Any, pd.DataFrame]) -> tuple[bool, tuple[float, ...], str]:
        name, part = named
        least = tuple(_least(predictions[property], part[property]) for property in by)
        return name == NOT_KNOWN, least, str(name)

    return [str(name) for name, _ in sorted(predictions.groupby(groups.to_numpy()), key=order)]


def _least(all_values: pd.Series, values: pd.Series) -> float:
    """0, where any value of all is no number: names have no order but the alphabet's."""
    numbers = pd.to_numeric(all_values, errors="coerce")
    if not numbers.isna().equals(all_values.isna()):
        return 0.0
    least = pd.to_numeric(values, errors="coerce").min()
    return float("nan") if pd.isna(least) else float(least)  # columns of text have pandas' own NA


def check_properties(by: Sequence[str] | None, gaps: bool = False) -> None:
    """Raise ProbeError for names that are no properties, for none where some are asked for, and for gaps between no
    groups; None asks for no groups."""
    if by is not None and not by:
        raise ProbeError(
            f"Expected --by with properties of {', '.join(GROUPINGS)}, but got none; name one, or leave it out."
        )
    if strangers := [name for name in by or () if name not in GROUPINGS]:
        raise ProbeError(
            f"Expected --by with properties of {', '.join(GROUPINGS)}, but got {strangers[0]!r}; choose of these."
        )
    if gaps and not by:
        raise ProbeError(
            "Expected --by with --gaps, but got none; say between which groups, as in --by gender."
        )


def _check_told(predictions: pd.DataFrame, by: Sequence[str]) -> None:
    for name in by:
        values = predictions.get(name)
        if values is None and name in ("gender", "language", "duration"):
            raise ProbeError(
                f"Expected predictions with {name}, but this run did not keep it (it is of an older version); "
                f"run the probe again, which takes the stored features."
            )
        if values is None or values.isna().all():
            corpora = ", ".join(sorted(set(predictions["target"])))
            older = "" if values is not None else ", or the run is of an older version and kept it not"
            raise ProbeError(
                f"Expected a corpus that tells {name}, but {corpora} does not{older}; choose another of "
                f"{', '.join(GROUPINGS)}."
            )


def _of_property(values: pd.Series, name: str) -> pd.Series:
    binned = BINNED.get(name, _as_text)(values)
    return binned.mask(values.isna(), NOT_KNOWN)


def _as_text(values: pd.Series) -> pd.Series:
    """Whole numbers without the decimals that pandas gives them beside what is missing."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype("string").astype(object)


def _in_seconds(durations: pd.Series) -> pd.Series:
    names = [f"under {DURATIONS[0]:g} s"]
    names += [f"{low:g} to {high:g} s" for low, high in pairwise(DURATIONS)]
    names.append(f"{DURATIONS[-1]:g} s or more")
    places = np.searchsorted(DURATIONS, durations.fillna(0), side="right")
    return pd.Series(np.array(names, dtype=object)[places], index=durations.index)


def _in_years(ages: pd.Series) -> pd.Series:
    """Decades of numbers; what a corpus calls its groups of ages, as it does."""
    numbers = pd.to_numeric(ages, errors="coerce")
    if numbers.isna().any() and not ages.isna().equals(numbers.isna()):
        return _as_text(ages)
    decades = (numbers.fillna(0) // YEARS * YEARS).astype(int)
    return decades.map(lambda years: f"{years} to {years + YEARS - 1}")


BINNED: dict[str, Callable[[pd.Series], pd.Series]] = {"duration": _in_seconds, "age": _in_years}
