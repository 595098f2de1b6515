"""Runs the commands of the user guide, each in a process of its own that need not import the large libraries again.

    python doc_server.py <socket>

imports what others made (never this project), then forks for every request: `{"words", "folder", "environment"}`
with the three standard streams. `python -` stays, and runs the cells that follow as a notebook would.

What differs from a shell is declared here: heads train for fewer epochs, archives have other checksums, and `accelerate
launch` is read by accelerate's own parser, but the script then runs in one process; items of `emobox bench` are done in
the process of the command; and Ray is a stand-in.
"""

import importlib
import json
import os
import runpy
import shutil
import socket
import sys
import traceback
import types
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIBRARIES = (
    "torch", "datasets", "evaluate", "accelerate", "pandas", "matplotlib.pyplot", "sklearn.linear_model",
    "sklearn.metrics", "scipy.signal", "rich.console", "transformers.models.auto.modeling_auto", "soundfile", "soxr",
    "pydantic", "huggingface_hub.repocard", "multiprocess", "jinja2", "accelerate.commands.launch",
    "matplotlib.backends.backend_agg", "PIL.PngImagePlugin", "scipy.io", "scipy.stats", "torch._dynamo", "rich.table",
    "transformers.audio_utils", "transformers.models.whisper.modeling_whisper", "pyarrow.parquet", "sklearn.pipeline",
)  # fmt: skip
EPOCHS = 3
# Of the publishers' stand-ins, who have sounds of a tenth of a second, no size or checksum is known beforehand.
FETCHED = ("ravdess",)


def shorten() -> None:
    """Few epochs and one narrow head: that a command works does not depend on how well the heads are trained."""
    protocols = importlib.import_module("emobox_probe.protocol").PROTOCOLS
    for name, protocol in protocols.items():
        seeds = protocol.seeds[:2]
        protocols[name] = replace(
            protocol, epochs=EPOCHS, warm_up_epochs=2, hidden_sizes=(8,), learning_rates=(1e-2,), seeds=seeds
        )


def forget_checksums() -> None:
    """Their records are asked for sizes and checksums, as those of most corpora are."""
    corpora = importlib.import_module("emobox_datasets.corpora")
    for name in FETCHED:
        corpus = corpora.load(name)
        files = tuple(replace(file, size=None, checksum=None) for file in corpus.download.files)
        module = importlib.import_module(f"emobox_datasets.corpora.{name}")
        module.CORPUS = replace(corpus, download=replace(corpus.download, files=files))


def run(words: list[str], connection: socket.socket) -> None:
    """One command, to its end."""
    command, *rest = words
    if command == "emobox":
        if rest[:1] == ["bench"]:
            do_items_here()
        importlib.import_module("emobox").main(rest)
    elif command == "accelerate":
        parser = importlib.import_module("accelerate.commands.launch").launch_command_parser()
        if rest[:1] != ["launch"]:
            raise SystemExit(f"Expected accelerate launch, but got accelerate {' '.join(rest)}.")
        launch = parser.parse_args(rest[1:])
        script = launch.training_script
        if launch.module:
            run_module(script, launch.training_script_args)
        else:
            run_script(script if Path(script).exists() else str(ROOT / script), launch.training_script_args)
    elif rest == ["-"]:
        notebook(connection)
    elif rest[:1] == ["-c"]:
        exec(compile(rest[1], "<command>", "exec"), {"__name__": "__main__"})
    elif rest[:1] == ["-m"]:
        run_module(rest[1], rest[2:])
    else:
        run_script(rest[0], rest[1:])


class End:
    """Of a task of Ray: what it returned."""

    def __init__(self, value: Any):
        self.value = value


class Ray(types.ModuleType):
    """Stands for Ray on one machine: what an actor is told to do is done at once."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.exceptions = types.SimpleNamespace(RayError=RuntimeError)

    def is_initialized(self) -> bool:
        return True

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2}

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 2}}]

    def remote(self, **resources: float) -> Callable[[type], Any]:
        def actor_of(kind: type) -> Any:
            actor = kind()
            do = types.SimpleNamespace(remote=lambda work: End(actor.do(work)))
            return types.SimpleNamespace(remote=lambda: types.SimpleNamespace(do=do))

        return actor_of

    def wait(self, ends: list[End], timeout: float) -> tuple[list[End], list[End]]:
        return ends, []

    def get(self, end: End) -> Any:
        return end.value

    def kill(self, actor: Any) -> None:
        pass


def do_items_here() -> None:
    """The worker of a benchmark is no process of its own, and Ray is a stand-in."""
    sys.modules["ray"] = Ray()
    engines = importlib.import_module("hub_cards.bench.engines")
    here = importlib.import_module("bench_running").Here
    engines.ENGINES["processes"] = engines.Places(lambda: 1, lambda count, logs: [here()])


def run_script(script: str, arguments: list[str]) -> None:
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).parent))
    runpy.run_path(script, run_name="__main__")


def run_module(module: str, arguments: list[str]) -> None:
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def notebook(connection: socket.socket) -> None:
    """Cells, one JSON object a line, in one namespace; the answer to each is its exit status."""
    names: dict[str, Any] = {"__name__": "__main__"}
    sys.path.insert(0, "")
    for line in connection.makefile("r", encoding="utf-8"):
        cell = json.loads(line)
        os.environ.update(cell["environment"])
        os.chdir(cell["folder"])
        status = 0
        try:
            exec(compile(cell["text"], cell["name"], "exec"), names)
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        connection.sendall(f"{status}\n".encode())


def serve(request: dict[str, Any], streams: list[int], connection: socket.socket) -> None:
    """In a process of its own: take over streams, folder and variables, run, and tell the exit status."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[0:1] = [str(ROOT)]
    sys.executable = str(shutil.which("python"))  # what is started from here is served, too
    # One core, so one thread: threads that wait for each other are slow where tests share the cores.
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})
    status = 0
    try:
        shorten()
        forget_checksums()
        run(request["words"], connection)
    except SystemExit as finished:
        if isinstance(finished.code, str):
            print(finished.code, file=sys.stderr)
        status = finished.code if isinstance(finished.code, int) else int(finished.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(f"{status}\n".encode())
    os._exit(0)


def main(address: str) -> None:
    for library in LIBRARIES:
        importlib.import_module(library)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        content, streams, *_ = socket.recv_fds(connection, 1 << 20, 3)
        if os.fork() == 0:
            listener.close()
            serve(json.loads(content), streams, connection)
        connection.close()
        for stream in streams:
            os.close(stream)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


if __name__ == "__main__":
    main(sys.argv[1])
