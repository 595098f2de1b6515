"""Pages in a real browser: headless Chromium, a local server, and what an exported page has shown."""

import functools
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: pip install playwright"
)
# No test is timed, whatever else runs on the machine.
playwright.expect.set_options(timeout=60_000)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
INSTALLED = Path(__file__).parents[2] / "javascript" / "node_modules" / "onnxruntime-web"
RUNTIME = Path(os.environ.get("EMOBOX_ONNXRUNTIME_WEB") or INSTALLED)
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="no chromium on the path; apt-get install chromium")
needs_runtime = pytest.mark.skipif(
    not (RUNTIME / "package.json").is_file(), reason="onnxruntime-web is not installed: make javascript"
)


@contextmanager
def headless_chromium(*switches: str) -> Iterator[Any]:
    """A browser of playwright's."""
    with playwright.sync_playwright() as driver:
        # Containers give Chromium no user namespaces of its own; it opens nothing but our own page.
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *switches])
        yield chromium
        chromium.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def classified(page: Any) -> dict[str, tuple[str, list[float]]]:
    """What an exported page has shown: label and logits by the name of the file without its ending."""
    articles = page.locator("#results article").evaluate_all(
        "all => all.map(shown => ({ ...shown.dataset }))"
    )
    return {Path(shown["file"]).stem: (shown["label"], json.loads(shown["logits"])) for shown in articles}
