"""What data2vec 2.0 and emotion2vec take in: a 16 kHz waveform, normalised as a whole."""

import numpy as np
from transformers import Wav2Vec2FeatureExtractor


class Data2Vec2FeatureExtractor(Wav2Vec2FeatureExtractor):
    """wav2vec 2.0's feature extractor with the published normalisation, a layer norm over the waveform.

    The two differ in what keeps the division from exploding: 1e-5 here, 1e-7 there, which is a fifth of the
    amplitude where speech is as quiet as -50 dBFS.
    """

    EPSILON = 1e-5

    @staticmethod
    def zero_mean_unit_var_norm(
        input_values: list[np.ndarray],
        attention_mask: list[np.ndarray] | None,
        padding_value: float = 0.0,
    ) -> list[np.ndarray]:
        """Each waveform `(N,)` with zero mean and unit variance, over its valid samples alone."""
        if attention_mask is None:
            return [_normalised(waveform) for waveform in input_values]
        normalised = []
        for waveform, mask in zip(input_values, attention_mask, strict=True):
            length = int(np.asarray(mask).sum())
            padded = np.full_like(waveform, padding_value)
            padded[:length] = _normalised(waveform[:length])
            normalised.append(padded)
        return normalised


def _normalised(waveform: np.ndarray) -> np.ndarray:
    scale = np.sqrt(waveform.var() + Data2Vec2FeatureExtractor.EPSILON)
    return np.asarray((waveform - waveform.mean()) / scale, dtype=np.float32)
