"""How a score grows with what heads are trained on."""

from typing import Literal

from pydantic import Field

from emobox_probe.records.interval import Interval, Share
from emobox_probe.records.record import Record
from emobox_probe.records.result import CorpusRecord, EncoderRecord

CURVE_FILE, CURVE_PICTURE = "curve.json", "curve.png"


class CurvePoint(Record):
    """Heads trained on so many utterances of each label, or on so many speakers.

    `ua` and `wa` are of the tested utterances of all folds together, mean over draws; `spread` is the standard
    deviation of UA over draws; `interval` is that of all draws together, over speakers. `training` is the mean number
    of utterances that were trained on.
    """

    size: int = Field(ge=1)
    training: float
    ua: Share
    wa: Share
    spread: float
    interval: Interval


class Mteb(Record):
    """Accuracy as MTEB has it for audio classification by cross-validation: on folds of utterances that share speakers.

    `accuracies` are of its five folds, with `per_label` utterances of each label to train on. `new_speakers` is the
    accuracy of the same heads on the same features, where nobody who is tested was trained on: over draws and folds.
    """

    per_label: int
    layer: str
    accuracies: list[Share]
    new_speakers: Share

    @property
    def accuracy(self) -> float:
        """The mean, which MTEB reports."""
        return sum(self.accuracies) / len(self.accuracies)


class CurveRecord(Record):
    """Both curves of a run of `linear`, each with the mean height of UA over the logarithm of sizes.

    `per_label` of utterances of each label, `speakers` of speakers to train on; `draws` of each size. `choices` are
    layer and strength by fold, as the run chose them on validation speakers. `mteb` is None where a label is too rare
    for it.
    """

    kind: Literal["curve"] = "curve"
    schema_version: Literal[1] = 1
    encoder: EncoderRecord
    corpus: CorpusRecord
    protocol: str
    draws: int
    choices: dict[str, tuple[str, float]]
    per_label: list[CurvePoint]
    speakers: list[CurvePoint]
    area_per_label: float | None
    area_speakers: float | None
    mteb: Mteb | None
    libraries: dict[str, str]
