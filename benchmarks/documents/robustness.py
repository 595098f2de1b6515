"""Tables of docs/robustness.md and docs/stress.md: runs that are disturbed, and heads on audio that is."""

from collections.abc import Callable
from functools import partial

from documents.cells import RESULTS, markdown, result

from emobox_probe.records.stress_record import read_stress
from emobox_probe.report.report import stress_rows


def kills() -> str:
    """Runs that were killed, or had no room, and what the next one made."""
    rows = []
    for what in ("killed at chosen operations", "killed at random times", "no file may grow", "disk is full"):
        figures = result("robustness.cpu")["figures"][what]
        ended = [f"{count} with {ENDINGS[status]}" for status, count in figures["statuses"].items()]
        rows.append([what, ", ".join(ended), str(figures["trials"]), str(figures["as_undisturbed"])])
    return markdown(["", "the first run ended", "runs", "then equal to an undisturbed run"], rows, 2)


ENDINGS = {"-9": "SIGKILL", "1": "one paragraph and status 1", "0": "status 0, for the file only informs"}


def bits() -> str:
    """What came of flipped bits."""
    outcomes = ("made again", "one paragraph", "no effect")
    rows = []
    for kind, figures in result("robustness.cpu")["figures"]["bits are flipped"]["kinds"].items():
        counts = [figures["outcomes"].get(outcome, 0) for outcome in outcomes]
        rows.append([kind, *map(str, [figures["flips"], *counts, figures["flips"] - sum(counts)])])
    return markdown(["bits of", "flipped", *outcomes, "unnoticed or unsaid"], rows, 1)


def stress_tests(corpus: str) -> str:
    """The kept stress tests on a corpus: UA, its change with the interval, and unchanged predictions, by encoder."""
    files = sorted(RESULTS.glob(f"stress/*/{corpus}/*.json"))
    records = {file.parents[1].name: read_stress(file.parent) for file in files}
    cells: dict[str, dict[str, list[str]]] = {}
    for encoder, record in records.items():
        bounded = {one.name for one in record.perturbations if one.ua_change.interval is not None}
        for name, ua, change, bounds, unchanged in stress_rows(record):
            text = f"{change} ({bounds})" if name in bounded else "; ".join(filter(None, (change, bounds)))
            cells.setdefault(name, {})[encoder] = [ua, text, unchanged]
    rows = [
        [name, *(text for encoder in records for text in of.get(encoder, [""] * 3))]
        for name, of in cells.items()
    ]
    columns = ("UA", "change", "unchanged")
    encoders = ["BYOL-S" if encoder.startswith("python--byol_s") else encoder for encoder in records]
    return markdown(["", *(f"{encoder}: {column}" for encoder in encoders for column in columns)], rows, 1)


def stress_costs() -> str:
    """What the suite takes, beside one extraction of the same utterances."""
    rows = []
    for model, figures in result("stress.cpu")["figures"].items():
        same = figures["other_threads"]
        rows.append(
            [
                model,
                str(figures["utterances"]),
                str(figures["perturbations"]),
                f"{figures['extraction_seconds']:.1f}",
                f"{figures['suite_seconds']:.0f}",
                f"{figures['suite_over_extraction']:.0f}",
                f"{figures['a_perturbation_over_extraction']:.2f}",
                "to the last bit" if same["bit_identical"] else f"{same['largest_difference_of_logits']:.1g}",
            ]
        )
    header = ["encoder", "utterances", "perturbations", "one extraction, s", "the suite, s", "times one"]
    return markdown([*header, "a perturbation, times one", "logits with other threads are the same"], rows, 1)


TABLES: dict[str, Callable[[], str]] = {
    "kills": kills,
    "bits": bits,
    "stress_emodb": partial(stress_tests, "emodb"),
    "stress_urdu": partial(stress_tests, "urdu"),
    "stress_costs": stress_costs,
}
