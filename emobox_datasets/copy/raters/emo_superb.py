"""EMO-SUPERB's label file of CREMA-D: shares of the raters who only heard a clip, smoothed, without their number.

Its authors (Wu et al., 2024, https://arxiv.org/abs/2402.13018) publish `labels_consensus_1.csv` below
`data/CREMA-D/Primary` in https://github.com/EMOsuperb/EMO-SUPERB-submission. A share there is 0.01 + 0.94 times that of
the raters. Of the files with other numbers, 5 is of another fold, and 7 and 12 give a clip one label.
"""

from emobox_datasets.copy.annotations import Row, by_column, read_table
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.errors import CorpusError

FILE = "labels_consensus_1.csv"
LABELS = {
    "angry": "Angry",
    "disgust": "Disgust",
    "fear": "Fear",
    "happy": "Happy",
    "neutral": "Neutral",
    "sad": "Sad",
}
# Six shares with six decimals each.
ROUNDING = 1e-5


def read_shares(folder: CorpusFolder) -> dict[str, dict[str, float]]:
    """Shares by file name, as they are written: smoothed.

    Raises:
        CorpusError: the file is not as published, or the shares of a clip do not sum to 1.
    """
    rows = by_column(read_table(folder, FILE, ("FileName", *LABELS)), "FileName")
    return {name: _shares(row) for name, row in rows.items()}


def _shares(row: Row) -> dict[str, float]:
    shares = {label: row.number(column) for column, label in LABELS.items()}
    if not (min(shares.values()) >= 0 and abs(sum(shares.values()) - 1) <= ROUNDING):
        raise CorpusError(
            f"Expected shares of at least 0 that sum to 1 in {row.origin}, but got "
            f"{', '.join(row[column] for column in LABELS)}; replace the file with the original."
        )
    return shares
