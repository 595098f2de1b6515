"""The tables of the EmoBox paper (Interspeech 2024, CC BY 4.0), as rows to stand beside what was measured."""

from pathlib import Path

import pandas as pd

from emobox_datasets.labels import SHARED_FOUR
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.result import ResultRecord

FAMILIES = ("wav2vec 2.0", "HuBERT", "WavLM", "data2vec", "data2vec 2.0")
TABLE_4 = Path(__file__).with_name("table4_intra_corpus.csv")
TABLE_5 = Path(__file__).with_name("table5_cross_corpus.csv")
PAPER = "paper"
# "About" so many, by Section 3.1: of the base and the large models, and of Whisper's encoder.
PARAMETERS = {
    **{f"{family} base": 95_000_000 for family in FAMILIES},
    **{f"{family} large": 315_000_000 for family in FAMILIES},
    "Whisper large v3": 635_000_000,
}
# What Table 5 stands beside, in the words of `runs.collection.cross_setting`. The paper does not say which part
# of a source it trained on; this is the default of `emobox cross`.
TABLE_5_SETTING = f"{PAPER}: all utterances train, balanced test; {', '.join(SHARED_FOUR)}"


def read_table_4() -> pd.DataFrame:
    """The paper's scores within corpora: name, model, corpus, ua, wa, f1 in percent."""
    return _read_reference(TABLE_4)


def read_table_5() -> pd.DataFrame:
    """The paper's scores across corpora: name, model, train, test, accuracy in percent."""
    return _read_reference(TABLE_5)


def why_not_beside_table_4(record: ResultRecord) -> str:
    """Why a score within a corpus does not compare with the paper's Table 4, in words; empty where it does."""
    return _why_not_by_protocol(record.protocol_id) or record.corpus.incomplete


def why_not_beside_table_5(record: CrossRecord, source: str, target: str) -> str:
    """Why the score of a pair does not compare with the paper's Table 5, in words; empty where it does."""
    if reason := _why_not_by_protocol(record.protocol_id):
        return reason
    if record.test != "balanced":
        return "not tested on the balanced sets"
    if tuple(record.labels) != SHARED_FOUR:
        return f"not of the labels {', '.join(SHARED_FOUR)}"
    return record.incomplete(source, target)


def _why_not_by_protocol(protocol: str) -> str:
    return "" if protocol == PAPER else f"made by the protocol {protocol}, not {PAPER}"


def _read_reference(path: Path) -> pd.DataFrame:
    """A table of the paper; a model that is not on the Hub goes by its name in the paper."""
    table = pd.read_csv(path)
    return table.assign(model=table["model"].fillna(table["name"]))
