"""Many result records as one table: text, CSV, JSON or LaTeX, with the paper's figures beside them.

Scores between corpora are a table of their own; in CSV and JSON they are rows like the others, with what was trained
on. Scores on what raters said are never in one table with UA.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from rich.console import Console
from rich.table import Table

from emobox_probe.encoders.names import model_name
from emobox_probe.errors import ProbeError
from emobox_probe.records.classified import CLASSIFIED_FILE, ClassifiedRecord, read_classified
from emobox_probe.records.cross_result import CROSS_FILE, CrossRecord, read_cross_record
from emobox_probe.records.rated import RATED_FILE, RatedRecord, read_rated
from emobox_probe.records.record import folders_with
from emobox_probe.records.result import RESULT_FILE, Interval, ResultRecord, Scores, read_record
from emobox_probe.records.shown import ShownRecord
from emobox_probe.report.percent import DECIMALS, SHARE_DECIMALS, interval_text, score_text
from emobox_probe.scoring.check import as_shown
from hub_cards.paper import read_table_4, read_table_5, why_not_beside_table_4, why_not_beside_table_5
from hub_cards.runs.collection import model_of
from hub_cards.runs.find_and_check import remark_on
from hub_cards.tables.rated import drawn_rated, tabulate_rated

Format = Literal["text", "csv", "json", "latex"]
SCORES = ("ua", "wa", "f1")
# In place of a source: the row is a mean.
MEAN = "mean of pairs"
# Behind what is scored on an incomplete corpus.
MARK = "†"
# In place of a protocol: nothing was trained.
AS_IT_IS = "as it is"
# What a run between corpora was set to.
SETTING = ("protocol", "training", "test_set", "classes")


def show(folders: Sequence[Path], form: Format, console: Console) -> None:
    """Print the tables of all results below the folders; on the console where they are for people.

    Raises:
        ProbeError: there is no result, one cannot be read, or a table for programs would mix kinds.
    """
    records, cross, classified, rated = find_records(folders)
    if form == "text":
        _print(records, cross, classified, rated, console)
        return
    if rated and (records or cross or classified) and form != "latex":
        raise ProbeError(
            f"Expected results of one kind for one table of {form}, but some are on labels, some on what raters said "
            f"(such as {rated[0].title}); name the folders of one kind, or choose the format text."
        )
    tables = [tabulate(records)] if records else []
    tables += [tabulate_cross(cross)] if cross else []
    tables += [tabulate_classified(classified)] if classified else []
    tables += [tabulate_rated(rated)] if rated else []
    if form == "latex":
        print("\n".join(_latex(table) for table in tables), end="")
        return
    rows = pd.concat([table.rename(columns={"test": "corpus"}) for table in tables], ignore_index=True)
    rows = rows.round(DECIMALS if "ua" in rows else SHARE_DECIMALS)
    print(rows.to_csv(index=False).rstrip() if form == "csv" else rows.to_json(orient="records", indent=2))


def find_records(
    folders: Sequence[Path],
) -> tuple[list[ResultRecord], list[CrossRecord], list[ClassifiedRecord], list[RatedRecord]]:
    """Every record below the folders: of one corpus, between corpora, of classifiers as they are, on raters.

    Raises:
        ProbeError: there is none, or one cannot be read.
    """
    kinds = (RESULT_FILE, CROSS_FILE, CLASSIFIED_FILE, RATED_FILE)
    intra, cross, classified, rated = (folders_with(name, folders) for name in kinds)
    if not intra and not cross and not classified and not rated:
        raise ProbeError(
            f"Expected result records ({', '.join(kinds)}) below {', '.join(map(str, folders))}, but found none; run "
            f"the probe first."
        )
    return (
        [as_shown(path, read_record(path)) for path in intra],
        [as_shown(path, read_cross_record(path)) for path in cross],
        [as_shown(path, read_classified(path)) for path in classified],
        [as_shown(path, read_rated(path)) for path in rated],
    )


def tabulate(records: list[ResultRecord]) -> pd.DataFrame:
    """One row a record, in percent: UA, WA, F1 of all tested utterances, the interval of UA; means beside the paper's.

    `interval_note` says why there is no interval, or that it is of an earlier method. `ua_chance` is the UA of who
    guesses, `ua_speaker` what who speaks would have scored, without audio. The paper's figures, which are
    means over folds, stand beside records that compare with them only. `remark` says what of the corpus is missing, or
    that it is made up.
    """
    published = {(row["model"], row["corpus"]): row for row in read_table_4().to_dict("records")}
    rows = []
    for record in records:
        of_paper = published.get((record.encoder.name, record.corpus.name))
        known = None if why_not_beside_table_4(record) else of_paper
        rows.append(
            {
                "model": model_name(record.encoder.name),
                "corpus": record.corpus.name,
                "protocol": record.protocol_id,
                **_percent(record.headline, record.interval),
                "ua_chance": 100 * record.chance,
                "ua_speaker": record.speaker_only and 100 * record.speaker_only.ua,
                **{f"{score}_mean_over_folds": 100 * getattr(record.mean, score) for score in SCORES},
                **{f"{score}_in_paper": None if known is None else float(known[score]) for score in SCORES},
                "remark": remark_on(record.corpus),
            }
        )
    table = pd.DataFrame(rows).astype({"ua_speaker": float})
    return table.sort_values(["corpus", "protocol", "model"], ignore_index=True)


def tabulate_cross(records: list[CrossRecord]) -> pd.DataFrame:
    """One row a pair, in percent: UA, WA, F1, interval of UA, chance, the paper's accuracy; a record's mean.

    The paper's figures (Table 5) stand beside what was made as they were; beside a mean if that holds for the same
    pairs. `remark` says what of the corpora is missing. Heads have not met the speakers of a target: there is nothing
    that who speaks would tell.
    """
    published = read_table_5().set_index(["model", "train", "test"])["accuracy"]
    tables = []
    for record in sorted(records, key=_order):
        name = model_of(record.encoder).name
        of_model = published.loc[name].to_dict() if name in published.index else {}
        beside = {
            pair: of_model[pair]
            for pair in ((pair.source, pair.target) for pair in record.pairs)
            if pair in of_model and not why_not_beside_table_5(record, *pair)
        }
        values = (record.protocol_id, record.training, record.test, len(record.labels))
        setting = dict(zip(SETTING, values, strict=True))
        rows = [
            {
                "model": name,
                "train": pair.source,
                "test": pair.target,
                **setting,
                **_percent(pair.scores, pair.interval),
                "ua_chance": 100 * record.chance,
                "wa_in_paper": beside.get((pair.source, pair.target)),
                "remark": remark_on(*record.used(pair.source, pair.target)),
            }
            for pair in record.pairs
        ]
        if record.average:
            same = len(record.pairs) == len(beside) == len(of_model) > 0
            mean = sum(beside.values()) / len(beside) if same else None
            rows.append(
                {
                    "model": name,
                    "train": MEAN,
                    "test": "",
                    **setting,
                    **_percent(record.average),
                    "ua_chance": 100 * record.chance,
                    "wa_in_paper": mean,
                    "remark": remark_on(*record.corpora),
                }
            )
        tables.append(pd.DataFrame(rows))
    return pd.concat(tables, ignore_index=True).astype({"wa_in_paper": float, "classes": "Int64"})


def tabulate_classified(records: list[ClassifiedRecord]) -> pd.DataFrame:
    """One row a classifier, corpus and kind of folds, in percent; nothing was trained, so it has no protocol.

    `ua_chance` is the UA of who guesses among the corpus's labels; that of who knows speakers would have to be trained.
    `training` says what is known of its own, `outside` how many answers are none of the corpus's labels.
    """
    rows = [
        {
            "model": record.classifier.name,
            "corpus": record.corpus.name,
            "protocol": AS_IT_IS,
            "folds": part.kind,
            "training": record.training,
            **_percent(part.scores, part.interval),
            "ua_chance": 100 * record.chance,
            "outside": 100 * part.outside,
            "remark": remark_on(record.corpus),
        }
        for record in records
        for part in record.parts
    ]
    return pd.DataFrame(rows).sort_values(["corpus", "folds", "model"], ignore_index=True)


def footnotes(remarks: Iterable[str]) -> list[str]:
    """What the mark in a table means, each sentence once."""
    return list(dict.fromkeys(f"{MARK} {remark}: not comparable." for remark in remarks if remark))


def remarks(
    records: list[ResultRecord],
    cross: list[CrossRecord],
    classified: list[ClassifiedRecord],
    rated: Sequence[RatedRecord] = (),
) -> list[str]:
    """What a reader of the scores must know, each sentence once."""
    corpora = [
        *(record.corpus for record in records),
        *(record.corpus for record in classified),
        *(record.corpus for record in rated),
        *(corpus for record in cross for corpus in record.corpora),
    ]
    told = footnotes(map(remark_on, corpora))
    for record in cross:
        told += [*record.remarks, *(sentence for pair in record.pairs for sentence in pair.overlap)]
    every: list[ShownRecord] = [*records, *cross, *classified]
    told += [interval.remark for one in every for interval in one.intervals if interval.remark]
    for run in rated:
        footnote = remark_on(run.corpus)
        told += [
            f"{run.title}: {sentence}" for sentence in run.sentences if sentence.rstrip(".") not in footnote
        ]
    return list(dict.fromkeys(told))


def _percent(scores: Scores, interval: Interval | None = None) -> dict[str, float | str | None]:
    low, high = interval.percent("ua") if interval else (None, None)
    return {
        **{score: 100 * getattr(scores, score) for score in SCORES},
        "ua_low": low,
        "ua_high": high,
        "interval_note": interval.note_of("ua") if interval else "",
    }


def interval_cell(row: Any, between: str = " to ") -> str:
    """The bounds of a row and the note on them."""
    return " ".join(
        filter(None, (interval_text(row["ua_low"], row["ua_high"], between), row["interval_note"]))
    )


def _latex(table: pd.DataFrame) -> str:
    empty = [name for name in ("remark", "interval_note") if name in table and not table[name].any()]
    table = table.drop(columns=empty)
    return str(
        table.to_latex(index=False, float_format="%.1f" if "ua" in table else "%.3f", na_rep="", escape=True)
    )


def _print(
    records: list[ResultRecord],
    cross: list[CrossRecord],
    classified: list[ClassifiedRecord],
    rated: list[RatedRecord],
    console: Console,
) -> None:
    """Scores between corpora stand apart by record: a mean is over the pairs of one."""
    if records:
        console.print(_drawn(tabulate(records)))
    for record in sorted(cross, key=_order):
        console.print(_drawn_cross(tabulate_cross([record])))
    if classified:
        console.print(_drawn_classified(tabulate_classified(classified)))
    if rated:
        console.print(drawn_rated(tabulate_rated(rated), MARK))
    for sentence in remarks(records, cross, classified, rated):
        console.print(sentence, soft_wrap=True)


def _order(record: CrossRecord) -> tuple[str, str]:
    return model_of(record.encoder).name, record.protocol_id


def _drawn(table: pd.DataFrame) -> Table:
    beside_ua = ("chance", "speaker alone", "UA, mean over folds", "UA in the paper")
    columns = ("UA", "WA", "F1", "interval of UA", *beside_ua)
    shown = Table("model", "corpus", "protocol", *columns)
    for row in table.to_dict("records"):
        corpus = f"{row['corpus']} {MARK}" if row["remark"] else row["corpus"]
        others = ("ua_chance", "ua_speaker", "ua_mean_over_folds", "ua_in_paper")
        beside = [score_text(row[name]) for name in others]
        shown.add_row(row["model"], corpus, row["protocol"], *_scores(row), *beside)
    return shown


def _drawn_cross(table: pd.DataFrame) -> Table:
    model, protocol, training, test_set, classes = table.loc[0, ["model", *SETTING]]
    columns = ("trained on", "tested on", "UA", "WA", "F1", "interval of UA", "WA in the paper")
    chance = score_text(table["ua_chance"].iloc[0])
    shown = Table(
        *columns,
        title=f"{model}, protocol {protocol}, {classes} classes (UA by chance {chance})\n"
        f"utterances trained on: {training}, tested on: {test_set} (percent)",
    )
    for row in table.to_dict("records"):
        style = "bold" if row["train"] == MEAN else None
        source = f"{row['train']} {MARK}" if row["remark"] else row["train"]
        shown.add_row(source, row["test"], *_scores(row), score_text(row["wa_in_paper"]), style=style)
    return shown


def _drawn_classified(table: pd.DataFrame) -> Table:
    columns = ("corpus", "folds", "training", "UA", "WA", "F1", "interval of UA", "chance", "outside")
    shown = Table("classifier", *columns, title="used as they are: nothing was trained here (percent)")
    for row in table.to_dict("records"):
        corpus = f"{row['corpus']} {MARK}" if row["remark"] else row["corpus"]
        beside = map(score_text, (row["ua_chance"], row["outside"]))
        shown.add_row(row["model"], corpus, row["folds"], row["training"], *_scores(row), *beside)
    return shown


def _scores(row: Any) -> list[str]:
    return [*map(score_text, (row["ua"], row["wa"], row["f1"])), interval_cell(row)]
