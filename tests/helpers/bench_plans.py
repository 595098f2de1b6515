"""Plans for tests, and the parts of records that two ways of making them must share."""

import json
from pathlib import Path
from typing import Any


def demo_plan(root: Path, *models: Path | str, more: str = "", protocols: str = "paper") -> str:
    """The plan of models on the demo corpus, with everything below a folder."""
    listed = "".join(f"  - {model}\n" for model in models)
    return (
        f"output: {root / 'runs'}\nfeatures: {root / 'features'}\nmodels:\n{listed}corpora: [demo]\n"
        f"protocols: [{protocols}]\n{more}"
    )


def comparable(root: Path) -> dict[str, Any]:
    """Every record below a folder by its place, without where, when and how long."""
    records = {}
    for path in sorted([*root.rglob("result.json"), *root.rglob("cross.json")]):
        record = json.loads(path.read_text())
        del record["provenance"]
        records[str(path.relative_to(root))] = record
    return records
