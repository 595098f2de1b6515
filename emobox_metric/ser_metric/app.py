"""The Space: upload a table of predictions, read off UA, WA and macro-F1.

`evaluate.utils.launch_gradio_widget` calls an interface that gradio dropped in version 4, so the page is built here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import evaluate
import pandas as pd

HERE = Path(__file__).parent
NAMES = {"ua": "UA (mean recall)", "wa": "WA (accuracy)", "f1": "macro-F1"}
INTRODUCTION = """
# Speech emotion recognition: UA, WA, macro-F1

Upload a CSV file with the columns `reference` and `prediction`, one row per utterance, and, if you have it, `speaker`.
Without the labels of the corpus, UA and macro-F1 are means over the labels in the file.
Intervals are 95 percent bootstrap intervals over speakers, or over utterances where there is no such column; with fewer
than four speakers none can be given.
Uploads are deleted within two hours.
"""


def read_predictions(path: str) -> pd.DataFrame:
    """Read a CSV file of columns `reference`, `prediction` and, optionally, `speaker`, all as text.

    Raises:
        ValueError: if the file is not such a table, or has no rows or an empty cell.
    """
    try:
        # Labels such as "NA" and "None" are labels.
        table = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(
            f"Expected a CSV file in UTF-8, but got: {error}; export it as comma-separated."
        ) from error
    missing = [column for column in ("reference", "prediction") if column not in table.columns]
    if missing or table.empty:
        raise ValueError(
            f"Expected the columns reference, prediction and optionally speaker, with rows, but got the columns "
            f"{list(table.columns)} and {len(table)} rows; name them in the first line, separated by commas."
        )
    table = table[[column for column in ("reference", "prediction", "speaker") if column in table.columns]]
    empty = table.index[(table == "").any(axis=1)]
    if len(empty):
        raise ValueError(
            f"Expected no empty cell, but got one in line {empty[0] + 2} ({len(empty)} such lines); fill it."
        )
    return table


def score_predictions(
    table: pd.DataFrame, labels: str = "", absent: str = "zero"
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Score the output of `read_predictions`.

    Args:
        table: one row per utterance.
        labels: the corpus's full label list, separated by commas; empty for the labels that occur, sorted.
        absent: what UA and F1 do with labels that no reference has: zero, skip or error.

    Returns:
        Three tables: scores in percent with their intervals ("none" where there are too few speakers, or no spread
        between them); scores per class; confusion matrix, rows = reference.
    """
    names = [name.strip() for name in labels.split(",") if name.strip()]
    # By file, since in a Space the folder is not called ser_metric; anew, since a metric holds what was added to it.
    metric = evaluate.load(str(HERE / "ser_metric.py"), keep_in_memory=True)
    result = metric.compute(
        predictions=table["prediction"].tolist(),
        references=table["reference"].tolist(),
        labels=names or None,
        absent=absent,
        interval=True,
        speakers=table["speaker"].tolist() if "speaker" in table else None,
    )
    intervals = result["intervals"] or {}
    scores = pd.DataFrame(
        [
            [
                NAMES[key],
                percent(result[key]),
                *(map(percent, bounds) if (bounds := intervals.get(key)) else ("none", "none")),
            ]
            for key in NAMES
        ],
        columns=["score", "percent", "95 % from", "to"],
    )
    classes = pd.DataFrame(
        [
            [name, *(percent(row[key]) for key in ("recall", "precision", "f1")), row["support"]]
            for name, row in result["per_class"].items()
        ],
        columns=["label", "recall", "precision", "F1", "utterances"],
    )
    confusion = pd.DataFrame(result["confusion"], columns=result["labels"])
    confusion.insert(0, "reference \\ prediction", result["labels"])
    return scores, classes, confusion


def percent(share: float) -> str:
    return f"{100 * share:.2f}"


def shade(confusion: pd.DataFrame) -> Any:
    """Colour each cell of the confusion matrix by its share of the row."""
    counts = confusion.iloc[:, 1:]
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    colours = shares.map(lambda share: f"background-color: rgba(234, 88, 12, {share:.2f})")
    return confusion.style.apply(
        lambda _: colours.reindex(columns=confusion.columns, fill_value=""), axis=None
    )


def build() -> Any:
    """Return the page."""
    import gradio as gr  # type: ignore[import-not-found, unused-ignore]

    def respond(path: str | None, labels: str, absent: str) -> tuple[pd.DataFrame, pd.DataFrame, Any]:
        if path is None:
            raise gr.Error("Expected a CSV file, but got none; upload one.")
        try:
            scores, classes, confusion = score_predictions(read_predictions(path), labels, absent)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return scores, classes, shade(confusion)

    # Every hour, delete uploads older than an hour.
    with gr.Blocks(title="Speech emotion recognition: UA, WA, macro-F1", delete_cache=(3600, 3600)) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=1):
                file = gr.File(label="Predictions (CSV)", file_types=[".csv"], type="filepath")
                labels = gr.Textbox(
                    label="Labels of the corpus, separated by commas", placeholder="those in the file"
                )
                absent = gr.Radio(
                    ["zero", "skip", "error"], value="zero", label="Labels that no reference has"
                )
                button = gr.Button("Score", variant="primary")
            with gr.Column(scale=2):
                outputs = [
                    gr.Dataframe(label="Scores", interactive=False),
                    gr.Dataframe(label="Per class", interactive=False),
                    gr.Dataframe(label="Confusion matrix", interactive=False),
                ]
        gr.Examples([[str(HERE / "example.csv"), "", "zero"]], inputs=[file, labels, absent])
        card = (HERE / "README.md").read_text(encoding="utf-8")
        with gr.Accordion("What the scores mean", open=False):
            gr.Markdown(
                card.split("---", 2)[2], latex_delimiters=[{"left": "$$", "right": "$$", "display": True}]
            )
        button.click(respond, inputs=[file, labels, absent], outputs=outputs, api_name="score")
    return page


if __name__ == "__main__":
    build().launch()
