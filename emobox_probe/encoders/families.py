"""The families of speech encoders in transformers, as data: how each takes audio in and gives frames out.

`FAMILIES` maps a configuration's `model_type` to a `Family`. A family runs in one of four ways:

    masked   padded batches; masks, the model's own and those of exactness.py, keep padding out
    window   windows as the model was trained with, so that a batch pads nothing more
    equal    only inputs of exactly one shape share a batch
    alone    one utterance at a time
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import emobox_probe.encoders.outputs as adapters
from emobox_probe.encoders.exactness import (
    Convolution,
    Validity,
    mask_attention,
    mask_convolutions,
    mask_frames,
    mask_group_norms,
)
from emobox_probe.encoders.inputs import Extracted, Prepare, Raw, Windows
from emobox_probe.encoders.outputs import Run

Way = Literal["masked", "window", "equal", "alone"]


@dataclass(frozen=True)
class Part:
    """The speech encoder inside a larger model.

    Attributes:
        model: `module:class` below `transformers.models`.
        keys: regular expression of what a checkpoint puts before the encoder's own weight names.
        config: dotted path to the encoder's configuration in the whole model's; empty for the whole.
    """

    model: str
    keys: str
    config: str = ""


@dataclass(frozen=True)
class Family:
    """One kind of model.

    Attributes:
        prepare: from a waveform to the model's inputs, on the CPU.
        way: how utterances share a batch.
        run: from a batch of inputs to frames.
        part: where the encoder is in a larger model; None for a model that is the encoder.
        unless: configurations that no mask makes exact, which run in equal lengths instead.
        convolutions: the chain from samples to frames, for masked families of raw waveforms.
        secure: puts the masks of exactness.py into a model just loaded.
        layer: what is taken, by its name in the library or in words.
        by: what keeps padding out, in words, for docs/encoders.md.
    """

    prepare: Prepare
    way: Way
    by: str
    run: Run = adapters.hidden_states
    part: Part | None = None
    unless: Callable[[Any], bool] = lambda config: False
    convolutions: Callable[[Any], list[Convolution]] = lambda config: []
    secure: Callable[[Any, Validity], None] = lambda model, validity: None
    layer: str = "last_hidden_state"

    def way_for(self, config: Any) -> Way:
        """How a model of this configuration runs."""
        return "equal" if self.way == "masked" and self.unless(config) else self.way

    def inside(self, model: str, keys: str, config: str = "") -> "Family":
        """The same encoder as a part of a larger model."""
        return replace(self, part=Part(model, keys, config))


# ── raw waveforms: wav2vec 2.0 and those that share its convolutions ──


def _config_convolutions(config: Any) -> list[Convolution]:
    return list(zip(config.conv_kernel, config.conv_stride, strict=True))


def _secure_wav2vec2(model: Any, validity: Validity) -> None:
    mask_frames(model, validity)
    mask_group_norms(model.feature_extractor, validity)
    mask_convolutions(model.encoder, validity)


def _secure_speecht5(model: Any, validity: Validity) -> None:
    mask_group_norms(model.prenet, validity)
    mask_convolutions(model.prenet.pos_conv_embed, validity)


WAV2VEC2 = Family(
    Raw(),
    "masked",
    "own mask; masked group norm where the front end has one; padding zeroed before position convolutions",
    run=adapters.masked_waveforms,
    unless=lambda config: bool(getattr(config, "add_adapter", False)),
    convolutions=_config_convolutions,
    secure=_secure_wav2vec2,
)
SPEECHT5 = replace(WAV2VEC2, secure=_secure_speecht5).inside(
    "speecht5.modeling_speecht5:SpeechT5EncoderWithSpeechPrenet", r"^(speecht5\.)?encoder\."
)
MOONSHINE = Family(
    Raw(),
    "masked",
    "mask of whole frames; masked group norm",
    run=adapters.masked_moonshine,
    convolutions=lambda config: adapters.MOONSHINE_CONVOLUTIONS,
    secure=mask_group_norms,
).inside("moonshine.modeling_moonshine:MoonshineEncoder", r"^(model\.)?encoder\.")
DATA2VEC2 = Family(
    Extracted(options={"return_attention_mask": False}),
    "masked",
    "own mask",
    run=adapters.masked_waveforms,
    convolutions=_config_convolutions,
)
SQUEEZED = Family(Raw(), "equal", "group norm and squeezing over time")
MOONSHINE_STREAMING = Family(Raw(), "equal", "causal convolutions ignore the mask")

# ── windows of Whisper's log-mel spectrogram ──

WHISPER = Family(
    Windows(320),
    "window",
    "30 s as published; the frames that cover audio are kept",
    adapters.window_frames(),
).inside("whisper.modeling_whisper:WhisperEncoder", r"^(model\.)?encoder\.")
WHISPER_TRIMMED = replace(
    WHISPER,
    prepare=Windows(320, trimmed=True),
    by="true length; padding masked in the spectrogram and in attention",
    run=adapters.trimmed_frames,
    secure=lambda model, validity: mask_attention(model.layers, model.config, validity),
)
POOLED = Family(Windows(640), "window", "30 s; pooled to 25 frames a second", adapters.window_frames())
UNPOOLED = Family(Windows(320), "window", "30 s", adapters.window_frames())
MASKED_WINDOW = Family(
    Windows(640),
    "window",
    "30 s with a mask; 25 frames a second",
    adapters.window_frames("input_features_mask"),
)

# ── spectrograms with a mask ──

W2V_BERT = Family(
    Extracted(mask="attention_mask"),
    "masked",
    "own mask",
    run=adapters.masked_frames("attention_mask"),
    unless=lambda config: bool(config.add_adapter),
)


def _secure_adapter(model: Any, validity: Validity) -> None:
    if model.adapter is not None:
        mask_convolutions(model.adapter, validity)


SEAMLESS = Family(
    Extracted(mask="attention_mask"),
    "masked",
    "own mask; padding zeroed before the adapter's convolutions",
    run=adapters.seamless_frames,
    unless=lambda config: config.num_adapter_layers > 1,
    secure=_secure_adapter,
)
PARAKEET = Family(
    Extracted(mask="attention_mask", options={"return_attention_mask": True}),
    "masked",
    "own mask",
    run=adapters.frames_with_mask_on_demand,
)
FUN_ASR = Family(
    Extracted(mask="input_features_mask", names={"attention_mask": "input_features_mask"}),
    "masked",
    "own mask",
    run=adapters.masked_frames("input_features_mask"),
)
GEMMA3N = Family(
    Extracted(
        mask="audio_mel_mask",
        names={"input_features": "audio_mel", "input_features_mask": "audio_mel_mask"},
        window=30.0,
    ),
    "masked",
    "own mask",
    run=adapters.gemma3n_frames,
)
GEMMA4 = Family(
    Extracted(mask="attention_mask", names={"input_features_mask": "attention_mask"}, window=30.0),
    "masked",
    "own mask",
    run=adapters.frames_with_mask,
)

# ── packed, tiled or convolutional: nothing is padded ──

QWEN_OMNI = Family(
    Extracted(options={"padding": "longest"}),
    "alone",
    "one packed utterance at a time",
    run=adapters.packed_frames,
)
QWEN3_ASR = Family(
    Extracted(
        names={"attention_mask": "input_features_mask"},
        options={"padding": "longest", "return_attention_mask": True},
    ),
    "alone",
    "gives all utterances in one row",
    run=adapters.packed_masked_frames,
)
TRUE_LENGTH_MEL = Family(Extracted(options={"padding": "longest"}), "equal", "takes no mask")
NO_MASK = Family(Extracted(), "equal", "takes no mask")
LEAKY_MASK = Family(Extracted(), "equal", "its mask leaks at the edge")
AST = Family(
    Extracted(window=10.255, samples_per_frame=1600),
    "window",
    "windows of 1024 spectrogram steps; a frame is the mean over frequency",
    run=adapters.patch_frames,
)
CLAP = Family(
    Extracted(window=10.0, samples_per_frame=5000, options={"truncation": "rand_trunc"}),
    "window",
    "10 s, repeated to fill; a frame is the mean over frequency",
    run=adapters.clap_frames,
)
CODEC = Family(Extracted(), "equal", "takes no mask", layer="what the quantiser is given")


def _towers(name: str, encoder: str, family: Family) -> dict[str, Family]:
    """An audio tower by itself (`<name>_encoder`), and within `<name>`."""
    keys = r"^(model\.|thinker\.)?audio_tower\."
    part = family.inside(f"{name}.modeling_{name}:{encoder}", keys, "audio_config")
    return {f"{name}_encoder": family, name: part}


def _speech_encoders(name: str, encoder: str, family: Family, *wholes: str) -> dict[str, Family]:
    """An encoder by itself (`<name>_encoder`), and within the recognisers `wholes`."""
    part = family.inside(f"{name}.modeling_{name}:{encoder}", r"^(model\.)?encoder\.", "encoder_config")
    return {f"{name}_encoder": family, **dict.fromkeys(wholes, part)}


def _omni(name: str, encoder: str) -> Family:
    keys = r"^(thinker\.)?audio_tower\."
    return QWEN_OMNI.inside(f"{name}.modeling_{name}:{encoder}", keys, "thinker_config.audio_config")


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(
        ("wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat", "data2vec-audio", "wav2vec2-conformer"),
        WAV2VEC2,
    ),
    "data2vec2": DATA2VEC2,
    **dict.fromkeys(("sew", "sew-d"), SQUEEZED),
    "speecht5": SPEECHT5,
    "moonshine": MOONSHINE,
    "moonshine_streaming": MOONSHINE_STREAMING.inside(
        "moonshine_streaming.modeling_moonshine_streaming:MoonshineStreamingEncoder",
        r"^(model\.)?encoder\.",
        "encoder_config",
    ),
    "whisper": WHISPER,
    **_towers("qwen2_audio", "Qwen2AudioEncoder", POOLED),
    **_towers("voxtral", "VoxtralEncoder", UNPOOLED),
    **_towers("audioflamingo3", "AudioFlamingo3Encoder", MASKED_WINDOW),
    **_towers("glmasr", "GlmAsrEncoder", TRUE_LENGTH_MEL),
    **_towers("voxtral_realtime", "VoxtralRealtimeEncoder", NO_MASK),
    **_towers("fun_asr_nano", "FunAsrNanoEncoder", FUN_ASR),
    **_towers("qwen3_asr", "Qwen3ASREncoder", QWEN3_ASR),
    "qwen2_5_omni": _omni("qwen2_5_omni", "Qwen2_5OmniAudioEncoder"),
    "qwen3_omni_moe": _omni("qwen3_omni_moe", "Qwen3OmniMoeAudioEncoder"),
    "wav2vec2-bert": W2V_BERT,
    "seamless_m4t": SEAMLESS.inside(
        "seamless_m4t.modeling_seamless_m4t:SeamlessM4TSpeechEncoder", r"^speech_encoder\."
    ),
    "seamless_m4t_v2": SEAMLESS.inside(
        "seamless_m4t_v2.modeling_seamless_m4t_v2:SeamlessM4Tv2SpeechEncoder", r"^speech_encoder\."
    ),
    **_speech_encoders(
        "parakeet", "ParakeetEncoder", PARAKEET, "parakeet_ctc", "parakeet_rnnt", "parakeet_tdt", "canary"
    ),
    "cohere_asr": PARAKEET.inside(
        "parakeet.modeling_parakeet:ParakeetEncoder", r"^(model\.)?encoder\.", "encoder_config"
    ),
    **_speech_encoders(
        "nemotron_asr_streaming", "NemotronAsrStreamingEncoder", PARAKEET, "nemotron_asr_streaming"
    ),
    **_speech_encoders("lasr", "LasrEncoder", PARAKEET, "lasr_ctc"),
    **_speech_encoders("granite_speech5", "GraniteSpeech5Encoder", LEAKY_MASK, "granite_speech5_ctc"),
    "granite_speech": replace(NO_MASK, prepare=Extracted(names={"input_features": "hidden_states"})).inside(
        "granite_speech.modeling_granite_speech:GraniteSpeechCTCEncoder",
        r"^(model\.)?encoder\.",
        "encoder_config",
    ),
    "gemma3n_audio": GEMMA3N,
    "gemma3n": GEMMA3N.inside(
        "gemma3n.modeling_gemma3n:Gemma3nAudioEncoder", r"^(model\.)?audio_tower\.", "audio_config"
    ),
    "gemma4_audio": GEMMA4,
    "gemma4": GEMMA4.inside(
        "gemma4.modeling_gemma4:Gemma4AudioModel", r"^(model\.)?audio_tower\.", "audio_config"
    ),
    "speech_to_text": LEAKY_MASK.inside(
        "speech_to_text.modeling_speech_to_text:Speech2TextEncoder", r"^(model\.)?encoder\."
    ),
    "audio-spectrogram-transformer": AST,
    "clap": CLAP.inside("clap.modeling_clap:ClapAudioModel", r"^audio_model\.", "audio_config"),
    "clap_audio_model": CLAP,
    "encodec": replace(CODEC, run=adapters.encodec_frames),
    "dac": replace(CODEC, run=adapters.dac_frames),
    "mimi_encoder": replace(CODEC, run=adapters.mimi_frames),
    "mimi": replace(CODEC, run=adapters.mimi_frames).inside(
        "mimi.modeling_mimi:MimiEncoderModel", r"^encoder\.", "encoder_config"
    ),
    "xcodec": replace(CODEC, run=adapters.xcodec_frames),
}
UNKNOWN = Family(Extracted(), "alone", "unknown architecture, never padded")
