"""The facts about an encoder that a score can be traced to, as records keep them."""

from typing import Any

from emobox_probe.records.record import Record


class EncoderFacts(Record):
    """What a score can be traced to: which weights, and what was taken from them.

    `way` is how utterances share a batch (families.py); audio below `shortest_samples` is lengthened with zeros to
    that, which gives one frame.
    """

    name: str
    architecture: str
    revision: str | None
    weights_sha256: str | None
    preprocessor_sha256: str | None
    parameters: int
    dimension: int
    frame_rate: float
    layer: str
    layers: str
    dtype: str
    way: str
    shortest_samples: int

    @property
    def identity(self) -> dict[str, Any]:
        """What features depend on; not the name, so that a copy of a model finds its features again."""
        return self.model_dump(include=set(EncoderFacts.model_fields) - {"name", "revision", "way"})
