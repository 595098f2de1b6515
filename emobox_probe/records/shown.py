"""What records that stand for a result share: where they lie, and how they show themselves."""

from html import escape
from pathlib import Path
from typing import ClassVar

import pandas as pd

from emobox_probe.features.shards import write_whole
from emobox_probe.records.interval import Interval
from emobox_probe.records.record import Record
from emobox_probe.report.pictures import Picture


class ShownRecord(Record):
    """A record in a folder of its own, as file `FILE`, that shows itself in notebooks."""

    FILE: ClassVar[str]
    # Of the numbers in its table.
    UNIT: ClassVar[str] = "percent"
    DECIMALS: ClassVar[int] = 1

    @property
    def title(self) -> str:
        """What was scored on what, in a line."""
        raise NotImplementedError

    @property
    def intervals(self) -> list[Interval]:
        """Every interval of the record."""
        raise NotImplementedError

    def table(self) -> pd.DataFrame:
        """The scores in percent, or in `UNIT`, a row each."""
        raise NotImplementedError

    def plot(self) -> Picture:
        """The picture of the scores; notebooks show it, `savefig` writes it."""
        return next(iter(self.pictures().values()))

    def pictures(self) -> dict[str, Picture]:
        """Every picture of the scores, by the name of its file."""
        raise NotImplementedError

    def write(self, folder: Path) -> None:
        """Write the record into the folder; no one ever reads half of it."""
        write_whole(folder / self.FILE, (self.model_dump_json(indent=2) + "\n").encode())

    def _repr_html_(self) -> str:
        number = f"{{:.{self.DECIMALS}f}}".format
        shown = self.table().to_html(index=False, float_format=number, na_rep="")
        remarks = dict.fromkeys(interval.remark for interval in self.intervals if interval.remark)
        said = "".join(f"<p>{escape(remark)}</p>" for remark in remarks)
        unit = f" ({self.UNIT})" if self.UNIT else ""
        return f"<p>{escape(self.title)}{unit}</p>{shown}{said}"
