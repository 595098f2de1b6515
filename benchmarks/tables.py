"""Write tables of documents from benchmarks/results/: what stands between `<!-- table: NAME -->` and `<!-- end -->`.

python benchmarks/tables.py [--check]
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from emobox_probe.records.stress_record import read_stress
from emobox_probe.report.report import stress_rows
from hub_cards.paper import read_table_4

HERE = Path(__file__).parent
DOCUMENTS = [
    HERE.parent / name
    for name in (
        "README.md",
        "docs/humans.md",
        "docs/looking-closer.md",
        "docs/metric.md",
        "docs/mteb.md",
        "docs/publishing.md",
        "docs/robustness.md",
        "docs/stress.md",
        "docs/use.md",
        "emobox_metric/ser_metric/README.md",
    )
]
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.S)


def result(name: str) -> dict[str, Any]:
    """The figures that the benchmark of that name and device wrote last."""
    content: dict[str, Any] = json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return content


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    """A table whose first `texts` columns are text and whose others are numbers."""
    rule = [":--"] * texts + ["--:"] * (len(header) - texts)
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, rule, *rows))


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def bounds(interval: dict[str, Any]) -> str:
    if interval["ua"] is None:
        return f"none ({interval['clusters']} {interval['resampled']})"
    low, high = interval["ua"]
    return f"{100 * low:.1f} to {100 * high:.1f}"


def scores() -> str:
    """Both protocols on the real corpora and encoders."""
    rows = []
    for row in result("scores.cuda")["figures"]:
        if row["protocol"] == "paper":
            continue  # seed 0 of the five is the same
        mean = percent(row["mean"]["ua"]) + (f" ± {percent(row['spread']['ua'])}" if row["spread"] else "")
        rows.append(
            [
                f"{row['corpus']} ({row['folds']} fold{'s' if row['folds'] > 1 else ''})",
                row["encoder"],
                f"`{row['protocol']}`",
                *(percent(row["pooled"][score]) for score in ("ua", "wa", "f1")),
                bounds(row["interval"]),
                percent(row["seed_spread"]["ua"]),
                mean,
                percent(row["seed_0"]["ua"]) if row["seed_0"] else "–",
                percent(row["test_selected"]["ua"]) if row["test_selected"] else "–",
                percent(row["speaker_only"]["ua"]),
            ]
        )
    header = ["corpus", "encoder", "protocol", "UA", "WA", "F1", "95 % interval of UA", "± over seeds"]
    header += ["mean over folds", "seed 0, as published", "if chosen on test", "speaker alone"]
    return markdown(header, rows, 3)


def published() -> str:
    """UA of the ten models of the paper on the same corpora, as its Table 4 has them."""
    table = {(row["name"], row["corpus"]): row["ua"] for row in read_table_4().to_dict("records")}
    corpora = [row["corpus"] for row in result("scores.cuda")["figures"]]
    names = dict.fromkeys(corpora)
    models = dict.fromkeys(name for name, _ in table)
    rows = [[model, *(f"{table[model, corpus]:.1f}" for corpus in names)] for model in models]
    return markdown(["Table 4 of the paper, UA", *names], rows, 1)


def cross() -> str:
    """Between the two corpora."""
    rows = [
        [
            row["source"],
            row["target"],
            row["encoder"],
            f"`{row['protocol']}`",
            *(percent(row["scores"][score]) for score in ("ua", "wa", "f1")),
            bounds(row["interval"]),
            percent(row["test_selected"]["ua"]) if row["test_selected"] else "–",
        ]
        for row in result("cross.cuda")["figures"]
    ]
    header = ["train", "test", "encoder", "protocol", "UA", "WA", "F1", "95 % interval of UA"]
    return markdown([*header, "UA if chosen on test"], rows, 4)


def speed() -> str:
    """Extraction on a GPU: hours of audio an hour, beside the bare model and one utterance at a time."""
    rows = []
    for name, figures in result("extract.cuda")["models"].items():
        times, ratios = figures["times_real_time"], figures["ratios"]
        values = [
            f"{times[which]:,.0f}" if which in times else "–"
            for which in ("project", "compiled", "ceiling", "single")
        ]
        rows.append([name, figures["dtype"], *values, f"{ratios['a/b']:.2f}", f"{ratios['a/c']:.1f}"])
    header = ["model (random weights)", "data type", "this project", "with `--compile`", "bare model"]
    header += ["one at a time, float32"]
    return markdown([*header, "of the bare model", "times one at a time"], rows, 2)


def heads() -> str:
    """A sweep trained as one, beside one run after another and beside the .npy DataLoader of the EmoBox example."""
    gpu, cpu = result("probe.cuda"), result("probe.cpu")
    cores = f"{cpu['machine']['cores']} CPU cores"
    measured = [
        (f"{gpu['machine']['accelerator']}, {kind}", figures) for kind, figures in gpu["figures"].items()
    ]
    rows = [
        [
            device,
            str(figures["runs"]),
            f"{figures['frames']:,} x {figures['dimension']:,}",
            f"{figures['a_run_steps_per_second']:,.0f}",
            f"{figures['a_over_b']:.1f}",
            f"{figures['a_over_c']:.1f}",
            f"{100 * figures['a_share_of_matrix_product_rate']:.0f} %",
        ]
        for device, figures in [*measured, (f"{cores}, float32", cpu["figures"])]
    ]
    header = ["device, features as", "runs", "frames", "run-steps a second", "times one after another"]
    return markdown([*header, "times `.npy` files", "of matrix products alone"], rows, 1)


def intervals() -> str:
    """How often each interval holds the true UA, worst over how labels are spread over speakers."""
    kinds = ["percentile", "BCa", "linearised t", "wild", "jackknife t", "t", "logit t"]
    cases: dict[tuple[float, int], list[dict[str, Any]]] = {}
    for row in result("intervals.cpu")["coverage"]:
        cases.setdefault((row["ua"], row["speakers"]), []).append(row)
    rows = []
    for (ua, speakers), some in cases.items():
        worst = [f"{min(row['coverage'][kind] for row in some):.1f}" for kind in kinds]
        width = max(row["width"]["logit t"] for row in some)
        rows.append([str(speakers), f"{100 * ua:.0f}", *worst, f"{width:.0f}"])
    header = ["speakers", "true UA", *kinds[:-1], "this one (logit t)", "its width, points"]
    return markdown(header, rows, 0)


def paired() -> str:
    """How often a paired test takes equal systems for different, worst over true UA and spread of labels."""
    cases: dict[int, list[dict[str, float]]] = {}
    for row in result("intervals.cpu")["paired"]:
        cases.setdefault(row["speakers"], []).append(row["false_alarms"])
    rows = [
        [str(speakers), *(f"{max(one[kind] for one in some):.1f}" for kind in ("percentile", "t"))]
        for speakers, some in cases.items()
    ]
    return markdown(["speakers", "percentiles of the bootstrap", "this one (t)"], rows, 0)


def ranks() -> str:
    """Tables of equal models that are split, and pairs of different models told apart, by correction."""
    kinds = ["percentile", "t", "Tukey", "Bonferroni", "Holm", "Holm, not paired"]
    cases: dict[int, list[dict[str, Any]]] = {}
    for row in result("ranks.cpu")["tables"]:
        cases.setdefault(row["speakers"], []).append(row)
    rows = [
        [name, str(speakers), *(f"{choose(row[part][kind] for row in some):.1f}" for kind in kinds)]
        for part, name, choose in (
            ("split", "equal models split, at most", max),
            ("told apart", "different pairs told apart, at least", min),
        )
        for speakers, some in cases.items()
    ]
    return markdown(["percent", "speakers", *kinds], rows, 1)


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
    files = sorted(HERE.glob(f"results/stress/*/{corpus}/*.json"))
    found = {file.parents[1].name: read_stress(file.parent) for file in files}
    cells: dict[str, dict[str, list[str]]] = {}
    for encoder, record in found.items():
        for name, ua, change, bounds, unchanged in stress_rows(record):
            cells.setdefault(name, {})[encoder] = [
                ua,
                f"{change} ({bounds.removeprefix('none (').rstrip(')')})" if bounds else change,
                unchanged,
            ]
    rows = [
        [name, *(text for encoder in found for text in of.get(encoder, [""] * 3))]
        for name, of in cells.items()
    ]
    columns = ("UA", "change", "unchanged")
    encoders = ["BYOL-S" if encoder.startswith("python--byol_s") else encoder for encoder in found]
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


def exports() -> str:
    """Size and time of every form of a classifier, and how far its logits are from those of `emobox predict`."""
    rows = []
    for encoder, figures in result("export.cpu")["figures"].items():
        for form in ("transformers", "onnx", "onnx int8"):
            if form not in figures:
                continue
            of = figures[form]
            rows.append(
                [
                    encoder,
                    form,
                    f"{of['megabytes']:.1f}",
                    f"{of['milliseconds']['5']:.0f}",
                    f"{figures['predict_milliseconds']['5']:.0f}",
                    f"{figures['encoder_milliseconds']['5']:.0f}",
                    "none" if of["difference"] == 0 else f"{of['difference']:.0e}",
                ]
            )
    header = ["encoder", "form", "MB", "ms", "`emobox predict`, ms", "bare encoder, ms", "largest difference"]
    return markdown(header, rows, 2)


def recordings() -> str:
    """Long recordings through `emobox predict --segments`."""
    rows = [
        [
            encoder,
            minutes,
            str(of["parts"]),
            f"{of['predict_times_real_time']:.0f}",
            f"{of['encoder_times_real_time']:.0f}",
            str(of["peak_megabytes"]),
        ]
        for encoder, figures in result("export.cpu")["figures"].items()
        for minutes, of in figures.get("minutes", {}).items()
    ]
    header = ["`--segments`", "minutes", "parts", "times real time", "bare encoder on the parts", "most MB"]
    return markdown(header, rows, 1)


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


def linear() -> str:
    """`linear` on EmoDB: scores, and what the command took on stored features."""
    rows = []
    for row in result("trust.cpu")["figures"]:
        layers = ", ".join(dict.fromkeys(layer for _, layer, *_ in row["choices"]))
        rows.append(
            [
                "emodb",
                row["encoder"],
                *(percent(row["pooled"][score]) for score in ("ua", "wa", "f1")),
                bounds(row["interval"]),
                layers,
                f"{row['fits']}",
                f"{row['fitting_seconds']:.1f}",
                f"{row['wall_seconds']:.1f}",
            ]
        )
    header = ["corpus", "encoder", "UA", "WA", "F1", "95 % interval of UA", "layers chosen", "fits"]
    return markdown([*header, "seconds of fitting", "of the whole command"], rows, 2)


def trust() -> str:
    """What is read beside a score, a column for each encoder."""
    figures = result("trust.cpu")["figures"]
    rows = [[name, *(text(row) for row in figures)] for name, text in _TRUST.items()]
    return markdown(["EmoDB, `linear`", *(row["encoder"] for row in figures)], rows, 1)


def _gap(row: dict[str, Any]) -> dict[str, Any]:
    gap: dict[str, Any] = next(gap for gap in row["gaps"]["gaps"] if gap["of"] == "UA")
    return gap


def _at(row: dict[str, Any], curve: str, size: int) -> str:
    point = next(point for point in row["curve"][curve] if point["size"] == size)
    return f"{percent(point['ua'])} ({bounds(point['interval'])})"


def _calibrated(name: str, scale: float = 100) -> Callable[[dict[str, Any]], str]:
    return lambda row: " → ".join(
        f"{scale * row['calibration'][part][name]:.{1 if scale == 100 else 2}f}"
        for part in ("plain", "scaled")
    )


_TRUST: dict[str, Callable[[dict[str, Any]], str]] = {
    "UA (95 % interval)": lambda row: f"{percent(row['pooled']['ua'])} ({bounds(row['interval'])})",
    "ECE, plain → with temperature": _calibrated("ece"),
    "classwise ECE": _calibrated("classwise_ece"),
    "NLL": _calibrated("nll", 1),
    "area under risk-coverage": _calibrated("aurc"),
    "gap in UA, female minus male": lambda row: f"{100 * _gap(row)['difference']:+.1f}",
    "its 95 % interval": lambda row: " to ".join(f"{100 * bound:+.1f}" for bound in _gap(row)["interval"]),
    "its p value": lambda row: f"{_gap(row)['p']:.2f}",
    "the smallest gap that could be found": lambda row: percent(_gap(row)["detectable"]),
    "gaps that chance alone stays below": lambda row: percent(row["gaps"]["by_chance"]),
    "UA with 1 utterance of each label": lambda row: _at(row, "per_label", 1),
    "UA with 8 utterances of each label": lambda row: _at(row, "per_label", 8),
    "UA with 1 training speaker": lambda row: _at(row, "speakers", 1),
    "UA with 4 training speakers": lambda row: _at(row, "speakers", 4),
    "accuracy of MTEB's head, its splits": lambda row: percent(
        sum(row["curve"]["mteb"]["accuracies"]) / len(row["curve"]["mteb"]["accuracies"])
    ),
    "the same head, new speakers": lambda row: percent(row["curve"]["mteb"]["new_speakers"]),
    "suspects, of 535 utterances": lambda row: str(row["suspects"]),
}


def mteb() -> str:
    """EmoDB by MTEB's client, a column for each encoder."""
    rows: dict[str, Callable[[dict[str, Any]], str]] = {
        "shuffled folds, 8 of each label: accuracy, by MTEB's client": lambda row: percent(
            sum(row["shuffled_by_mteb"]) / len(row["shuffled_by_mteb"])
        ),
        "the same by `emobox curve`": lambda row: percent(
            sum(row["shuffled_by_curve"]) / len(row["shuffled_by_curve"])
        ),
        "strict folds, 8 of each label: accuracy, by `emobox curve`": lambda row: percent(
            row["new_speakers"]
        ),
        "`released`, all of the training part: UA (95 % interval)": lambda row: _of_task(row["released"]),
        "`strict`, all of the training part: UA (95 % interval)": lambda row: _of_task(row["strict"]),
    }
    figures = result("mteb.cpu")["figures"]
    header = ["EmoDB", *(f"{row['encoder']}, layer {row['layer']}" for row in figures)]
    return markdown(header, [[name, *map(text, figures)] for name, text in rows.items()], 1)


def _of_task(scores: dict[str, Any]) -> str:
    low, high = scores["ua_interval"]
    return f"{percent(scores['ua'])} ({percent(low)} to {percent(high)})"


def gaps() -> str:
    """How well intervals and tests of gaps hold their level."""
    cases = result("gaps.cpu")["cases"]
    rows = []
    for none in (case for case in cases if case["true_gap"] == 0):
        known = next(case for case in cases if case["true_gap"] > 0 and case["speakers"] == none["speakers"])
        values = (none["coverage"], none["found"], known["coverage"], known["found"], none["minimal"])
        rows.append([none["speakers"], *(f"{100 * value:.1f}" for value in values)])
    header = ["speakers", "no gap: interval holds it", "no gap: test finds one"]
    header += ["gap of 15: interval holds it", "gap of 15: test finds it", "smallest gap to be found"]
    return markdown(header, rows, 1)


TABLES: dict[str, Callable[[], str]] = {
    "scores": scores,
    "published": published,
    "cross": cross,
    "speed": speed,
    "heads": heads,
    "intervals": intervals,
    "paired": paired,
    "ranks": ranks,
    "kills": kills,
    "bits": bits,
    "people": people,
    "recognition": recognition,
    "naturalness": naturalness,
    "linear": linear,
    "trust": trust,
    "gaps": gaps,
    "mteb": mteb,
    "stress_emodb": lambda: stress_tests("emodb"),
    "stress_urdu": lambda: stress_tests("urdu"),
    "stress_costs": stress_costs,
    "exports": exports,
    "recordings": recordings,
}


def rendered(text: str) -> str:
    """The text with every table made anew."""
    return BLOCK.sub(lambda block: block[1] + TABLES[block[2]]() + block[3], text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 if tables differ")
    arguments = parser.parse_args()
    texts = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
    new = {path: rendered(text) for path, text in texts.items()}
    if arguments.check:
        sys.exit(new != texts)
    for path, text in new.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
