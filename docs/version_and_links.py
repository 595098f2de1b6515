"""A hook of mkdocs: which version the guide is of, where its code is, and what has changed, each from its source."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def on_config(config: Any) -> Any:
    """Put the version into the name of the site, and the repository where readers look for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    config.site_name = f"EmoBox {project['version']}"
    config.repo_url = project["urls"]["Repository"]
    config.repo_name = "Repository"
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The change log as a page; its links begin at the root."""
    if page.file.src_uri != "changes.md":
        return markdown
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("](docs/", "](")
