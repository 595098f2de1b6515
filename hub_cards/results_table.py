"""Many result records as one table: text, CSV or LaTeX, with the paper's figures beside them."""

import argparse
import sys
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from emobox_probe.errors import ProbeError
from emobox_probe.results import ResultRecord, read_record

TABLE_4 = Path(__file__).parent / "reference" / "table4_intra_corpus.csv"
SCORES = ("ua", "wa", "f1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emobox results`."""
    parser.add_argument("runs", type=Path, nargs="+", help="folders that hold runs, at any depth")
    parser.add_argument(
        "--format", choices=("text", "csv", "latex"), default="text", help="default: %(default)s"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the table; the exit status."""
    try:
        table = tabulate(find_records(arguments.runs))
    except ProbeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.format == "csv":
        print(table.to_csv(index=False), end="")
    elif arguments.format == "latex":
        print(table.to_latex(index=False, float_format="%.2f", na_rep="", escape=True), end="")
    else:
        _print(table)
    return 0


def find_records(folders: list[Path]) -> list[ResultRecord]:
    """Every result record below the folders.

    Raises:
        ProbeError: there is none, or one cannot be read.
    """
    paths = sorted(path.parent for folder in folders for path in folder.rglob("result.json"))
    if not paths:
        raise ProbeError(
            f"Expected result records (result.json) below {', '.join(map(str, folders))}, but found none; run the "
            f"probe first."
        )
    return [read_record(path) for path in paths]


def tabulate(records: list[ResultRecord]) -> pd.DataFrame:
    """One row a record, in percent: mean UA, WA, F1, the interval of UA, and the paper's figures for that model.

    The paper's figures stand beside records of the protocol `paper` only: others are not comparable.
    """
    published = pd.read_csv(TABLE_4).set_index(["model", "corpus"])
    rows = []
    for record in records:
        protocol = record.protocol["name"]
        key = (record.encoder.name, record.corpus.name)
        known = published.loc[key] if protocol == "paper" and key in published.index else None
        low, high = record.interval.ua
        rows.append(
            {
                "model": Path(record.encoder.name).name if record.encoder.name.startswith("/") else key[0],
                "corpus": record.corpus.name,
                "protocol": protocol,
                **{score: round(100 * getattr(record.mean, score), 2) for score in SCORES},
                "ua_low": round(100 * low, 2),
                "ua_high": round(100 * high, 2),
                **{f"{score}_in_paper": None if known is None else float(known[score]) for score in SCORES},
            }
        )
    return pd.DataFrame(rows).sort_values(["corpus", "protocol", "model"], ignore_index=True)


def _print(table: pd.DataFrame) -> None:
    shown = Table("model", "corpus", "protocol", "UA", "WA", "F1", "interval of UA", "UA in the paper")
    for row in table.itertuples():
        paper = "" if pd.isna(row.ua_in_paper) else f"{row.ua_in_paper:.2f}"
        scores = [f"{value:.2f}" for value in (row.ua, row.wa, row.f1)]
        shown.add_row(
            row.model, row.corpus, row.protocol, *scores, f"{row.ua_low:.1f} to {row.ua_high:.1f}", paper
        )
    Console(width=None if sys.stdout.isatty() else 140).print(shown)
