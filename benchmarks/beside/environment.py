"""An environment of its own for s3prl, and what of it could not be had."""

import json
import subprocess
import venv
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

WAYS = Path(__file__).with_name("s3prl_ways.py")
S3PRL = "s3prl==0.4.18"
# As in this environment: another build of torch would be another machine.
PINNED = ("numpy", "soundfile", "torch", "transformers")
# Its front door, and what s3prl_ways.py takes of it.
DOOR, NEEDED = "s3prl.hub", ("s3prl.upstream.hf_wav2vec2.expert", "s3prl.downstream.model")
# Written last: an environment without it is made anew.
NOTES = "environment.json"


@dataclass(frozen=True)
class Environment:
    """Versions of what is installed, and in words what is not; `usable` where all of `NEEDED` is."""

    versions: dict[str, str]
    notes: list[str]
    usable: bool


@dataclass(frozen=True)
class Peer:
    """Runs ways of s3prl_ways.py in the environment in a folder."""

    folder: Path
    environment: Environment

    def run(self, *words: Any) -> dict[str, Any]:
        """The figures of one way.

        Raises:
            RuntimeError: it failed; says its last words.
        """
        done = _python(self.folder, str(WAYS), *map(str, words))
        if done.returncode:
            raise RuntimeError(f"Expected figures of s3prl, but got: {done.stderr[-2000:]}")
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return figures


def s3prl_in(folder: Path) -> Peer:
    """s3prl as far as it can be installed into the folder, where it stays.

    Raises:
        FileExistsError: the folder has something else in it.
    """
    notes = folder / NOTES
    if not notes.is_file():
        if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file():
            raise FileExistsError(
                f"Expected an environment or nothing at {folder}, but got other files; name another."
            )
        notes.write_text(json.dumps(asdict(_install(folder)), indent=2) + "\n", encoding="utf-8")
    return Peer(folder, Environment(**json.loads(notes.read_text(encoding="utf-8"))))


def _install(folder: Path) -> Environment:
    venv.create(folder, clear=True, with_pip=True)
    pinned = [f"{name}=={version(name)}" for name in PINNED]
    installed = _python(folder, "-m", "pip", "install", "--quiet", S3PRL, *pinned)
    if installed.returncode:
        return Environment({}, [f"{S3PRL}: {_last_words(installed, folder)}"], usable=False)
    notes = []
    if broken := _failure(folder, "torchaudio"):
        # Its wheel is a CUDA build. Nothing that is timed here uses what is compiled in it.
        notes.append(f"{broken}; its compiled libraries were taken out")
        for library in folder.glob("lib/python*/site-packages/torchaudio/lib/*.so"):
            library.unlink()
    if closed := _failure(folder, DOOR):
        notes.append(f"{closed}; its modules are imported by themselves")
    lacking = [failure for module in NEEDED if (failure := _failure(folder, module))]
    listed = _python(folder, "-m", "pip", "list", "--format", "json").stdout
    versions = {row["name"]: row["version"] for row in json.loads(listed)}
    return Environment(
        {name: versions[name] for name in ("s3prl", "torchaudio", *PINNED)},
        [*notes, *lacking],
        usable=not lacking,
    )


def _failure(folder: Path, module: str) -> str:
    """Why a module cannot be imported there; empty where it can."""
    done = _python(folder, "-c", f"import {module}")
    return f"import {module}: {_last_words(done, folder)}" if done.returncode else ""


def _last_words(done: "subprocess.CompletedProcess[str]", folder: Path) -> str:
    """The last line of what a process said, without where the environment is."""
    return (done.stderr.strip().splitlines() or ["nothing said"])[-1].replace(f"{folder.absolute()}/", "")


def _python(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(folder.absolute() / "bin" / "python"), "-I", *words], capture_output=True, text=True
    )
