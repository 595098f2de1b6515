"""The page of an export: it runs the graph in the browser with ONNX Runtime Web, and asks no other server for anything.

The files of ONNX Runtime Web are copied from its npm package, which is not a part of this project.
"""

import json
import shutil
from pathlib import Path

from emobox_probe.errors import ProbeError

STATIC = Path(__file__).parent / "static"
PAGE_FILES = ("index.html", "page.css", "page.js", "recording.js")
PACKAGE = "onnxruntime-web"
RUNTIME_FILES = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
# Bytes of a graph: more would take a phone minutes to load, and more memory than a browser gives a page.
LARGEST_GRAPH = 400_000_000
LICENCES = "LICENCES.txt"
_MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def find_runtime(named: Path | None) -> Path:
    """The folder of the npm package with the files that a page needs.

    Raises:
        ProbeError: they are not there.
    """
    package = named or Path("node_modules") / PACKAGE
    missing = [name for name in RUNTIME_FILES if not (package / "dist" / name).is_file()]
    if missing or not (package / "package.json").is_file():
        raise ProbeError(
            f"Expected the npm package {PACKAGE} at {package}, but {missing[0] if missing else 'package.json'} is not "
            f"there; run npm install {PACKAGE}, and name its folder with --onnxruntime-web."
        )
    return package


def copy_runtime(package: Path, folder: Path) -> None:
    """What the page loads, and its licence."""
    for name in RUNTIME_FILES:
        shutil.copyfile(package / "dist" / name, folder / name)
    version = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    head = f"ONNX Runtime Web {version}\nCopyright (c) Microsoft Corporation. All rights reserved.\nMIT License\n\n"
    (folder / LICENCES).write_text(head + _MIT, encoding="utf-8")


def write_page(folder: Path) -> None:
    """The page beside the graph.

    Raises:
        ProbeError: the graph is too large for a page.
    """
    size = (folder / "model.onnx").stat().st_size
    if size > LARGEST_GRAPH:
        raise ProbeError(
            f"Expected a graph of at most {LARGEST_GRAPH / 1e6:.0f} MB for a page, but got {size / 1e6:.0f} MB; take "
            f"--int8, or a smaller encoder."
        )
    for name in PAGE_FILES:
        shutil.copyfile(STATIC / name, folder / name)
