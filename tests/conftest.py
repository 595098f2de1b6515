"""What all tests share: caches of their own, no network, and where the real corpora and encoders are."""

import atexit
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# No test is timed, whatever else runs on the machine.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Before any Hugging Face library is imported: they read these once. One cache a session, so that the demo corpus
# is made and converted once.
CACHE = tempfile.mkdtemp(prefix="emobox-tests-")
atexit.register(shutil.rmtree, CACHE, ignore_errors=True)
os.environ["HF_HOME"] = CACHE
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("HF_DATASETS_CACHE", None)
os.environ.pop("EMOBOX_DATA", None)


def shared_assets() -> Path:
    """The folder of real corpora and encoders: $EMOBOX_TEST_ASSETS, else ../shared; skips where there is none."""
    root = Path(os.environ.get("EMOBOX_TEST_ASSETS") or Path(__file__).parents[2] / "shared")
    if not (root / "facts").is_dir():
        pytest.skip(f"real corpora and encoders are not at {root}; set EMOBOX_TEST_ASSETS to their folder")
    return root


@pytest.fixture(name="shared_assets")
def shared_assets_fixture() -> Path:
    return shared_assets()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pages of the guide first: each takes long, and at the end one process would run them while the others wait."""
    items.sort(key=lambda item: item.path.name != "test_docs.py")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say last, one line a remedy, how many tests were not run: reasons read "what is missing: command"."""
    yield
    reasons = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])]
    remedies = [re.search(r"\b(?:(?:apt-get|pip|make) |set [A-Z_]+ ).*", reason) for reason in reasons]
    for remedy, count in Counter(found[0] for found in remedies if found).most_common():
        terminalreporter.write_line(f"Not run: {count} tests. To run them: {remedy}", yellow=True)


@pytest.fixture(scope="session")
def light_root() -> Iterator[Path]:
    """A folder for trees of very many files of zeros: in memory where that can be, which is up to 100 times faster."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="emobox-tests-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def light_path(light_root: Path) -> Iterator[Path]:
    """`tmp_path`, but below `light_root` and gone after the test."""
    folder = Path(tempfile.mkdtemp(dir=light_root))
    yield folder
    shutil.rmtree(folder)
