"""Who may babble behind an utterance: speakers that no test fold of it has."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emobox_probe.errors import ProbeError
from emobox_probe.tasks.pool import Pool
from emobox_probe.trust.perturbations.perturbation import random_numbers


class TooFewVoicesError(ProbeError):
    """An utterance has too few other speakers, or who speaks is not known."""


def voices_for(
    predictions: pd.DataFrame, pool: Pool, silent: Sequence[bool], count: int
) -> dict[str, list[int]]:
    """For every tested utterance, rows of as many others as are wanted, each of another speaker.

    Who is tested together with an utterance must not be heard behind it: heads have not met these speakers, nor they
    each other. The choice depends on the utterance's id, and on who may be chosen.

    Args:
        predictions: of the run, with columns id and fold.
        pool: the corpus.
        silent: which of its rows are silent, and so no voice.
        count: how many voices are wanted.

    Raises:
        TooFewVoicesError: there are not so many of an utterance; says of which.
    """
    rows_of = _rows_by_speaker(pool, silent)
    speaker_of = {item.id: speaker for item, speaker in zip(pool.all_items, pool.speakers, strict=True)}
    tested_in = {
        str(fold): {speaker_of[id] for id in part["id"].unique()}
        for fold, part in predictions.groupby("fold")
    }
    chosen = {}
    for id, part in predictions.groupby("id"):
        heard = set().union(*(tested_in[fold] for fold in part["fold"].unique()))
        if None in heard:
            raise TooFewVoicesError(f"who speaks is not known of all that is tested with {id}")
        others = [speaker for speaker in rows_of if speaker not in heard]
        if len(others) < count:
            raise TooFewVoicesError(
                f"{count} speakers are needed that are in no test fold of an utterance, and {id} has {len(others)}"
            )
        chosen[str(id)] = _drawn(str(id), others, rows_of, count)
    return chosen


def _rows_by_speaker(pool: Pool, silent: Sequence[bool]) -> dict[str, list[int]]:
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, (speaker, quiet) in enumerate(zip(pool.speakers, silent, strict=True)):
        if speaker is not None and not quiet:
            rows_of[speaker].append(row)
    return dict(sorted(rows_of.items()))


def _drawn(id: str, others: Sequence[str], rows_of: Mapping[str, Sequence[int]], count: int) -> list[int]:
    random = random_numbers("voices", id)
    speakers = random.choice(np.array(others), count, replace=False)
    return [int(random.choice(rows_of[str(speaker)])) for speaker in speakers]
