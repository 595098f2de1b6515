"""Tables of README.md: scores on real corpora, and speed."""

from collections.abc import Callable

from documents.cells import bounds, markdown, percent, result

from hub_cards.paper import read_table_4


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


def peers() -> str:
    """The same work by this project and by what researchers use today, in one run on a CPU."""
    report = result("peers.cpu")
    rows = [
        [
            row["work"],
            row["beside"],
            row["unit"],
            f"{row['project']:.1f}",
            f"{row['other']:.1f}",
            f"{row['project_over_other']:.2f}",
            *(
                f"{row['difference_in_batch'][whose]:.1g}" if batched else "–"
                for whose in ("project", "other")
            ),
        ]
        for row in report["comparisons"]
        for batched in ["difference_in_batch" in row]
    ]
    machine = report["machine"]
    before, after = machine["load_before_and_after"]
    work = f"work, at a load of {before:.1f} before and {after:.1f} after on {machine['cores']} cores"
    header = [work, "beside", "in", "this project", "the other", "times as fast"]
    return markdown([*header, "moved by its batch: this project", "the other"], rows, 3)


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


TABLES: dict[str, Callable[[], str]] = {
    "scores": scores,
    "published": published,
    "cross": cross,
    "speed": speed,
    "heads": heads,
    "peers": peers,
    "linear": linear,
}
