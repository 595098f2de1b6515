"""`pytorch_model.bin` is the model that its safetensors are, read once; what is none is refused and never run."""

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_server import HubServer
from published_models import files_of, save_as_published, save_as_safetensors
from safetensors.torch import load_file
from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification
from zoo import make_checkpoint

from emobox_probe.encoders.checkpoints import conversions
from emobox_probe.encoders.classifier import load_classifier
from emobox_probe.encoders.data2vec2 import pickles
from emobox_probe.encoders.load import load_encoder
from emobox_probe.errors import ProbeError

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
HUBERT = "facebook/hubert-large-ll60k"
INDEX = "pytorch_model.bin.index.json"


@pytest.fixture(autouse=True)
def converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where conversions are kept: nowhere that another test has been."""
    monkeypatch.setattr(conversions.constants, "HF_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "emobox" / "converted"


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    return save_as_safetensors(HUBERT, tmp_path / "safe")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    return save_as_published(HUBERT, tmp_path / "published")


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return dict(torch.load(folder / "pytorch_model.bin", weights_only=True))


def split(folder: Path) -> Path:
    """The weights in two files, with an index."""
    weights = weights_of(folder)
    (folder / "pytorch_model.bin").unlink()
    names = [f"pytorch_model-0000{number}-of-00002.bin" for number in (1, 2)]
    keys = sorted(weights)
    for file, part in zip(names, (keys[::2], keys[1::2]), strict=True):
        torch.save({key: weights[key] for key in part}, folder / file)
    weight_map = {key: names[place % 2] for place, key in enumerate(keys)}
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    return folder


def sha256_of(name: object, **options: Any) -> str | None:
    return load_encoder(str(name), CPU, **options).facts.weights_sha256


def refused(folder: Path, converted: Path) -> str:
    """Why the model is refused, in a paragraph; nothing is kept of it."""
    with pytest.raises(ProbeError) as error:
        load_encoder(str(folder), CPU)
    kept = converted.iterdir() if converted.exists() else ()
    assert [path for path in kept if path.name != "locks"] == []
    assert "\n" not in str(error.value)
    return str(error.value)


# ── the same model ──


def test_parts_old_archives_and_shared_memory_are_the_same_model(
    safe: Path, published: Path, tmp_path: Path
) -> None:
    expected = sha256_of(safe)
    before_archives = shutil.copytree(published, tmp_path / "before archives")
    shared = shutil.copytree(published, tmp_path / "shared")
    weights = weights_of(published)
    torch.save(weights, before_archives / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    whole = torch.stack([weights["encoder.layer_norm.weight"], weights["encoder.layer_norm.bias"]])
    views = {"encoder.layer_norm.weight": whole[0], "encoder.layer_norm.bias": whole[1]}
    transposed = weights["encoder.layers.0.feed_forward.output_dense.weight"].t().contiguous().t()
    views |= {"encoder.layers.0.feed_forward.output_dense.weight": transposed, "tied": whole[1]}
    torch.save({**weights, **views}, shared / "pytorch_model.bin")
    for folder in (published, before_archives, shared, split(published)):
        assert sha256_of(folder) == expected, folder


def test_half_precision_is_kept_as_it_is_stored(published: Path, safe: Path, converted: Path) -> None:
    halves = {key: weight.half() for key, weight in weights_of(published).items()}
    torch.save(halves, published / "pytorch_model.bin")
    assert sha256_of(published) != sha256_of(safe)
    (kept,) = converted.glob("*/model.safetensors")
    assert {weight.dtype for weight in load_file(kept).values()} == {torch.float16}


def test_a_file_is_read_once_and_another_content_is_another_conversion(
    published: Path, converted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    load = torch.load
    monkeypatch.setattr(
        pickles.torch, "load", lambda path, **how: reads.append(path.name) or load(path, **how)
    )
    with ThreadPoolExecutor(3) as pool:
        first = {*pool.map(sha256_of, [published] * 3)}
    assert (len(first), reads) == (1, ["pytorch_model.bin"])
    changed = {key: weight + 1 for key, weight in load(published / "pytorch_model.bin").items()}
    torch.save(changed, published / "pytorch_model.bin")
    assert sha256_of(published) not in first
    assert len(list(converted.glob("*/model.safetensors"))) == 2


def test_a_conversion_that_was_cut_short_is_made_again(published: Path, converted: Path) -> None:
    expected = sha256_of(published)
    (kept,) = converted.glob("*/model.safetensors")
    half = kept.parent.with_name(f".{kept.parent.name}.0123456789ab.incomplete")
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"of a process that was killed")
    kept.write_bytes(kept.read_bytes()[:-100])
    assert sha256_of(published) == expected
    assert not half.exists()


def flip(path: Path) -> None:
    """One bit in the middle: of a weight, of a setting."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_conversion_with_a_flipped_bit_is_made_again(published: Path, converted: Path) -> None:
    expected = sha256_of(published)
    (kept,) = converted.glob("*/model.safetensors")
    whole = kept.read_bytes()
    for damaged in (kept, kept.with_name("checksums.json")):
        flip(damaged)
        assert sha256_of(published) == expected
        assert kept.read_bytes() == whole
    kept.unlink()
    assert sha256_of(published) == expected


def test_settings_of_a_conversion_with_a_flipped_bit_are_made_again(tmp_path: Path, converted: Path) -> None:
    folder = save_as_published("emotion2vec/emotion2vec_plus_base", tmp_path / "funasr")
    expected = sha256_of(folder)
    (kept,) = converted.glob("*/config.json")
    whole = kept.read_bytes()
    flip(kept)
    assert sha256_of(folder) == expected
    assert kept.read_bytes() == whole


def test_a_damaged_conversion_whose_source_is_gone_is_not_used(
    hub: HubServer, published: Path, converted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, with the checkpoint taken from the cache to save room."""
    hub.create("model", "lab/gone").add("main", "weights", files_of(published))
    assert sha256_of("lab/gone")
    cached = Path(conversions.constants.HF_HUB_CACHE) / "models--lab--gone"
    for file in cached.rglob("pytorch_model.bin"):
        file.resolve().unlink()
        file.unlink()
    (kept,) = converted.glob("*/model.safetensors")
    flip(kept)
    monkeypatch.setattr(conversions.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ProbeError, match=r"^Expected lab/gone .*\.$") as error:
        load_encoder("lab/gone", CPU)
    assert "\n" not in str(error.value)


def test_only_what_is_needed_is_downloaded(hub: HubServer, published: Path, safe: Path) -> None:
    safe_files, bin_files = files_of(safe), files_of(split(published))
    hub.create("model", "lab/both").add("main", "both", {**bin_files, **safe_files})
    hub.create("model", "lab/parts").add("main", "parts", bin_files)
    assert sha256_of("lab/both") == sha256_of("lab/parts")
    sent = {request.path for request in hub.requests if request.method == "GET" and request.status < 300}
    assert not [path for path in sent if path.startswith("/lab/both") and path.endswith(".bin")]
    assert len([path for path in sent if path.startswith("/lab/parts") and path.endswith(".bin")]) == 2


def test_a_revision_is_another_conversion(hub: HubServer, published: Path, converted: Path) -> None:
    repository = hub.create("model", "lab/moves")
    first = repository.add("main", "one", files_of(published)).oid
    changed = {key: weight + 1 for key, weight in weights_of(published).items()}
    torch.save(changed, published / "pytorch_model.bin")
    repository.add("refs/pr/1", "two", files_of(published))
    assert sha256_of("lab/moves") == sha256_of("lab/moves", revision=first)
    assert sha256_of("lab/moves", revision="refs/pr/1") != sha256_of("lab/moves")
    assert len(list(converted.glob("*/model.safetensors"))) == 2


def test_safetensors_of_a_pull_request_are_taken_by_name(
    hub: HubServer, published: Path, safe: Path, converted: Path
) -> None:
    """As a bot offers them beside many a `.bin`; the record says the commit of the request."""
    repository = hub.create("model", "lab/offered")
    repository.add("main", "weights", files_of(published))
    offered = repository.add("refs/pr/1", "Adding safetensors", {**files_of(published), **files_of(safe)}).oid
    facts = load_encoder("lab/offered", CPU, revision="refs/pr/1").facts
    assert facts.revision == offered
    assert not list(converted.glob("*/model.safetensors"))
    assert facts.weights_sha256 == sha256_of("lab/offered")  # of the .bin, which is read without being asked
    sent = [request.path for request in hub.requests if request.status < 300]
    assert not [path for path in sent if "discussions" in path or "refs%2Fconvert" in path]


def test_a_damaged_download_is_not_converted(hub: HubServer, published: Path) -> None:
    repository = hub.create("model", "lab/large")
    files = files_of(published)
    repository.large.add(conversions.hashlib.sha256(files["pytorch_model.bin"]).hexdigest())
    repository.add("main", "large", files)
    assert sha256_of("lab/large")
    shutil.rmtree(Path(conversions.constants.HF_HOME))
    cached = Path(conversions.constants.HF_HUB_CACHE) / "models--lab--large"
    (blob,) = [path for path in (cached / "blobs").iterdir() if len(path.name) == 64]
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ProbeError, match=r"pytorch_model\.bin of lab/large as it is on the Hub.*delete it"):
        load_encoder("lab/large", CPU)


def test_code_of_a_folder_that_is_trusted_finds_its_weights(published: Path, safe: Path) -> None:
    config = json.loads((published / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling_mine.Mine"}
    (published / "config.json").write_text(json.dumps(config))
    (published / "modeling_mine.py").write_text(
        "from transformers import HubertModel\n\n\nclass Mine(HubertModel):\n    written_here = True\n"
    )
    encoder = load_encoder(str(published), CPU, trust_remote_code=True)
    assert encoder._loaded.model.written_here
    assert encoder.facts.weights_sha256 == sha256_of(safe)


def test_classifiers_are_read_too(tmp_path: Path) -> None:
    folder = save_as_published("facebook/data2vec-audio-base", tmp_path / "classifier")
    config = Wav2Vec2Config(**json.loads((folder / "config.json").read_text()) | {"model_type": "wav2vec2"})
    model = Wav2Vec2ForSequenceClassification(config)
    config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    first = load_classifier(str(folder), CPU)
    (folder / "pytorch_model.bin").unlink()
    model.save_pretrained(folder)
    assert first.weights_sha256 == load_classifier(str(folder), CPU).weights_sha256


def test_of_a_larger_model_the_part_is_read(hub: HubServer, tmp_path: Path) -> None:
    folder = make_checkpoint("gemma3n", tmp_path / "gemma3n")
    expected = sha256_of(folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    commit = hub.create("model", "lab/gemma3n").add("main", "weights", files_of(folder)).oid
    facts = load_encoder("lab/gemma3n", CPU).facts
    assert (facts.weights_sha256, facts.revision) == (expected, commit)


# ── refused ──


class Code:
    """An object whose unpickling runs a command."""

    def __init__(self, creates: Path):
        self.creates = creates

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.creates}",)


class Foreign:
    """An object of a class that no checkpoint of tensors needs."""


@pytest.mark.parametrize("archive", [True, False])
def test_code_is_refused_and_not_run(archive: bool, published: Path, converted: Path, tmp_path: Path) -> None:
    created, file = tmp_path / "created", published / "pytorch_model.bin"
    content = {**weights_of(published), "payload": Code(created)}
    torch.save(content, file, _use_new_zipfile_serialization=archive)
    message = refused(published, converted)
    assert f"pytorch_model.bin of {published} also holds" in message
    assert "posix.system" in message
    assert not created.exists()
    torch.load(file, weights_only=False)  # opened as it must not be: the code is there
    assert created.exists()


def test_a_foreign_class_is_refused_by_name(published: Path, converted: Path) -> None:
    torch.save({**weights_of(published), "trainer": Foreign()}, published / "pytorch_model.bin")
    assert f"{__name__}.Foreign" in refused(published, converted)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 377667514\n"
PAGE = b"<!DOCTYPE html>\n<html><body>Sign in</body></html>" + b" " * 5000


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.safetensors"])
@pytest.mark.parametrize(
    ("content", "what"), [(POINTER, "a Git-LFS pointer"), (PAGE, "a web page"), (b"", "empty")]
)
def test_what_lies_there_instead_is_named(
    file: str, content: bytes, what: str, published: Path, converted: Path
) -> None:
    (published / file).write_bytes(content)
    assert f"Expected weights in {file} of {published}, but it is {what};" in refused(published, converted)


Change = Callable[[Path], object]


def rewrite(change: Callable[[dict[str, Any]], Any]) -> Change:
    def apply(folder: Path) -> None:
        torch.save(change(weights_of(folder)), folder / "pytorch_model.bin")

    return apply


def cut(folder: Path) -> None:
    file = folder / "pytorch_model.bin"
    file.write_bytes(file.read_bytes()[:-2000])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cut, "breaks off; download it again"),
        (rewrite(lambda weights: [*weights.values()]), "Expected a table of weights"),
        (rewrite(lambda weights: {**weights, "step": 3}), "'step' is a int"),
        (rewrite(lambda weights: {"state_dict": weights}), "'state_dict' is a dict"),
        (rewrite(lambda weights: {**weights, "s": torch.eye(2).to_sparse()}), "'s' is a Tensor"),
        (lambda folder: (folder / "pytorch_model.bin").unlink(), "but it has neither"),
        (lambda folder: (folder / "pytorch_model.bin").write_text("hello"), "written by torch.save"),
    ],
)
def test_what_is_no_table_of_tensors_is_refused(
    change: Change, message: str, published: Path, converted: Path
) -> None:
    change(published)
    said = refused(published, converted)
    assert message in said
    assert str(published) in said


def test_missing_tensors_are_an_error(published: Path) -> None:
    weights = weights_of(published)
    del weights["encoder.layers.0.attention.k_proj.weight"]
    torch.save(weights, published / "pytorch_model.bin")
    with pytest.raises(ProbeError, match=r"1 are missing, such as encoder\.layers\.0\.attention\.k_proj"):
        load_encoder(str(published), CPU)


@pytest.mark.parametrize("file", ["../outside.bin", "/outside.bin", "model.pt", "missing.bin", 3])
def test_an_index_leads_to_files_beside_it_only(file: Any, published: Path, converted: Path) -> None:
    split(published)
    (published / "model.pt").write_bytes(b"")
    (published.parent / "outside.bin").write_bytes(b"")
    index = json.loads((published / INDEX).read_text())
    index["weight_map"][max(index["weight_map"])] = file
    (published / INDEX).write_text(json.dumps(index))
    message = refused(published, converted)
    assert f"{INDEX}, which names {file!r}" in message


def test_a_part_that_is_not_on_the_hub_is_named(hub: HubServer, published: Path) -> None:
    files = files_of(split(published))
    del files["pytorch_model-00002-of-00002.bin"]
    hub.create("model", "lab/part").add("main", "one of two", files)
    with pytest.raises(ProbeError, match=r"names 'pytorch_model-00002-of-00002\.bin' and not a \.bin file"):
        load_encoder("lab/part", CPU)


def test_a_full_disk_says_so(published: Path, converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(published)._replace(free=1000)
    monkeypatch.setattr(conversions.shutil, "disk_usage", lambda folder: usage)
    assert "the disk is full" in refused(published, converted)


def test_a_cache_that_cannot_be_written_says_so(published: Path, converted: Path) -> None:
    converted.parent.mkdir(parents=True)
    converted.write_text("a file is in the way")
    with pytest.raises(ProbeError, match="set HF_HOME to a folder that you may write to"):
        load_encoder(str(published), CPU)
