"""From result records to a model card that the Hub reads: metadata, a score table each, pictures, one command."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from huggingface_hub.repocard_data import eval_results_to_model_index

import emobox_datasets.corpora as corpora
from emobox_probe.encoders.names import TRIMMED
from emobox_probe.features.shards import write_whole
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.rated import RatedRecord
from emobox_probe.records.result import ResultRecord
from emobox_probe.records.shown import ShownRecord
from hub_cards.cards.markdown import Markdown, one_line, render
from hub_cards.cards.model_section import CROSS, merge_readme, section
from hub_cards.cards.parts import (
    STRESS_SHOWN,
    cross_part,
    is_hub_id,
    key_of,
    picture_paths,
    protocol_parts,
    rated_part,
    scores_part,
    short_name,
    slug,
)
from hub_cards.hub.one_commit import PublishError
from hub_cards.runs.find_and_check import (
    CrossRun,
    RatedRun,
    Run,
    check_not_subsets,
    check_one_model,
    find_runs,
    notes_on_classified,
)

CARD = "README.md"
# Below this, beside the README, are our pictures in a repository of others.
PICTURES = "emobox"
# Score: the Hub's metric type, and what it is called.
METRICS = {
    "ua": ("recall", "UA (mean recall over classes)"),
    "wa": ("accuracy", "WA (accuracy)"),
    "f1": ("f1", "macro-F1"),
}


def write_card(folders: Sequence[Path], before: Path | None = None, out: Path | None = None) -> Path:
    """Write the card of the runs below the folders: beside the only one, or where told.

    Args:
        folders: of runs of one model.
        before: a card to put the scores into, which keeps everything else that is in it.
        out: file to write; `before` where there is none.

    Returns:
        The file that was written.

    Raises:
        ProbeError, CorpusError: a record cannot be read, is of a part of a corpus, or the runs are not of one model
            and known corpora.
        PublishError: it is not clear where to write, there is no card at `before`, or it cannot be merged.
    """
    found = find_runs(folders)
    for note in notes_on_classified(folders):
        print(f"note: {note}")
    check_not_subsets(found)
    check_one_model([run.record.encoder for run in found])
    out = out or before
    if out is None and len(found) > 1:
        raise PublishError(
            f"Expected --out or --readme for the card of {len(found)} results, but got neither; say where to write it."
        )
    path = out or found[0].folder / CARD
    folder = "" if out is None else f"{PICTURES}/"
    if before and not before.is_file():
        raise PublishError(
            f"Expected a card at {before}, but there is none; give --out instead to write a new one."
        )
    runs = [run for run in found if isinstance(run, Run)]
    cross = [run.record for run in found if isinstance(run, CrossRun)]
    rated = [run for run in found if isinstance(run, RatedRun)]
    content = readme(before.read_bytes() if before else None, runs, cross, folder, rated=rated)
    for name, picture in (pictures_of([*runs, *rated], folder) if out else {}).items():
        (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(path.parent / name, picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return path


def readme(
    before: bytes | None,
    runs: Sequence[Run],
    cross: Sequence[CrossRecord] = (),
    folder: str = f"{PICTURES}/",
    model: str | None = None,
    rated: Sequence[RatedRun] = (),
) -> bytes:
    """A README with the scores of the runs: the one that was there, or a new card.

    Args:
        before: what is in the README so far; None where there is none.
        runs: of one model.
        cross: cross-corpus records of that model.
        folder: where the pictures are, seen from the README.
        model: Hub id of the model, where the records do not know it.
        rated: runs of that model on what raters said.

    Raises:
        PublishError: the README cannot be merged, or two runs are of one corpus and protocol.
        CorpusError: no corpus has such a name.
    """
    records = [run.record for run in runs]
    parts = {key_of(run.record): scores_part(run, picture_paths(run, folder)) for run in runs}
    parts |= {key_of(run.record): rated_part(run, picture_paths(run, folder)) for run in rated}
    parts |= {(CROSS, slug(record.protocol_id)): cross_part(record) for record in cross}
    _check_distinct([*runs, *rated], cross)
    every: list[ResultRecord | CrossRecord | RatedRecord] = [*records, *cross, *(run.record for run in rated)]
    parts |= protocol_parts([record.protocol for record in every])
    name = model or short_name(every[0])
    if before is None:
        within: list[Run | RatedRun] = [*runs, *rated]
        names = [run.record.corpus.name for run in within]
        before = new_card(name, names, section(parts), of_labels=bool(runs or cross)).encode()
    return merge_readme(before, name, parts, model_index(name, records))


def _check_distinct(runs: Sequence[Run | RatedRun], cross: Sequence[CrossRecord]) -> None:
    """Let through one run a corpus and protocol, and one between corpora a protocol."""
    folders: dict[tuple[str, str], Path] = {}
    for run in runs:
        other = folders.setdefault(key_of(run.record), run.folder)
        if other is not run.folder:
            record = run.record
            raise PublishError(
                f"Expected one run a corpus and protocol, but {other} and {run.folder} are both of "
                f"{record.corpus.name}, protocol {record.protocol_id}; name the one that you mean."
            )
    protocols = [record.protocol_id for record in cross]
    if len(set(map(slug, protocols))) < len(cross):
        raise PublishError(
            f"Expected one run between corpora a protocol, but got {len(cross)}, of {' and '.join(protocols)}; name "
            f"the one that you mean."
        )


def model_card(*records: ResultRecord) -> ModelCard:
    """The card of a model by itself, with `model-index` metadata; pictures are those of the run's own folder."""
    content = readme(None, [Run(Path(), record) for record in records], folder="")
    return ModelCard(content.decode())


def new_card(name: str, names: Sequence[str], made: str, of_labels: bool) -> str:
    """A whole card around our section, without `model-index`; `names` are those of the corpora.

    Metrics are named where scores are `of_labels`: the Hub has no names for those on what raters said.
    """
    cards = [corpora.load(corpus) for corpus in sorted(set(names))]
    known = next((name for name in (name.removesuffix(TRIMMED),) if is_hub_id(name)), None)
    data = ModelCardData(
        base_model=known,
        language=sorted({language for corpus in cards for language in corpus.languages}),
        pipeline_tag="audio-classification",
        tags=["speech-emotion-recognition", "emobox"],
        metrics=[metric for metric, _ in METRICS.values()] if of_labels else None,
    )
    where = f" on {cards[0].display_name}" if len(cards) == 1 else ""
    body = render(
        "model_card.md",
        title=f"{name}{where}: speech emotion recognition with frozen features",
        section=Markdown(made),
        citations=[Markdown(corpus.citation) for corpus in cards if corpus.citation],
    )
    return f"---\n{data.to_yaml()}\n---\n\n{body}\n"


def model_index(name: str, records: Sequence[ResultRecord]) -> list[dict[str, Any]]:
    """The `results` of `model-index`: one element a record, with all its metrics."""
    told = [result for record in records for result in eval_results(record)]
    index: list[dict[str, Any]] = eval_results_to_model_index(name, told) if told else []
    return [result for item in index for result in item["results"]]


def eval_results(record: ResultRecord) -> list[EvalResult]:
    """UA, WA and F1 of all tested utterances together in 0..1, as the Hub's `model-index` wants them."""
    names = list(dict.fromkeys(fold.name for fold in record.folds))
    folds = f"{names[0]}..{names[-1]}" if len(names) > 1 else names[0]
    told, corpus = record.corpus, corpora.load(record.corpus.name)
    incomplete = f" (incomplete: {told.missing:,} utterances missing)" if told.missing else ""
    made_up = " (made up: the scores show that the tools work and nothing else)" if corpus.made_up else ""
    return [
        EvalResult(
            task_type="audio-classification",
            task_name="Speech emotion recognition",
            dataset_type=f"emobox/{record.corpus.name}",
            dataset_name=f"EmoBox {corpus.display_name}{made_up}{incomplete}",
            dataset_config=f"{one_line(folds)}, protocol {slug(record.protocol_id)}",
            dataset_split="test",
            dataset_args={
                "fingerprint": told.fingerprint,
                **({"missing": told.missing} if told.missing else {}),
            },
            metric_type=metric,
            metric_name=name,
            metric_value=round(getattr(record.headline, score), 4),
        )
        for score, (metric, name) in METRICS.items()
    ]


def pictures_of(runs: Sequence[Run | RatedRun], folder: str) -> dict[str, bytes]:
    """Where the README finds it, and content, of every picture; one that the run did not keep is drawn."""
    found = {}
    for run in runs:
        for file, path in picture_paths(run, folder):
            kept = run.folder / file
            content = kept.read_bytes() if kept.is_file() else _drawn(run, file)
            if not content.startswith(b"\x89PNG\r\n\x1a\n"):
                raise PublishError(
                    f"Expected a PNG picture in {kept}, but it is none; remove it, and it is drawn."
                )
            found[path] = content
    return found


def _drawn(run: Run | RatedRun, file: str) -> bytes:
    shown: ShownRecord = run.record
    if isinstance(run, Run) and run.stress and file == STRESS_SHOWN:
        shown = run.stress
    return shown.pictures()[Path(file).name].content()
