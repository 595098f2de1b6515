"""Encoders of EmoBox as models of MTEB. Imports MTEB: `bridge.check_mteb` comes first."""

import hashlib
import json
from typing import Any

import numpy as np
import torch
from mteb.models import ModelMeta
from mteb.models.abs_encoder import AbsEncoder

from emobox_datasets.audio_files.audio import SAMPLING_RATE, resample
from emobox_probe.config import ExtractConfig
from emobox_probe.encoders.encoder import DTYPES, Encoded, Encoder, encoded
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.load import load_encoder, with_batches
from emobox_probe.encoders.names import model_name
from emobox_probe.errors import ProbeError
from emobox_probe.experiment import accelerator_on
from emobox_probe.scoring.linear import moments


class Embedder(AbsEncoder):
    """One embedding an utterance: mean and standard deviation over time of one layer, (2 D,), in double precision.

    `layer` is None for the frames of the last one, rounded to `dtype` as the features of a run are.
    """

    def __init__(self, encoder: Encoder, layer: int | None, dtype: torch.dtype):
        self.model = encoder
        self.layer = layer
        self.dtype = dtype
        facts = encoder.facts
        name = model_name(facts.name).replace(":", "--")
        self.mteb_model_meta = ModelMeta.create_empty(
            {
                "name": name if "/" in name else f"emobox/{name}",
                "revision": revision_of(facts, layer, dtype),
                "n_parameters": facts.parameters,
                "embed_dim": 2 * facts.dimension,
                "modalities": ["audio"],
                "experiment_kwargs": {"layer": "last" if layer is None else layer},
            }
        )

    def encode(self, inputs: Any, **kwargs: Any) -> np.ndarray:
        """Embeddings (N, 2 D) of all utterances that a loader of MTEB yields, in its order."""
        return np.stack([self._embedding(utterance) for batch in inputs for utterance in self._frames(batch)])

    def _frames(self, batch: dict[str, Any]) -> list[Encoded]:
        waveforms = [
            resample(np.asarray(audio["array"], dtype=np.float32), audio["sampling_rate"], SAMPLING_RATE)
            for audio in batch["audio"]
        ]
        return encoded(self.model, waveforms, SAMPLING_RATE, self.dtype)

    def _embedding(self, utterance: Encoded) -> np.ndarray:
        if self.layer is None:
            return moments(utterance.frames.cpu())
        assert utterance.means is not None
        assert utterance.deviations is not None
        both = torch.cat([utterance.means[self.layer], utterance.deviations[self.layer]])
        return np.asarray(both.cpu().numpy(), dtype=np.float64)


def revision_of(facts: EncoderFacts, layer: int | None, dtype: torch.dtype) -> str:
    """What MTEB tells embeddings of one name apart by: its cache answers with scores of the same revision.

    Of a model of the Hub it begins with the commit. The 16 hexadecimal digits are of all that an embedding depends on:
    weights or, of an encoder of the user's own, code, settings and output; what it computes in, layer, and rounding.
    """
    settings = {**facts.identity, "embedding": [layer, str(dtype)]}
    digits = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    return f"{facts.revision}-{digits}" if facts.revision else digits


def embedder_of(config: ExtractConfig, layer: int | None, own: Any) -> Embedder:
    """The model of the settings; `own` where it is an object in memory.

    Raises:
        ProbeError: as `load_encoder`, or there is no such layer.
    """
    encoder = load_encoder(
        config.model if own is None else own,
        accelerator_on(config.device).device,
        config.revision,
        config.trust_remote_code,
        config.dtype,
        "last" if layer is None else "statistics",
    )
    if layer is not None:
        _check_layer(encoder, layer)
    return Embedder(with_batches(encoder, config.batch_seconds), layer, DTYPES[config.store_dtype])


def _check_layer(encoder: Encoder, layer: int) -> None:
    (silence,) = encoded(encoder, [np.zeros(SAMPLING_RATE, dtype=np.float32)], SAMPLING_RATE)
    layers = 0 if silence.means is None else len(silence.means)
    if not 0 <= layer < layers:
        known = f"one of 0 to {layers - 1}" if layers else "none, because this encoder has no layers"
        raise ProbeError(
            f"Expected as layer {known}, but got {layer}; leave it out for the frames of the last."
        )
