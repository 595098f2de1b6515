"""The page of what models have seen, made from `seen.json`: `python -m emobox_probe.seen.page` writes it anew."""

from pathlib import Path

from emobox_probe.seen.seen import MEANINGS, Statement, statements

PAGE = Path(__file__).parents[2] / "docs" / "seen.md"

INTRODUCTION = f"""\
# Seen in training

A head is tested on utterances that it was not trained on. The encoder below it may have heard them all the same: in
pre-training, or with their emotion labels. Such a score says less about new recordings. The table says what a source
tells of published models; model cards, `.eval_results` and the leaderboard repeat it beside the score (‡).

| State | Meaning |
| --- | --- |
{chr(10).join(f"| `{state}` | {meaning} |" for state, meaning in MEANINGS.items())}

No state means that no source that was read says so: it does not mean `not`. A state is of a corpus as a whole,
because sources seldom say which parts of it were used. Models are known by their Hub ids: of one in a folder, such as a
converted checkpoint, nothing is said.

- *All others* are the corpora of the benchmark that the row does not name.
- Where training data comes from broadcasts, podcasts or videos, corpora that were cut from such media (ASVP-ESD, M3ED,
  MELD, MER2023, MSP-Podcast, ShEMO, URDU) may be in it under no name of theirs. Of them such a row says nothing:
  *all others, but not from media*.
- The [balanced test sets](errata.md#balanced-test-sets) of the paper keep only utterances whose label a fine-tuned
  emotion2vec confirmed (Section 2.3). So every model that is tested there is tested on what is easy for emotion2vec,
  and emotion2vec itself on its own choice.

## To correct it

Edit `emobox_probe/seen/seen.json`: one statement for the models that one source tells of, with the source, where to
read it, and the day. State what the text says and no more. Then write this page anew with `python -m
emobox_probe.seen.page` (it is not edited by hand), run the tests, and open a pull request.
"""


def page() -> str:
    """The text of `docs/seen.md`."""
    clear = [statement for statement in statements() if statement.corpora]
    unclear = [statement for statement in statements() if not statement.corpora]
    parts = [
        INTRODUCTION,
        "## What sources say",
        _table(clear, with_corpora=True),
        "## Looked up, and not told",
        "The source does not say what the model was trained on, or gives no complete list.",
        _table(unclear, with_corpora=False),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _table(rows: list[Statement], with_corpora: bool) -> str:
    headings = ["Models", *(["Corpora"] if with_corpora else []), "Source", "Looked up", "Notes"]
    lines = [headings, ["---"] * len(headings), *(_cells(row, with_corpora) for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(row: Statement, with_corpora: bool) -> list[str]:
    models = "<br>".join(f"`{model}`" if "/" in model else model for model in row.models)
    source = f"[{row.source}]({row.url})"
    corpora = [_corpora(row)] if with_corpora else []
    return [models, *corpora, source, row.looked_up.isoformat(), row.note]


def _corpora(row: Statement) -> str:
    told = []
    for state, names in row.written.items():
        listed = f"all {names}" if isinstance(names, str) else ", ".join(f"`{name}`" for name in names)
        if len(row.written) == 1:
            listed = listed.replace("all others", "all")
        told.append(f"**{state}**: {listed}")
    return "<br>".join(told)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
