"""Tables of docs/humans.md, of which README.md shows one: what people score, and what heads learn of them."""

from collections.abc import Callable
from typing import Any

from documents.cells import markdown, percent, result


def people() -> str:
    """What raters of CREMA-D score."""
    rows = []
    for had, figures in result("humans")["crema_d"]["raters"].items():
        single, majority = figures["single_rater"], figures["majority"]
        rows.append(
            [
                had,
                *_of_people(single),
                *_of_people(majority),
                percent(majority["tied"]),
                " to ".join(map(percent, majority["wa_bounds"])),
                f"{figures['alpha']:.2f}",
            ]
        )
    lines = [
        f"{line}{score}" for line in ("a rater's ", "the majority's ") for score in ("UA", "interval", "WA")
    ]
    return markdown(["raters had", *lines, "tied", "WA by ties", "alpha"], rows, 1)


def _of_people(scores: dict[str, Any]) -> list[str]:
    low, high = scores["intervals"]["ua"]
    return [percent(scores["ua"]), f"{percent(low)} to {percent(high)}", percent(scores["wa"])]


def recognition() -> str:
    """How often kept runs are right on EmoDB, by how many listeners were."""
    rows = [
        [
            run["encoder"],
            run["protocol"],
            *(percent(quartile["wa"]) for quartile in run["recognition"]["quartiles"]),
            *(f"{run[name]['rho']:.2f}" for name in ("recognition", "naturalness")),
        ]
        for run in result("humans")["emodb"]["runs"]
    ]
    quartiles = ["lowest", "second", "third", "highest"]
    return markdown(["encoder", "protocol", *quartiles, "rho, recognition", "rho, naturalness"], rows, 2)


def naturalness() -> str:
    """How near heads come to what EmoDB's listeners said of naturalness."""
    rows = []
    for run in result("humans")["emodb"]["learned"]:
        low, high = run["interval"]
        rows.append(
            [
                run["encoder"],
                f"`{run['protocol']}`",
                run["dimension"],
                f"{run['ccc']:.3f}",
                f"{low:.3f} to {high:.3f}",
                *(
                    f"{run[name]:.3f}" if run[name] is not None else "–"
                    for name in ("seed_spread", "constant")
                ),
                f"{run['beyond_scale']:,} of {run['predictions']:,}",
                str(run["tested"]),
            ]
        )
    header = [
        "encoder",
        "protocol",
        "scale",
        "CCC",
        "95 % interval",
        "± over seeds",
        "always the mean of training",
        "predictions beyond the scale",
    ]
    return markdown([*header, "utterances"], rows, 3)


TABLES: dict[str, Callable[[], str]] = {
    "people": people,
    "recognition": recognition,
    "naturalness": naturalness,
}
