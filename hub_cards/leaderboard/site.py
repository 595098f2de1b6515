"""Rendering a leaderboard: one page with everything in it, its card, and the licences of what it carries.

The page asks no server for anything: scripts, styles and data are in it, so it opens from a file as from a Space. Its
Content-Security-Policy names them by their hashes: nothing else runs, even if text in a record tried to.
"""

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from emobox_datasets.files import UNFINISHED
from emobox_probe.errors import ProbeError
from emobox_probe.features.shards import write_whole
from hub_cards.leaderboard.compressed import compressed

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
STYLES = (
    "datatables/dataTables.dataTables.min.css",
    "leaderboard/leaderboard.css",
    "leaderboard/pictures.css",
)
# In the order in which they need each other; the views in the order of the page.
VIEWS = (
    "corpora",
    "corpus",
    "model",
    "compare",
    "size",
    "cross",
    "stress",
    "classified",
    "rated",
    "speed",
)
SHARED = ("state", "page", "table", "charts", "results", "filters", "columns")
SCRIPTS = (
    "datatables/dataTables.min.js",
    *(f"leaderboard/{name}.js" for name in SHARED),
    *(f"views/{name}.js" for name in VIEWS),
    "leaderboard/main.js",
)
# What a page shows only when it is asked to, which is most of it, is read then: layers, and most of WA and F1.
LATER = re.compile(r"layers|(wa|f1)(?!_mean$)|ua_mean_wins")
LICENCE = "datatables/LICENCE.txt"
# Says that a folder, or a Space, is ours to replace, and which files of it are.
MARKER = "leaderboard.json"
PAGE, CARD, LICENCES = "index.html", "README.md", "LICENCES.txt"


def render(data: dict[str, Any], title: str = "EmoBox leaderboard") -> dict[str, str]:
    """The files of the site, by name: page, card, licences, and the marker."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    styles = [(STATIC / name).read_text(encoding="utf-8") for name in STYLES]
    scripts = [(STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS]
    later = [name for name in data["results"] if LATER.match(name)]
    facts = {
        "title": title,
        "data": data,
        "measured": sum(not model["published"] for model in data["models"]),
        "counted": counted(data),
    }
    page = environment.get_template("page.html").render(
        **facts,
        policy=_policy(styles, scripts),
        styles=[Markup(text) for text in styles],
        scripts=[Markup(text) for text in scripts],
        embedded=embedded({**data, "results": _columns(data, later=False), "later": later}),
        later=embedded(_columns(data, later=True)),
    )
    files = {
        PAGE: page,
        CARD: environment.get_template("card.md").render(**facts),
        LICENCES: (STATIC / LICENCE).read_text(encoding="utf-8"),
    }
    digests = {name: hashlib.sha256(text.encode("utf-8")).hexdigest() for name, text in sorted(files.items())}
    return files | {MARKER: json.dumps({"made_by": "emobox leaderboard", "files": digests}, indent=2) + "\n"}


def counted(data: dict[str, Any]) -> str:
    """How many results of measured models there are, in words; those on what raters said apart, as they stand."""
    labels = sum(method is not None for method in data["results"].get("resampled", []))
    raters = len({(row["name"], row["corpus"], row["protocol"]) for row in data["rated"]})
    models = sum(not model["published"] for model in data["models"])
    results = f"{labels:,} result{'s' * (labels != 1)} on labels"
    results += f" and {raters:,} on what raters said" if raters else ""
    return f"{results}, of {models:,} model{'s' * (models != 1)},"


def _columns(data: dict[str, Any], later: bool) -> dict[str, Any]:
    """The columns of the results that are read at once, or those that are read later."""
    return compressed(
        {name: column for name, column in data["results"].items() if bool(LATER.match(name)) == later}
    )


def embedded(data: Any) -> Markup:
    """JSON that can stand inside a `<script>` element: no text in it can end the element or open another.

    >>> str(embedded({"name": "</script>"}))
    '{"name":"\\\\u003c/script>"}'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _policy(styles: list[str], scripts: list[str]) -> Markup:
    listed = {
        "default-src": "'none'",
        "script-src": " ".join(map(_hash, scripts)),
        "style-src": " ".join(map(_hash, styles)),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return Markup(html.escape("; ".join(f"{name} {value}" for name, value in listed.items()), quote=False))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode()}'"


def check_folder(folder: Path) -> None:
    """Let only a new or empty folder, or an earlier leaderboard, be written to.

    Raises:
        ProbeError: it is a file, or holds files that are none of a leaderboard.
    """
    if folder.exists() and not folder.is_dir():
        raise ProbeError(f"Expected --out to name a folder, but {folder} is a file; name another.")
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    present = [name for name in names if not name.endswith(UNFINISHED)]  # which a killed build may have left
    others = [name for name in present if name not in (PAGE, CARD, LICENCES, MARKER)]
    if not others and present and MARKER not in present:
        others = present
    if others:
        raise ProbeError(
            f"Expected --out to name a new or empty folder, or an earlier leaderboard, but {folder} holds "
            f"{others[0]}{f' and {len(others) - 1} more' if len(others) > 1 else ''}; name another folder."
        )


def write(folder: Path, files: dict[str, str]) -> None:
    """Write the files, each whole or not at all, the marker first: an interrupted build can be repeated.

    Raises:
        ProbeError: the folder holds something else.
    """
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(files, key=lambda name: name != MARKER):
        write_whole(folder / name, files[name].encode("utf-8"))
