"""Tiny configurations of every family of encoders, as data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from emobox_probe.encoders.data2vec2 import Data2Vec2Config

WAVE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "conv_dim": (24,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "vocab_size": 20,
}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
MEL_TOWER: dict[str, Any] = {
    "d_model": 16,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "num_mel_bins": 128,
}
TOWER = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
PARAKEET = {**TOWER, "subsampling_conv_channels": 8}
DATA2VEC2 = {**TOWER, "num_prenet_layers": 1, "conv_dim": (24,) * 7, "position_groups": 2}


@dataclass(frozen=True)
class Species:
    """One configuration of one family.

    Attributes:
        config: the whole model's configuration, by class name where it is the library's.
        settings: for that configuration.
        extractor: class name of the feature extractor; a callable that stands in for one that needs torchaudio.
        preprocessing: settings of the feature extractor.
        prefix: what stands before the encoder's weights in the checkpoint.
    """

    config: str | type
    settings: dict[str, Any]
    extractor: str | Callable[..., Any] = "Wav2Vec2FeatureExtractor"
    preprocessing: dict[str, Any] | None = None
    prefix: str = ""


class StandIn:
    """A feature extractor of random projections, for those that cannot be imported without torchaudio."""

    sampling_rate = 16_000

    def __init__(self, size: int, hop: int):
        self._filters = torch.randn(hop, size, generator=torch.Generator().manual_seed(0)) / hop**0.5

    def __call__(self, waveforms: list[np.ndarray], **options: Any) -> dict[str, torch.Tensor]:
        (waveform,), hop = waveforms, len(self._filters)
        steps = torch.from_numpy(waveform)[: len(waveform) // hop * hop].reshape(-1, hop)  # (T, hop)
        features = (steps @ self._filters)[None]
        return {
            "input_features": features,
            "attention_mask": torch.ones(features.shape[:2], dtype=torch.long),
        }

    def to_json_string(self) -> str:
        return "{}"


def _wave(name: str, **settings: Any) -> Species:
    return Species(name, {**WAVE, **settings}, preprocessing={"do_normalize": True})


def _mel(bands: int) -> dict[str, Any]:
    return {"feature_size": bands}


ZOO: dict[str, Species] = {
    "wav2vec2 (base)": _wave("Wav2Vec2Config"),
    "wav2vec2 (large)": _wave("Wav2Vec2Config", **LARGE),
    "wav2vec2 (adapter)": _wave("Wav2Vec2Config", add_adapter=True, **LARGE),
    "hubert (base)": _wave("HubertConfig"),
    "hubert (large)": _wave("HubertConfig", **LARGE),
    "hubert (batch norm)": _wave("HubertConfig", conv_pos_batch_norm=True),
    "wavlm (base)": _wave("WavLMConfig"),
    "wavlm (large)": _wave("WavLMConfig", **LARGE),
    "unispeech": _wave("UniSpeechConfig"),
    "unispeech-sat": _wave("UniSpeechSatConfig", **LARGE),
    "data2vec-audio": _wave("Data2VecAudioConfig", conv_pos_kernel_size=5, num_conv_pos_embeddings=3),
    "data2vec2 (data2vec 2.0)": Species(Data2Vec2Config, DATA2VEC2, "Data2Vec2FeatureExtractor"),
    "data2vec2 (emotion2vec)": Species(
        Data2Vec2Config, {**DATA2VEC2, "num_extra_tokens": 10}, "Data2Vec2FeatureExtractor"
    ),
    "wav2vec2-conformer (relative)": _wave("Wav2Vec2ConformerConfig", conv_depthwise_kernel_size=9),
    "wav2vec2-conformer (rotary)": _wave(
        "Wav2Vec2ConformerConfig", conv_depthwise_kernel_size=9, position_embeddings_type="rotary", **LARGE
    ),
    "sew": _wave("SEWConfig", conv_dim=(24,) * 13),
    "sew-d": _wave("SEWDConfig", conv_dim=(24,) * 13),
    "speecht5": Species(
        "SpeechT5Config",
        {**WAVE, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 48},
        "SpeechT5FeatureExtractor",
        prefix="speecht5.encoder.",
    ),
    "moonshine": Species(
        "MoonshineConfig",
        {
            "hidden_size": 32,
            "intermediate_size": 48,
            "encoder_num_hidden_layers": 2,
            "decoder_num_hidden_layers": 1,
            "encoder_num_attention_heads": 2,
            "decoder_num_attention_heads": 2,
        },
        preprocessing={"do_normalize": False},
        prefix="model.encoder.",
    ),
    "moonshine_streaming": Species(
        "MoonshineStreamingConfig",
        {
            "encoder_config": {
                "model_type": "moonshine_streaming_encoder",
                "hidden_size": 32,
                "intermediate_size": 48,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 2,
                "sliding_windows": [[4, 2], [4, 2]],
            }
        },
        preprocessing={"do_normalize": False},
        prefix="model.encoder.",
    ),
    "whisper": Species(
        "WhisperConfig",
        {**MEL_TOWER, "num_mel_bins": 80, "decoder_layers": 1},
        "WhisperFeatureExtractor",
        prefix="model.encoder.",
    ),
    "qwen2_audio": Species(
        "Qwen2AudioConfig",
        {"audio_config": {"model_type": "qwen2_audio_encoder", **MEL_TOWER}},
        "WhisperFeatureExtractor",
        _mel(128),
        "audio_tower.",
    ),
    "voxtral": Species(
        "VoxtralConfig",
        {"audio_config": {"model_type": "voxtral_encoder", **TOWER}},
        "WhisperFeatureExtractor",
        _mel(128),
        "audio_tower.",
    ),
    "audioflamingo3": Species(
        "AudioFlamingo3Config",
        {"audio_config": {"model_type": "audioflamingo3_encoder", **TOWER}},
        "WhisperFeatureExtractor",
        _mel(128),
        "audio_tower.",
    ),
    "glmasr": Species(
        "GlmAsrConfig",
        {
            "audio_config": {
                "model_type": "glmasr_encoder",
                **TOWER,
                "hidden_size": 32,
            }
        },
        "WhisperFeatureExtractor",
        _mel(128),
        "audio_tower.",
    ),
    "voxtral_realtime": Species(
        "VoxtralRealtimeConfig",
        {
            "audio_config": {
                "model_type": "voxtral_realtime_encoder",
                **TOWER,
                "head_dim": 8,
            }
        },
        "VoxtralRealtimeFeatureExtractor",
        prefix="audio_tower.",
    ),
    "fun_asr_nano": Species(
        "FunAsrNanoEncoderConfig",
        {
            "hidden_size": 16,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "num_hidden_layers": 3,
            "num_timestamp_prediction_layers": 1,
        },
        lambda: StandIn(560, 960),
    ),
    "qwen3_asr": Species(
        "Qwen3ASRConfig",
        {
            "audio_config": {
                "model_type": "qwen3_asr_encoder",
                **MEL_TOWER,
                "output_dim": 16,
                "downsample_hidden_size": 8,
            }
        },
        "Qwen3ASRFeatureExtractor",
        prefix="model.audio_tower.",
    ),
    "qwen3_omni_moe": Species(
        "Qwen3OmniMoeConfig",
        {"thinker_config": {"audio_config": {**MEL_TOWER, "output_dim": 16, "downsample_hidden_size": 8}}},
        "WhisperFeatureExtractor",
        _mel(128),
        "thinker.audio_tower.",
    ),
    "qwen2_5_omni": Species(
        "Qwen2_5OmniConfig",
        {"thinker_config": {"audio_config": {**MEL_TOWER, "output_dim": 16}}},
        "WhisperFeatureExtractor",
        _mel(128),
        "thinker.audio_tower.",
    ),
    "wav2vec2-bert": Species(
        "Wav2Vec2BertConfig",
        {
            **TOWER,
            "feature_projection_input_dim": 160,
        },
        "SeamlessM4TFeatureExtractor",
    ),
    **{
        name: Species(
            config,
            {
                "hidden_size": 16,
                "speech_encoder_layers": 2,
                "speech_encoder_attention_heads": 2,
                "speech_encoder_intermediate_size": 32,
                "conv_depthwise_kernel_size": 7,
                "num_conv_pos_embeddings": 16,
                "num_conv_pos_embedding_groups": 2,
            },
            "SeamlessM4TFeatureExtractor",
            prefix="speech_encoder.",
        )
        for name, config in (
            ("seamless_m4t", "SeamlessM4TConfig"),
            ("seamless_m4t_v2", "SeamlessM4Tv2Config"),
        )
    },
    "parakeet": Species(
        "ParakeetCTCConfig",
        {"encoder_config": PARAKEET, "vocab_size": 20},
        "ParakeetFeatureExtractor",
        prefix="encoder.",
    ),
    "canary": Species(
        "CanaryConfig",
        {"encoder_config": {"model_type": "parakeet_encoder", **PARAKEET, "num_mel_bins": 128}},
        "ParakeetFeatureExtractor",
        _mel(128),
        "model.encoder.",
    ),
    "cohere_asr": Species(
        "CohereAsrConfig",
        {"encoder_config": {**PARAKEET, "num_mel_bins": 128}},
        "CohereAsrFeatureExtractor",
        prefix="model.encoder.",
    ),
    "nemotron_asr_streaming": Species(
        "NemotronAsrStreamingEncoderConfig",
        PARAKEET,
        "NemotronAsrStreamingFeatureExtractor",
    ),
    "lasr": Species("LasrEncoderConfig", PARAKEET, "LasrFeatureExtractor"),
    "granite_speech5": Species(
        "GraniteSpeech5EncoderConfig",
        {**{k: v for k, v in PARAKEET.items() if "sub" not in k}, "vocab_size": 20, "subsample_layers": [0]},
        lambda: StandIn(320, 320),
    ),
    "granite_speech": Species(
        "GraniteSpeechConfig",
        {
            "encoder_config": {
                "input_dim": 40,
                "num_layers": 2,
                "hidden_dim": 16,
                "num_heads": 2,
                "dim_head": 8,
            },
            "text_config": {"model_type": "granite", "hidden_size": 16, "num_hidden_layers": 1},
        },
        lambda: StandIn(40, 320),
        prefix="encoder.",
    ),
    "gemma3n": Species(
        "Gemma3nAudioConfig",
        {
            "hidden_size": 32,
            "conf_num_attention_heads": 2,
            "conf_num_hidden_layers": 2,
            "sscp_conv_channel_size": (8, 4),
        },
        "Gemma3nAudioFeatureExtractor",
    ),
    "gemma4": Species(
        "Gemma4AudioConfig",
        {
            "hidden_size": 32,
            "num_attention_heads": 2,
            "num_hidden_layers": 2,
            "subsampling_conv_channels": (128, 4),
            "output_proj_dims": 16,
        },
        "Gemma4AudioFeatureExtractor",
    ),
    "speech_to_text": Species(
        "Speech2TextConfig",
        {
            "d_model": 16,
            "encoder_layers": 2,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "conv_channels": 16,
            "decoder_layers": 1,
        },
        "Speech2TextFeatureExtractor",
        prefix="model.encoder.",
    ),
    "audio-spectrogram-transformer": Species(
        "ASTConfig",
        {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
        "ASTFeatureExtractor",
    ),
    "clap": Species(
        "ClapConfig",
        {
            "audio_config": {
                "depths": [1, 1],
                "num_attention_heads": [2, 2],
                "num_hidden_layers": 2,
                "patch_embeds_hidden_size": 16,
                "hidden_size": 32,
            }
        },
        "ClapFeatureExtractor",
        prefix="audio_model.",
    ),
    "encodec": Species("EncodecConfig", {"num_filters": 4, "hidden_size": 16}, "EncodecFeatureExtractor"),
    "dac": Species(
        "DacConfig",
        {"encoder_hidden_size": 4, "decoder_hidden_size": 16, "n_codebooks": 2},
        "DacFeatureExtractor",
    ),
    "mimi": Species(
        "MimiConfig",
        {
            "hidden_size": 16,
            "num_filters": 4,
            "num_hidden_layers": 2,
            "intermediate_size": 32,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "upsample_groups": 16,
        },
        "EncodecFeatureExtractor",
        {"sampling_rate": 24_000},
        "encoder.",
    ),
    "xcodec": Species(
        "XcodecConfig",
        {
            "semantic_model_config": {"model_type": "hubert", **WAVE},
            "acoustic_model_config": {
                "model_type": "dac",
                "encoder_hidden_size": 4,
                "downsampling_ratios": [8, 5, 4, 2],
                "upsampling_ratios": [8, 5, 4, 2],
                "decoder_hidden_size": 16,
                "hidden_size": 16,
            },
        },
        "DacFeatureExtractor",
    ),
}
