"""The configuration of an exported classifier, as `transformers` reads it."""

from typing import Any

from transformers import AutoConfig
from transformers.configuration_utils import PretrainedConfig

MODEL_TYPE = "emobox"


class EmoBoxConfig(PretrainedConfig):  # type: ignore[misc,unused-ignore]
    """An encoder, heads, and how they go together.

    `architecture` names the family of the encoder, `encoder` is its own configuration and `encoder_preprocessor` that
    of its feature extractor (None of a built-in). `facts` are those that heads are checked against. `heads` have a
    `layer` and a `hidden` size each; frames are rounded to `store_dtype` before they see them.
    """

    model_type = MODEL_TYPE

    def __init__(
        self,
        architecture: str = "",
        encoder: dict[str, Any] | None = None,
        encoder_preprocessor: dict[str, Any] | None = None,
        facts: dict[str, Any] | None = None,
        heads: list[dict[str, Any]] | None = None,
        store_dtype: str = "float16",
        **known: Any,
    ):
        self.architecture, self.encoder, self.encoder_preprocessor = (
            architecture,
            encoder,
            encoder_preprocessor,
        )
        self.facts, self.heads, self.store_dtype = facts, heads or [], store_dtype
        super().__init__(**known)


def register() -> None:
    """Let `AutoConfig` know it."""
    AutoConfig.register(MODEL_TYPE, EmoBoxConfig)
