"""How each kind of model gives frames: functions from a batch of inputs to an `Output`.

Whatever a model returns (patches, packed utterances, a codec's channels), frames come out as `(B, T, D)`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn

from emobox_probe.encoders.exactness import Validity, output_length
from emobox_probe.encoders.inputs import Loaded, log_mel
from emobox_probe.errors import ProbeError

Inputs = dict[str, torch.Tensor]


class Output(NamedTuple):
    """Frames `(B, T, D)`, hidden states of L+1 layers `(B, T', D)` where asked for, valid frames `(B,)` or all."""

    frames: torch.Tensor
    layers: Sequence[torch.Tensor] = ()
    valid: torch.Tensor | None = None


Run = Callable[[Loaded, Inputs, Validity, bool], Output]


def hidden_states(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """`last_hidden_state` of a model of the library's usual form."""
    output = loaded.model(**inputs, output_hidden_states=layers)
    return Output(output.last_hidden_state, output.hidden_states or () if layers else ())


# ── raw waveforms ──


def masked_waveforms(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """wav2vec 2.0 and its kin."""
    mask = validity.mask(inputs["input_values"].shape[-1])
    # Without padding no mask is given: attention without one is faster.
    masks = {} if mask is None else {"attention_mask": mask.long()}
    return hidden_states(loaded, {**inputs, **masks}, validity, layers)


MOONSHINE_CONVOLUTIONS = [(127, 64), (7, 3), (3, 2)]


def masked_moonshine(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """Moonshine looks at every 384th sample of the mask; this one is true there for whole frames only."""
    padded = inputs["input_values"].shape[-1]
    lengths = validity.lengths(padded)
    if lengths is not None:
        last = (output_length(lengths, MOONSHINE_CONVOLUTIONS) - 1) * 384
        mask = torch.arange(padded, device=lengths.device) <= last[:, None]
        inputs = {**inputs, "attention_mask": mask.long()}
    return hidden_states(loaded, inputs, validity, layers)


def own_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """An encoder of the user's own, which is told how long each utterance is."""
    output: Output = loaded.model(inputs["waveform"], inputs["length"], layers)
    return output


# ── windows of Whisper's log-mel spectrogram ──


def window_frames(mask: str | None = None) -> Run:
    """Encoders of 30 s windows; `mask` is their name for a mask of spectrogram steps, where they take one."""

    def run(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
        extractor, waveforms = loaded.extractor, inputs["waveform"]
        steps, hop = extractor.nb_max_frames, extractor.hop_length
        mel = log_mel(waveforms, extractor, steps)  # (B, bands, steps)
        given = {"input_features": mel.to(_dtype(loaded.model))}
        if mask:
            ends = (inputs["length"] + hop - 1) // hop
            given[mask] = (torch.arange(steps, device=mel.device) < ends[:, None]).long()
        return hidden_states(loaded, given, validity, layers)

    return run


def trimmed_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """Whisper on the true length: the spectrogram and the positions are cut to what the audio covers."""
    encoder, extractor = loaded.model, loaded.extractor
    hop = 2 * extractor.hop_length  # samples of a frame
    lengths = (inputs["length"] + hop - 1) // hop  # (B,)
    frames = -(-inputs["waveform"].shape[1] // hop)
    mel = log_mel(inputs["waveform"], extractor, extractor.nb_max_frames)[..., : 2 * frames]
    inside = torch.arange(2 * frames, device=mel.device) < 2 * lengths[:, None]
    mel = mel.masked_fill(~inside[:, None], 0).to(_dtype(encoder))
    whole, size = encoder.embed_positions, encoder.config.max_source_positions
    try:
        # The model takes exactly as many positions as its configuration and its table have.
        encoder.embed_positions = nn.Embedding.from_pretrained(whole.weight[:frames])
        encoder.config.max_source_positions = frames
        with validity.of(lengths, frames, []):
            return hidden_states(loaded, {"input_features": mel}, validity, layers)
    finally:
        encoder.embed_positions, encoder.config.max_source_positions = whole, size


def _dtype(model: nn.Module) -> torch.dtype:
    return next(model.parameters()).dtype


# ── spectrograms with a mask ──


def masked_frames(mask: str) -> Run:
    """Models with as many frames as steps."""

    def run(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
        return hidden_states(loaded, inputs, validity, layers)._replace(valid=inputs[mask].sum(-1))

    return run


def frames_with_mask(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """Models that give the mask of their frames back."""
    output = loaded.model(**inputs, output_hidden_states=layers)
    hidden = output.hidden_states or () if layers else ()
    return Output(output.last_hidden_state, hidden, output.attention_mask.sum(-1))


def frames_with_mask_on_demand(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """The same, for those that must be asked to."""
    asked = {"output_attention_mask": True}
    return frames_with_mask(loaded, {**inputs, **asked}, validity, layers)  # type: ignore[dict-item]


def seamless_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """SeamlessM4T: an adapter with convolutions at the end."""
    mask, config = inputs["attention_mask"], loaded.config
    lengths = mask.sum(-1)
    with validity.of(lengths, mask.shape[-1], []):
        output = hidden_states(loaded, inputs, validity, layers)
    if config.add_adapter:
        kernel, stride = config.adaptor_kernel_size, config.adaptor_stride
        lengths = (lengths + 2 * (kernel // 2) - kernel) // stride + 1
    return output._replace(valid=lengths)


def gemma3n_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """Gemma 3n's tower marks padding, not audio."""
    _refuse_layers("gemma3n", layers)
    output = loaded.model(inputs["audio_mel"], ~inputs["audio_mel_mask"].bool())
    return Output(output.last_hidden_state, (), (~output.audio_mel_mask).sum(-1))


# ── packed, tiled or convolutional: nothing is padded ──


def packed_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """Qwen omni's audio towers take one utterance `(bands, T)` with its length, and give `(T', D)`."""
    features = inputs["input_features"][0]
    lengths = torch.tensor([features.shape[1]], device=features.device)
    output = loaded.model(input_features=features, feature_lens=lengths, output_hidden_states=layers)
    return _unpacked(output, layers)


def packed_masked_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """Qwen3-ASR takes a batch with a mask, and gives the frames of all utterances in one row `(T', D)`."""
    return _unpacked(loaded.model(**inputs, output_hidden_states=layers), layers)


def _unpacked(output: object, layers: bool) -> Output:
    hidden = getattr(output, "hidden_states", None) or () if layers else ()
    frames: torch.Tensor = output.last_hidden_state  # type: ignore[attr-defined]
    return Output(frames[None], [layer[None] for layer in hidden])


def patch_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """AST: tokens after the two special ones are frequency x time; a frame is the mean over frequency."""
    config = loaded.config
    times = (config.max_length - config.patch_size) // config.time_stride + 1
    output = hidden_states(loaded, inputs, validity, layers)

    def over_frequency(tokens: torch.Tensor) -> torch.Tensor:
        patches: torch.Tensor = tokens[:, 2:].unflatten(1, (-1, times))  # (B, F, T, D)
        return patches.mean(1)

    return Output(over_frequency(output.frames), [over_frequency(layer) for layer in output.layers])


def clap_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """CLAP: `(B, D, F, T)` at the end of a pyramid; a frame is the mean over frequency."""
    _refuse_layers("clap", layers)
    # A window is never longer than what the model takes; fused models would mark one of a batch at random.
    longer = torch.zeros_like(inputs["is_longer"])
    output = loaded.model(input_features=inputs["input_features"], is_longer=longer)
    return Output(output.last_hidden_state.mean(2).transpose(1, 2))


def encodec_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """What EnCodec's encoder gives its quantiser."""
    _refuse_layers("encodec", layers)
    samples = inputs["input_values"]  # (B, channels, N)
    if loaded.config.normalize:
        samples = samples / (samples.mean(1, keepdim=True).square().mean(-1, keepdim=True).sqrt() + 1e-8)
    return Output(loaded.model.encoder(samples).transpose(1, 2))


def dac_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """What DAC's encoder gives its quantiser."""
    _refuse_layers("dac", layers)
    return Output(loaded.model.encoder(inputs["input_values"]).transpose(1, 2))


def mimi_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """What Mimi's encoder gives its quantiser."""
    _refuse_layers("mimi", layers)
    return Output(loaded.model(inputs["input_values"]).latents.transpose(1, 2))


def xcodec_frames(loaded: Loaded, inputs: Inputs, validity: Validity, layers: bool) -> Output:
    """Acoustic and semantic frames as X-Codec joins them, caught on their way to the quantiser."""
    _refuse_layers("xcodec", layers)
    caught: list[torch.Tensor] = []
    hook = loaded.model.fc.register_forward_hook(lambda module, given, joined: caught.append(joined))
    try:
        loaded.model.encode(inputs["input_values"])
    finally:
        hook.remove()
    return Output(caught[0])


def _refuse_layers(name: str, layers: bool) -> None:
    if layers:
        raise ProbeError(
            f"Expected an encoder whose layers are all as wide as its output, but {name} has none that are; "
            f"run it without --layers all."
        )
