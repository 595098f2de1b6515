"""The facts about an encoder that a score can be traced to, as records keep them."""

from typing import Any

from pydantic import Field

from emobox_probe.records.record import Record


class OwnSource(Record):
    """Where an encoder of the user's own comes from.

    `code_sha256` is of the Python file that was named, or of the class or function in memory; `settings_sha256`, of
    what the object holds besides weights (None in older records); `output_sha256`, of frames of some sounds (of noise
    in older records), stands in for the hash of weights where none could be found.
    """

    import_path: str
    code_sha256: str | None = None
    output_sha256: str | None = None
    settings_sha256: str | None = None

    @property
    def function(self) -> str:
        """The last part of where it comes from: of the functions of one file, the one that was named.

        >>> OwnSource(import_path="python:mine:load").function, OwnSource(import_path="hear:mine").function
        ('load', '')
        """
        kind, _, path = self.import_path.partition(":")
        return "" if kind == "hear" else path.rpartition(":")[2]


class EncoderFacts(Record):
    """What a score can be traced to: which weights, and what was taken from them.

    `way` is how utterances share a batch (families.py); audio below `shortest_samples` is lengthened with zeros to
    that, which gives one frame. `own` is there for an encoder of the user's own. `matrix_products` is what products of
    float32 matrices were computed in: where a model runs in float32, always that (None elsewhere, and in older records,
    which used TF32 on GPUs).
    """

    name: str
    architecture: str
    revision: str | None
    weights_sha256: str | None
    preprocessor_sha256: str | None
    parameters: int = Field(ge=0, lt=2**53)  # which pages and pictures can take
    dimension: int
    frame_rate: float
    layer: str
    layers: str
    dtype: str
    way: str
    shortest_samples: int
    own: OwnSource | None = None
    matrix_products: str | None = None

    @property
    def version(self) -> str | None:
        """What tells models of one name apart: the hash of its weights, else of its output, else of its own code."""
        if self.weights_sha256 or self.own is None:
            return self.weights_sha256
        return self.own.output_sha256 or self.own.code_sha256

    @property
    def identity(self) -> dict[str, Any]:
        """What features depend on; not the name, so that a copy of a model finds its features again.

        Of an encoder of the user's own the function counts, not where its file lies.
        """
        identity = self.model_dump(
            exclude={"name": True, "revision": True, "way": True, "own": {"import_path"}}
        )
        if self.own is not None:
            identity["own"]["function"] = self.own.function
        # Features that these are no facts about are the same as before there were such facts.
        later = ("own", "matrix_products")
        known = set(EncoderFacts.model_fields)  # a record's encoder says more
        return {k: v for k, v in identity.items() if k in known and not (k in later and v is None)}
