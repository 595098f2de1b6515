"""One item of work in a process of its own, so that no item takes another down with it.

    python -m hub_cards.bench.child --job job.json

The process dies with the benchmark that started it, holds a lock for as long as it lives, and says in a file why it
failed. `accelerate launch -m hub_cards.bench.child --job job.json` does the same on several GPUs.
"""

import argparse
import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from filelock import FileLock

import emobox_datasets.corpora as corpora
import emobox_probe.encoders.batching as batching
import emobox_probe.experiment as experiment
from emobox_datasets.errors import CorpusError, is_disk_full
from emobox_probe.config import Config, CrossConfig, ExtractConfig, ProbeConfig
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.errors import ProbeError
from emobox_probe.features.corpus import describe_corpus, encoder_of, feature_store, filled_store, load_corpus
from emobox_probe.features.shards import write_whole
from emobox_probe.features.store import times_real_time
from emobox_probe.protocol import PROTOCOLS
from hub_cards.bench.models import find_model
from hub_cards.bench.notes import Note, corpus_stamp, note_key, write_note
from hub_cards.bench.plan import Model, Place

Reason = Literal["error", "memory", "disk", "crash"]
CONFIGS: dict[str, type[Config]] = {"extract": ExtractConfig, "probe": ProbeConfig, "cross": CrossConfig}
_SET_PARENT_DEATH_SIGNAL = 1


def main() -> None:
    """Do the job that the command line names; exit status 1 with a reason in its file if it fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="JSON file that the benchmark has written")
    job = json.loads(parser.parse_args().job.read_text(encoding="utf-8"))
    _die_with(job["parent"])
    with _working(Path(job["lock"])):
        try:
            _do(job)
        except (CorpusError, ProbeError) as error:
            _fail(job, "disk" if "disk is full" in str(error) else "error", str(error))
        except (MemoryError, torch.OutOfMemoryError) as error:
            _fail(job, "memory", f"{type(error).__name__}: {error}")
        except OSError as error:
            _fail(job, "disk" if is_disk_full(error) else "error", f"{type(error).__name__}: {error}")


def _do(job: dict[str, Any]) -> None:
    if job["smaller"]:
        # After memory ran out: what stands in memory beside the model is a quarter.
        batching.CPU_SECONDS /= 4
        batching.CUDA_SECONDS /= 4
    config = CONFIGS[job["kind"]].of(job["config"])
    if isinstance(config, ExtractConfig):
        _extract(config, job["made_for"], job["only_look"])
    elif isinstance(config, (ProbeConfig, CrossConfig)):
        experiment.run(config)


def _extract(config: ExtractConfig, made_for: str, only_look: bool) -> None:
    """Fill the feature store, unless this is only a look, and note what it is of."""
    accelerator = Accelerator()
    experiment.prepare_device(accelerator)
    corpus = corpora.load(config.corpus)
    path = None if config.data_dir is None else str(config.data_dir)
    place = Place(name=config.corpus, path=path, allow_missing=config.allow_missing)
    with accelerator.main_process_first():
        whole = load_corpus(corpus, config.data_dir, config.allow_missing, config.num_proc)
    model = Model(
        name=config.model,
        revision=config.revision,
        dtype=config.dtype,
        trust_remote_code=config.trust_remote_code,
    )
    before = corpus_stamp(place), find_model(model)
    encoder = encoder_of(config, accelerator.device, PROTOCOLS["paper"])
    described = describe_corpus(whole, corpus, corpus.label_list)
    store = feature_store(config, encoder, whole, described.fingerprint)
    made_before = store.complete
    accelerator.wait_for_everyone()
    if not only_look:
        store = filled_store(config, encoder, whole, described.fingerprint, accelerator)
    if (corpus_stamp(place), find_model(model)) != before:
        raise ProbeError(
            f"Expected {corpus.name} and {model.name} to stay as they are while features are made, but files of one "
            f"of them changed or went; run the benchmark again when they are in place."
        )
    if accelerator.is_main_process:
        note = Note(
            facts=EncoderFacts(**encoder.facts.model_dump()),
            corpus=described,
            store=store.key,
            size=sum(path.stat().st_size for path in store.folder.glob("shard-*.safetensors")),
            made_for=None if made_before else made_for,
            times_real_time=(times_real_time([store]) if store.complete else None) or 0.0,
            hardware=experiment.hardware(accelerator.device),
        )
        key = note_key(before[1], before[0], str(config.layers), config.store_dtype)
        write_note(store.root, key, note)
    accelerator.end_training()


def _fail(job: dict[str, Any], kind: Reason, message: str) -> None:
    content = json.dumps({"kind": kind, "message": message}).encode()
    with contextlib.suppress(OSError, ProbeError):  # the disk may be full: the log says it too
        write_whole(Path(job["reason"]), content)
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)


@contextlib.contextmanager
def _working(path: Path) -> Iterator[None]:
    """Hold the item's lock in the main process, so that nobody does it again beside an orphan."""
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    with FileLock(path):
        yield


def _die_with(parent: int | None) -> None:
    """End when the benchmark is killed (Linux; elsewhere the item goes on, and others wait for its lock)."""
    if parent is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)  # it was killed before


if __name__ == "__main__":
    main()
