"""Runs the blocks of a page of the user guide in bash and Python, with the commands that the page's reader has."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from doc_pages import Block, plain_lines

ROOT = Path(__file__).parents[2]
# Sent to doc_server.py: these start in milliseconds.
SERVED = ("emobox", "python", "accelerate")
CLIENT = """#!{python} -SEs
import json, os, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect({address!r})
request = dict(words=[{name!r}, *sys.argv[1:]], folder=os.getcwd(), environment=dict(os.environ))
socket.send_fds(connection, [json.dumps(request).encode()], [0, 1, 2])
sys.exit(int(connection.recv(16) or 99))
"""
# What cannot be done in a test stands for what can: make says what it would run, pip whether it knows what it is asked
# for, and a scheduler's job runs on the spot.
STAND_INS = {
    "make": f'exec /usr/bin/env -i PATH=/usr/bin:/bin make -n -C "{ROOT}" "$@"',
    "pip": f'exec {sys.executable} "{Path(__file__).with_name("doc_pip.py")}" "$@"',
    "sbatch": f'exec {sys.executable} "{Path(__file__).with_name("doc_sbatch.py")}" "$@"',
    "srun": 'exec "$@"',
}
PROLOGUE = 'set -euo pipefail; cd "$(cat "$DOC_STATE/folder")"\n'
EPILOGUE = '\nenv -0 > "$DOC_STATE/variables"; pwd > "$DOC_STATE/folder"'


class BlockError(AssertionError):
    """A block of the guide does not do what the guide says."""


class Commands:
    """The commands of a reader, in a folder for the front of PATH; a server runs those of ours."""

    def __init__(self, folder: Path, environment: dict[str, str]):
        self.address = str(folder / "socket")
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self.environment = {
            **os.environ,
            **environment,
            "PATH": f"{self.bin}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        for name in SERVED:
            self._add(name, CLIENT.format(python=sys.executable, address=self.address, name=name))
        for name, script in STAND_INS.items():
            self._add(name, f"#!/bin/bash\n{script}\n")
        server = [sys.executable, str(Path(__file__).with_name("doc_server.py")), self.address]
        self.server = subprocess.Popen(server, env=self.environment, stdout=subprocess.PIPE, text=True)

    def _add(self, name: str, script: str) -> None:
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def wait(self) -> None:
        assert self.server.stdout is not None
        if self.server.stdout.readline() != "ready\n":
            raise RuntimeError("Expected tests/doc_server.py to start, but it ended.")

    def close(self) -> None:
        self.server.kill()
        self.server.wait()


@dataclass
class Page:
    """A page being read: `folder` is where its commands run; `/data/` in its text becomes `data`."""

    commands: Commands
    folder: Path
    data: Path
    printed: str = ""
    notebook: socket.socket | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = self.folder.with_name(f"{self.folder.name}.state")
        self.state.mkdir(parents=True)
        self.folder.mkdir()
        (self.state / "folder").write_text(str(self.folder))
        (self.folder / "recipes").symlink_to(ROOT / "recipes")
        self.variables = {**self.commands.environment, "DOC_STATE": str(self.state)}

    def do(self, block: Block) -> None:
        """Run a block, write it as a file, or hold it against what was printed.

        Raises:
            BlockError: it fails, or something else was printed.
        """
        text = block.text.replace("/data/", f"{self.data}/")
        if block.language == "text":
            self._compare(block)
        elif block.file:
            (self._where() / block.file).write_text(text + "\n")
            if block.language == "bash":
                self._check(block, subprocess.run(["bash", "-n", block.file], cwd=self._where()).returncode)
        elif block.language == "bash":
            self._bash(block, text)
        else:
            self._python(block, text)

    def close(self) -> None:
        if self.notebook is not None:
            self.notebook.close()
        shutil.rmtree(self.state)

    def _where(self) -> Path:
        return Path((self.state / "folder").read_text().strip())

    def _bash(self, block: Block, text: str) -> None:
        done = subprocess.run(
            ["bash", "-c", PROLOGUE + text + EPILOGUE],
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.printed = done.stdout
        self._check(block, done.returncode)
        told = (self.state / "variables").read_text().split("\0")
        self.variables = dict(variable.split("=", 1) for variable in told if "=" in variable)

    def _python(self, block: Block, text: str) -> None:
        with (self.state / "printed").open("w+b") as printed, open(os.devnull, "rb") as nothing:
            if self.notebook is None:
                self.notebook = socket.socket(socket.AF_UNIX)
                self.notebook.connect(self.commands.address)
                told = {"words": ["python", "-"], "folder": str(self._where()), "environment": self.variables}
                streams = [nothing.fileno(), printed.fileno(), printed.fileno()]
                socket.send_fds(self.notebook, [json.dumps(told).encode()], streams)
                self.cells = (self.state / "printed").open("rb")
            cell = {
                "text": "\n" * (block.line - 1) + text,
                "name": f"docs/{block.page}",
                "folder": str(self._where()),
                "environment": self.variables,
            }
            self.notebook.sendall(json.dumps(cell).encode() + b"\n")
            status = int(self.notebook.recv(16) or 99)
        self.printed = self.cells.read().decode(errors="replace")
        self._check(block, status)

    def _compare(self, block: Block) -> None:
        printed = plain_lines(self.printed)
        for line in plain_lines(block.text):
            if line != "…" and not any(line in found for found in printed):
                raise BlockError(
                    f"{block} says {line!r}, but the block before it printed:\n{self.printed[-4000:]}"
                )

    def _check(self, block: Block, status: int) -> None:
        if status:
            raise BlockError(f"{block} ended with status {status}:\n{block.text}\n\n{self.printed[-4000:]}")
