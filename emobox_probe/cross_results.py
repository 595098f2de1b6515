"""One result record for many pairs of corpora: its schema, reading and writing."""

from pathlib import Path
from typing import Any, Literal

from emobox_probe.facts import EncoderFacts
from emobox_probe.record import Record, read_json
from emobox_probe.results import CorpusRecord, Interval, Provenance, Scores, Share

CROSS_FILE = "cross.json"


class Source(Record):
    """What one set of heads was trained and chosen on, with one seed.

    `name` is a corpus, or `all but <corpus>` where every other one was trained on together. `held_out`: the
    validation part is the release's own, or speakers or utterances of the source; `mixed` where its corpora differ
    in that.
    """

    name: str
    corpora: list[str]
    seed: int
    training: int
    validation: int
    held_out: Literal["released", "speakers", "utterances", "mixed"]
    layer: str
    learning_rate: float
    hidden: int
    epoch: int
    validation_ua: Share


class Pair(Record):
    """Heads of one source on the test utterances of one target; scores are means over seeds.

    `overlap` says in words what the two share (speakers, audio); empty where nothing is known to be shared.
    `test_selected` is what choosing on the target would have given; never a score of the model.
    """

    source: str
    target: str
    test: int
    scores: Scores
    seed_spread: Scores | None
    interval: Interval
    confusion: list[list[int]]
    overlap: list[str]
    test_selected: Scores | None


class CrossRecord(Record):
    """Everything that a matrix of cross-corpus scores can be traced to.

    `training` is what of a source is trained on, `test` what of a target is tested: configurations by name.
    `average` is Equation 1 of the paper: the mean over all pairs of two different corpora (None where there is
    none). `remarks` says in words how what is wrong in the publication was handled.
    """

    kind: Literal["cross-corpus"] = "cross-corpus"
    schema_version: Literal[1] = 1
    encoder: EncoderFacts
    store_dtype: str
    protocol: dict[str, Any]
    labels: list[str]
    training: Literal["released", "all"]
    test: Literal["balanced", "all"]
    corpora: list[CorpusRecord]
    sources: list[Source]
    pairs: list[Pair]
    average: Scores | None
    remarks: list[str]
    provenance: Provenance

    def incomplete(self, source: str, target: str) -> str:
        """What of the corpora of a pair is missing, in words; empty where both are whole."""
        trained = {name for entry in self.sources if entry.name == source for name in entry.corpora}
        used = {source, target} | trained
        return "; ".join(filter(None, (corpus.incomplete for corpus in self.corpora if corpus.name in used)))

    def write(self, folder: Path) -> None:
        """Write `cross.json` into the folder."""
        (folder / CROSS_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_cross_record(folder: str | Path) -> CrossRecord:
    """Read `cross.json` of a run's folder.

    Raises:
        ProbeError: there is none, or it is not a cross-corpus record of this schema.
    """
    return read_json(
        Path(folder) / CROSS_FILE, CrossRecord, "cross-corpus record of schema 1", run="run `emobox cross`"
    )
