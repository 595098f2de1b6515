"""data2vec 2.0 and emotion2vec for speech, which share one architecture: the encoder, for inference.

    waveform -> convolutions with layer norms -> projection -> + five convolutions over time, for positions
             -> extra tokens in front -> prenet blocks -> main blocks -> frames, without the extra tokens

Attention adds, to the score of two frames, minus their distance times a slope per head (ALiBi) times a learned scale.
What only training needs (dropout, masked spans, the decoder, the teacher) is left out.

Sources: data2vec 2.0 (arXiv:2212.07525), emotion2vec (arXiv:2312.15185), ALiBi (arXiv:2108.12409).
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.initialization import normal_, ones_
from transformers.modeling_outputs import BaseModelOutput

from emobox_probe.encoders.exactness import output_length

# How many numbers of attention bias are in memory at a time: 1 GB of float32. Longer audio takes its rows in turn.
BIAS_NUMBERS = 2**28


class Data2Vec2Config(PreTrainedConfig):
    """Sizes of the encoder; the defaults are those of the published base models.

    Attributes:
        num_prenet_layers: blocks before the main ones, in the publications part of the "modality encoder".
        num_hidden_layers: main blocks.
        num_position_convolutions: one after another, each of `position_kernel` frames and in `position_groups`.
        num_extra_tokens: learned tokens before the frames: 10 in emotion2vec, none in data2vec 2.0.
        alibi_scale_per_head: learned scale of the distances for each head, else one for all.
        alibi_scale_per_layer: and for each block, prenet first, else one for all.
        unused_classes: classes that a classifier never gives.
        converted_from: name and sha256 of the checkpoint that the weights are from.
    """

    model_type = "data2vec2"

    hidden_size: int = 768
    num_prenet_layers: int = 4
    num_hidden_layers: int = 8
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    layer_norm_eps: float = 1e-5
    conv_dim: list[int] | tuple[int, ...] = (512,) * 7
    conv_kernel: list[int] | tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    conv_stride: list[int] | tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    num_position_convolutions: int = 5
    position_kernel: int = 19
    position_groups: int = 16
    num_extra_tokens: int = 0
    alibi_scale_per_head: bool = True
    alibi_scale_per_layer: bool = False
    initializer_range: float = 0.02
    unused_classes: list[int] | tuple[int, ...] = ()
    converted_from: dict[str, str] | None = None


def alibi_slopes(heads: int) -> torch.Tensor:
    """Slopes of the distances, `(H,)`: a geometric series from 2^(-8/H), where H is a power of two.

    For other H, the series of the next smaller power, filled up with every second slope of the next larger.

    >>> alibi_slopes(4).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625]
    >>> alibi_slopes(6).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125]
    """
    power = 2 ** int(math.log2(heads))
    whole = [2 ** (-8 * place / power) for place in range(1, power + 1)]
    between = [2 ** (-4 * place / power) for place in range(1, 2 * (heads - power), 2)]
    return torch.tensor(whole + between)


class AlibiBias:
    """What is added to the scores of attention, for each block and the queries of one chunk after another.

    Args:
        scales: slope times learned scale `(L, H)`, or `(1, H)` for all blocks alike.
        extra: tokens before the frames, which have no distance to anything.
        length: tokens in all, N.
        padding: true for frames that are no audio `(B, T)`; None where nothing is padded.
        dtype: what attention is computed in.
    """

    def __init__(
        self, scales: torch.Tensor, extra: int, length: int, padding: torch.Tensor | None, dtype: torch.dtype
    ):
        self._scales, self._extra, self._dtype = scales, extra, dtype
        self._positions = torch.arange(length, device=scales.device, dtype=torch.float32)
        self._padding = None if padding is None else F.pad(padding, (extra, 0))[:, None, None]  # (B, 1, 1, N)
        batch = 1 if padding is None else padding.shape[0]
        # An exported graph has no loop of a length that is not known.
        exported = torch.compiler.is_exporting()
        rows = length if exported else max(BIAS_NUMBERS // (batch * scales.shape[1] * length), 1)
        self.chunks = [slice(start, start + rows) for start in range(0, length, rows)]
        self._same = len(scales) == 1 and len(self.chunks) == 1
        self._kept: torch.Tensor | None = None

    def __call__(self, block: int, queries: slice) -> torch.Tensor:
        """`(B or 1, H, queries, N)`."""
        if not self._same:
            return self._rows(block, queries)
        if self._kept is None:
            self._kept = self._rows(0, queries)
        return self._kept

    def _rows(self, block: int, queries: slice) -> torch.Tensor:
        distances = (self._positions[queries, None] - self._positions).abs_()  # (queries, N)
        distances[:, : self._extra] = 0
        distances[: max(self._extra - queries.start, 0)] = 0
        scales = self._scales[block % len(self._scales)]
        bias = (distances * -scales[:, None, None])[None].to(self._dtype)
        return bias if self._padding is None else bias.masked_fill(self._padding, -torch.inf)


class Attention(nn.Module):
    """Multi-head attention with one projection for queries, keys and values."""

    def __init__(self, config: Data2Vec2Config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.output = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: torch.Tensor, block: int, bias: AlibiBias) -> torch.Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, H, N, D/H)
        mixed = [
            F.scaled_dot_product_attention(q[:, :, queries], k, v, attn_mask=bias(block, queries))
            for queries in bias.chunks
        ]
        joined: torch.Tensor = self.output(torch.cat(mixed, 2).transpose(1, 2).flatten(2))
        return joined  # (B, N, D)


class Block(nn.Module):
    """A transformer block that normalises what it has added."""

    def __init__(self, config: Data2Vec2Config):
        super().__init__()
        size, epsilon = config.hidden_size, config.layer_norm_eps
        self.attention = Attention(config)
        self.attention_norm = nn.LayerNorm(size, epsilon)
        self.widen = nn.Linear(size, config.intermediate_size)
        self.narrow = nn.Linear(config.intermediate_size, size)
        self.norm = nn.LayerNorm(size, epsilon)

    def forward(self, x: torch.Tensor, block: int, bias: AlibiBias) -> torch.Tensor:
        x = self.attention_norm(x + self.attention(x, block, bias))
        out: torch.Tensor = self.norm(x + self.narrow(F.gelu(self.widen(x))))
        return out


class FrontConvolution(nn.Module):
    """A convolution over time and a layer norm over its channels."""

    def __init__(self, channels: int, size: int, kernel: int, stride: int):
        super().__init__()
        self.convolution = nn.Conv1d(channels, size, kernel, stride, bias=False)
        self.norm = nn.LayerNorm(size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.convolution(x).transpose(1, 2)  # (B, T, C)
        return F.gelu(self.norm(x)).transpose(1, 2)


class Positions(nn.ModuleList):
    """Convolutions over time whose output says where a frame is among its neighbours."""

    def __init__(self, config: Data2Vec2Config):
        size, kernel = config.hidden_size, config.position_kernel
        super().__init__(
            nn.Conv1d(size, size, kernel, padding=kernel // 2, groups=config.position_groups)
            for _ in range(config.num_position_convolutions)
        )

    def forward(self, x: torch.Tensor, padding: torch.Tensor | None) -> torch.Tensor:
        frames, size = x.shape[1:]
        for convolution in self:
            if padding is not None:  # zeros, as beyond the end of an utterance that is alone
                x = x.masked_fill(padding[..., None], 0)
            x = convolution(x.transpose(1, 2))[..., :frames].transpose(1, 2)  # (B, T, D)
            x = F.gelu(F.layer_norm(x, (size,)))
        return x


class Data2Vec2PreTrainedModel(PreTrainedModel):
    """What the encoder and its classifier share."""

    config_class = Data2Vec2Config
    base_model_prefix = "data2vec2"
    main_input_name = "input_values"
    input_modalities = "audio"
    _supports_sdpa = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, Data2Vec2Model):
            ones_(module.alibi_scale)
            if module.extra_tokens is not None:
                normal_(module.extra_tokens)


class Data2Vec2Model(Data2Vec2PreTrainedModel):
    """From normalised 16 kHz waveforms to frames, 50 a second. Attention is always PyTorch's fused one."""

    def __init__(self, config: Data2Vec2Config):
        super().__init__(config)
        size = config.hidden_size
        channels = [1, *config.conv_dim[:-1]]
        sizes = zip(channels, config.conv_dim, config.conv_kernel, config.conv_stride, strict=True)
        self.front = nn.Sequential(*(FrontConvolution(*each) for each in sizes))
        self.front_norm = nn.LayerNorm(config.conv_dim[-1])
        self.projection = nn.Linear(config.conv_dim[-1], size)
        self.positions = Positions(config)
        self.extra_tokens = (
            nn.Parameter(torch.zeros(1, config.num_extra_tokens, size)) if config.num_extra_tokens else None
        )
        depth = config.num_prenet_layers + config.num_hidden_layers
        self.alibi_scale = nn.Parameter(
            torch.ones(
                depth if config.alibi_scale_per_layer else 1,
                config.num_attention_heads if config.alibi_scale_per_head else 1,
            )
        )
        self.norm = nn.LayerNorm(size, config.layer_norm_eps)
        self.prenet = nn.ModuleList(Block(config) for _ in range(config.num_prenet_layers))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.post_init()

    def frame_counts(self, samples: Any) -> Any:
        """Frames of so many samples; works on numbers and on tensors."""
        convolutions = zip(self.config.conv_kernel, self.config.conv_stride, strict=True)
        return output_length(samples, list(convolutions))

    def frame_mask(self, attention_mask: torch.Tensor, frames: int) -> torch.Tensor:
        """True for frames `(B, T)` of audio, from a mask of samples `(B, N)` with ones for audio."""
        counts: torch.Tensor = self.frame_counts(attention_mask.long().sum(-1))
        return torch.arange(frames, device=attention_mask.device) < counts[:, None]

    def forward(
        self,
        input_values: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        **_: Any,
    ) -> BaseModelOutput:
        """Frames `(B, T, D)` of normalised samples `(B, N)`; a frame does not depend on padding behind the audio.

        Args:
            input_values: as the feature extractor gives them.
            attention_mask: ones for samples that are audio, zeros for padding behind them.
            output_hidden_states: give also what goes into the first block and what comes out of each, L+1 times
                `(B, T, D)`. L counts prenet and main blocks.
        """
        x = self.front(input_values[:, None]).transpose(1, 2)  # (B, T, C)
        x = self.projection(self.front_norm(x))  # (B, T, D)
        frames = x.shape[1]
        padding = None if attention_mask is None else ~self.frame_mask(attention_mask, frames)
        x = x + self.positions(x, padding)
        extra = self.config.num_extra_tokens
        if self.extra_tokens is not None:
            x = torch.cat([self.extra_tokens.expand(x.shape[0], -1, -1), x], dim=1)  # (B, N, D)
        bias = AlibiBias(self._alibi_scales(), extra, x.shape[1], padding, x.dtype)

        x = self.norm(x)
        kept = [x]
        for number, block in enumerate([*self.prenet, *self.blocks]):
            x = block(x, number, bias)
            kept.append(x)
        wanted = self.config.output_hidden_states if output_hidden_states is None else output_hidden_states
        states = tuple(state[:, extra:] for state in kept) if wanted else None
        return BaseModelOutput(last_hidden_state=x[:, extra:], hidden_states=states)

    def _alibi_scales(self) -> torch.Tensor:
        # Slopes are no buffer, which loading could leave unset: they are a few numbers, and made again each time.
        slopes = alibi_slopes(self.config.num_attention_heads).to(self.alibi_scale.device)
        scales: torch.Tensor = slopes * self.alibi_scale.float().clamp(min=0)
        return scales  # (L or 1, H)
