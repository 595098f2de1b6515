"""Tables of docs/use.md: exported classifiers, and long recordings."""

from collections.abc import Callable

from documents.cells import markdown, result


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


TABLES: dict[str, Callable[[], str]] = {"exports": exports, "recordings": recordings}
