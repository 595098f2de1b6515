"""data2vec 2.0 and emotion2vec against the reference implementation, both with the weights of one random checkpoint."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import emotion2vec_reference as reference
import numpy as np
import pytest
import torch
import yaml
from transformers import (
    AutoFeatureExtractor,
    AutoModel,
    AutoModelForAudioClassification,
    Wav2Vec2FeatureExtractor,
    pipeline,
)
from zoo import utterances

from emobox_probe.encoders.convert_checkpoint import convert_checkpoint
from emobox_probe.encoders.data2vec2 import (
    Data2Vec2Config,
    Data2Vec2FeatureExtractor,
    Data2Vec2Model,
    data2vec2,
)
from emobox_probe.encoders.data2vec2.data2vec2_classifier import EMOTION2VEC_PLUS_LABELS
from emobox_probe.encoders.encoder import encoded
from emobox_probe.encoders.load import load_encoder

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
TOLERANCE = 1e-4
SECONDS = (0.025, 0.61, 3.0, 1.0003, 5.3)  # the first is the shortest there is: 400 samples


class Pair:
    """A reference model and the folder that the converter made of its checkpoint."""

    def __init__(self, style: str, folder: Path, **changes: Any):
        emotion2vec = style == "funasr"
        changes = {"decoder": not emotion2vec, "audio_num_extra_tokens": 10 if emotion2vec else 0, **changes}
        conf = reference.settings(**changes)
        self.model = reference.reference(conf, classes=9 if emotion2vec else -1)
        self.folder = folder / "converted"
        self.state = self.model.state_dict()
        if emotion2vec:
            checkpoint = reference.save_funasr(self.state, folder / "model.pt")
            (folder / "config.yaml").write_text(yaml.safe_dump({"model_conf": conf}))
        else:
            checkpoint = reference.save_fairseq(self.state, conf, folder / "base_libri.pt")
        convert_checkpoint(checkpoint, self.folder)

    def expected(self, waveforms: list[np.ndarray]) -> list[torch.Tensor]:
        return [reference.frames(self.model, torch.from_numpy(waveform)) for waveform in waveforms]


@pytest.fixture(scope="module", params=["funasr", "fairseq"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(request.param, tmp_path_factory.mktemp(request.param), tiny=True)


@pytest.fixture(scope="module")
def emotion2vec(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair("funasr", tmp_path_factory.mktemp("emotion2vec"), tiny=True)


def inputs_of(folder: Path, waveforms: list[np.ndarray]) -> Any:
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    return extractor(waveforms, sampling_rate=16_000, return_tensors="pt", padding=True)


def assert_frames_are_those_of(pair: Pair, seconds: tuple[float, ...]) -> None:
    """Alone and in a padded batch, by AutoModel and through the project's own encoder."""
    waveforms = utterances(*seconds)
    expected = pair.expected(waveforms)
    model = AutoModel.from_pretrained(pair.folder)
    with torch.inference_mode():
        alone = [model(**inputs_of(pair.folder, [w])).last_hidden_state[0] for w in waveforms]
        together = model(**inputs_of(pair.folder, waveforms)).last_hidden_state
    encoder = load_encoder(str(pair.folder), CPU)
    stored = encoder.encode(waveforms)
    for row, frames in enumerate(expected):
        for found in (alone[row], together[row, : len(frames)], stored[row]):
            assert found.shape == frames.shape
            assert (found - frames).abs().max() < TOLERANCE
    assert torch.cat(expected).std() > 0.5  # the tolerance means something


# ── frames ──


def test_frames_are_those_of_the_reference(pair: Pair) -> None:
    assert_frames_are_those_of(pair, SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("style", ["funasr", "fairseq"])
def test_frames_are_those_of_the_reference_at_the_size_of_base(style: str, tmp_path: Path) -> None:
    pair = Pair(style, tmp_path)
    assert sum(weight.numel() for weight in AutoModel.from_pretrained(pair.folder).parameters()) > 93e6
    assert_frames_are_those_of(pair, SECONDS)


@pytest.mark.parametrize(
    "changes",
    [
        {"audio_learned_alibi_scale_per_layer": True},
        {"audio_learned_alibi_scale_per_head": False},
        {"num_heads": 4, "norm_eps": 1e-2},
        {"audio_prenet_depth": 0, "mlp_ratio": 2.0},
        {"audio_conv_pos_width": 30, "audio_conv_pos_depth": 3},  # an even kernel
        {"audio_feature_encoder_spec": "[(24, 10, 5)] + [(24, 3, 2)] * 3 + [(24, 4, 3)]"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_settings_are_as_in_the_reference(changes: dict[str, Any], tmp_path: Path) -> None:
    assert_frames_are_those_of(Pair("funasr", tmp_path, tiny=True, **changes), (0.61, 1.5))


def test_without_its_mask_a_batch_leaks_and_so_does_the_reference(pair: Pair) -> None:
    """What the tests of padded batches would see if the mask did nothing."""
    waveforms = utterances(2.0, 0.5)
    expected = pair.expected(waveforms)[1]
    given = inputs_of(pair.folder, waveforms)
    model = AutoModel.from_pretrained(pair.folder)
    with torch.inference_mode():
        without = model(given.input_values).last_hidden_state[1, : len(expected)]
        masked = pair.model.extract_features(given.input_values, padding_mask=given.attention_mask == 0)
    assert (without - expected).abs().max() > 100 * TOLERANCE
    assert (masked["x"][1, : len(expected)] - expected).abs().max() > 100 * TOLERANCE


def test_long_audio_takes_attention_in_parts_and_gives_the_same(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = AutoModel.from_pretrained(pair.folder)
    given = inputs_of(pair.folder, utterances(1.3, 0.7))
    with torch.inference_mode():
        whole = model(**given).last_hidden_state
        monkeypatch.setattr(data2vec2, "BIAS_NUMBERS", 2 * 6 * 64 * 7)
        parts = model(**given).last_hidden_state
    frames = model.frame_mask(given.attention_mask, whole.shape[1])
    torch.testing.assert_close(parts[frames], whole[frames], atol=1e-5, rtol=1e-5)


def test_hidden_states_are_those_of_every_block(pair: Pair) -> None:
    (waveform,) = utterances(0.7)
    model = AutoModel.from_pretrained(pair.folder)
    with torch.inference_mode():
        output = model(**inputs_of(pair.folder, [waveform]), output_hidden_states=True)
    assert len(output.hidden_states) == 1 + 2 + 3
    assert {state.shape for state in output.hidden_states} == {output.last_hidden_state.shape}
    assert torch.equal(output.hidden_states[-1], output.last_hidden_state)
    (features,) = encoded(load_encoder(str(pair.folder), CPU, layers="all"), [waveform], 16_000)
    assert features.means is not None
    expected = torch.stack([state[0].mean(0) for state in output.hidden_states])
    torch.testing.assert_close(features.means, expected, atol=1e-5, rtol=1e-5)


def test_half_precision_is_near(pair: Pair) -> None:
    waveforms = utterances(0.5, 1.2)
    for expected, found in zip(
        pair.expected(waveforms),
        load_encoder(str(pair.folder), CPU, dtype="bfloat16").encode(waveforms),
        strict=True,
    ):
        assert (found.float() - expected).norm() / expected.norm() < 0.05


def test_alibi_slopes_are_those_of_the_reference() -> None:
    reference.reference_class()
    from funasr.models.emotion2vec.base import get_alibi

    for heads in (1, 2, 6, 8, 12, 16, 20):
        torch.testing.assert_close(data2vec2.alibi_slopes(heads), -get_alibi(2, heads)[:, 0, 1])


# ── input ──


@pytest.mark.parametrize("loudness", [1.0, 1e-2, 1e-3, 1e-4])
def test_waveforms_are_normalised_as_published(loudness: float) -> None:
    """Also where they are so quiet that wav2vec 2.0's normalisation, which is all but the same, is not."""
    waveforms = [waveform * np.float32(loudness) + np.float32(0.01) for waveform in utterances(1.0, 0.3)]
    found = Data2Vec2FeatureExtractor(return_attention_mask=True)(
        waveforms, sampling_rate=16_000, return_tensors="pt", padding=True
    ).input_values
    theirs = Wav2Vec2FeatureExtractor()(waveforms[0], sampling_rate=16_000, return_tensors="pt").input_values
    for row, waveform in enumerate(map(torch.from_numpy, waveforms)):
        expected = torch.nn.functional.layer_norm(waveform, waveform.shape)
        torch.testing.assert_close(found[row, : len(waveform)], expected, atol=2e-5, rtol=2e-5)
        assert not found[row, len(waveform) :].any()
    quiet = (theirs[0] - found[0]).abs().max() > 1e-3
    assert bool(quiet) == (loudness < 1.0)


# ── sizes ──


@pytest.mark.parametrize(
    ("sizes", "ours", "millions"),
    [
        ({}, {}, 93.2),
        (
            {"embed_dim": 1024, "num_heads": 16, "depth": 16, "audio_prenet_depth": 8},
            {
                "hidden_size": 1024,
                "num_attention_heads": 16,
                "intermediate_size": 4096,
                "num_hidden_layers": 16,
                "num_prenet_layers": 8,
            },
            313.3,
        ),
    ],
    ids=["base", "large"],
)
def test_published_sizes_of_data2vec_2(sizes: dict[str, Any], ours: dict[str, Any], millions: float) -> None:
    """Large is stated as 314 M parameters, and base as 93 M."""
    with torch.device("meta"):
        expected = reference.reference_class()(
            model_conf=reference.settings(audio_num_extra_tokens=0, **sizes)
        )
        found = Data2Vec2Model(Data2Vec2Config(**ours))
    count = sum(weight.numel() for weight in found.parameters())
    assert count == sum(weight.numel() for weight in expected.parameters())
    assert sorted(tuple(w.shape) for w in found.parameters() if w.dim() > 2) == sorted(
        tuple(w.shape) for name, w in expected.named_parameters() if w.dim() > 2 and "alibi" not in name
    )
    assert round(count / 1e6, 1) == millions


def test_published_names_of_the_tests_are_those_of_the_reference(emotion2vec: Pair) -> None:
    made = reference.published_state(reference.settings(tiny=True), classes=9)
    assert {name: w.shape for name, w in made.items()} == {n: w.shape for n, w in emotion2vec.state.items()}


# ── the classifier ──


def test_scores_and_labels_are_those_of_the_reference(
    emotion2vec: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against FunASR's own `inference`, from the waveform on."""
    module = __import__("funasr.models.emotion2vec.model", fromlist=["model"])
    monkeypatch.setattr(module, "load_audio_text_image_video", lambda waveforms, **_: waveforms)
    waveforms = utterances(*SECONDS)
    published = SimpleNamespace(token_list=list(EMOTION2VEC_PLUS_LABELS))
    with torch.inference_mode():
        expected, _ = emotion2vec.model.inference(
            [torch.from_numpy(waveform) for waveform in waveforms],
            key=[str(row) for row in range(len(waveforms))],
            tokenizer=published,
            device="cpu",
            extract_embedding=False,
        )
        model = AutoModelForAudioClassification.from_pretrained(emotion2vec.folder)
        logits = model(**inputs_of(emotion2vec.folder, waveforms)).logits
        alone = [model(inputs_of(emotion2vec.folder, [w]).input_values).logits[0] for w in waveforms]
    assert model.config.id2label == dict(enumerate(EMOTION2VEC_PLUS_LABELS))
    torch.testing.assert_close(logits, torch.stack(alone), atol=1e-5, rtol=0)
    for row, result in enumerate(expected):
        assert result["labels"] == [model.config.id2label[number] for number in range(9)]
        scores = torch.tensor(result["scores"])
        assert (logits[row].softmax(-1) - scores).abs().max() < TOLERANCE
        assert scores.max() > 0.15  # no flat scores, which anything would equal


def test_unused_classes_get_no_score(emotion2vec: Pair) -> None:
    config = Data2Vec2Config.from_pretrained(emotion2vec.folder, unused_classes=[1, 5])
    model = AutoModelForAudioClassification.from_pretrained(emotion2vec.folder, config=config)
    inputs = inputs_of(emotion2vec.folder, utterances(0.5, 0.8))
    output = model(**inputs, labels=torch.tensor([0, 2]))
    scores = output.logits.softmax(-1)
    assert not scores[:, [1, 5]].any()
    torch.testing.assert_close(scores.sum(-1), torch.ones(2))
    torch.testing.assert_close(output.loss, -scores[[0, 1], [0, 2]].log().mean())


def test_a_pipeline_takes_the_folder(emotion2vec: Pair) -> None:
    (waveform,) = utterances(0.9)
    found = pipeline("audio-classification", model=str(emotion2vec.folder), device="cpu", top_k=9)(waveform)
    assert {entry["label"] for entry in found} == set(EMOTION2VEC_PLUS_LABELS)
    assert sum(entry["score"] for entry in found) == pytest.approx(1.0)
