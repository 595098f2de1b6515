"""EmoDB's listening test: about twenty people a recording named its emotion and said whether it sounded natural."""

from emobox_datasets.copy.annotations import Row, read_table
from emobox_datasets.copy.folder import CorpusFolder, stem
from emobox_datasets.copy.raters.tables import OptionalTable, Table
from emobox_datasets.errors import CorpusError

FILE = "erkennung.txt"


def read(folder: CorpusFolder) -> Table:
    """Percent of listeners who named the acted emotion, and who found it natural; also of recordings not published."""
    rows = read_table(folder, FILE, ("Satz", "erkannt", "natuerlich"), delimiter="\t", encoding="latin-1")
    return {
        stem(row["Satz"].strip()): {
            "recognition": _percent(row, "erkannt"),
            "naturalness": _percent(row, "natuerlich"),
        }
        for row in rows
    }


def _percent(row: Row, column: str) -> float:
    """A number with a decimal comma, padded with spaces that do not break."""
    try:
        return float(row[column].strip().replace(",", "."))
    except ValueError:
        raise CorpusError(
            f"Expected a percentage in column {column} of {row.origin}, but got {row[column]!r}; replace the file with "
            f"the original."
        ) from None


TABLE = OptionalTable(
    files=(FILE,),
    read=read,
    columns={"recognition": "float32", "naturalness": "float32"},
    scales={"recognition": (0, 100), "naturalness": (0, 100)},
)
