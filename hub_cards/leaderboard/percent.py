"""Shares as a page keeps them."""

# Of a percent. Pages round what they show to two decimals or to one.
DECIMALS = 4


def percent(share: float) -> float:
    """A share as percent, in as many decimals as a page keeps; rounding it to fewer is as rounding the share itself.

    >>> percent(0.12345678), percent(0.7244999)
    (12.3457, 72.4499)
    """
    exact = 100 * share
    kept = round(exact, DECIMALS)
    if all(f"{kept:.{shown}f}" == f"{exact:.{shown}f}" for shown in range(DECIMALS)):
        return kept
    # Rounded to a border at which fewer decimals change: the neighbour on the exact value's side of it.
    step = 10.0**-DECIMALS if exact > kept else -(10.0**-DECIMALS)
    return round(kept + step, DECIMALS)
