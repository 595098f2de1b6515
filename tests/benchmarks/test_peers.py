"""This project beside others: every comparison that a machine can make, its ratio, and the reason for what lacks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "peers.py"
TINY = ["--utterances", "3", "--repeats", "1", "--layers", "1", "--epochs", "1", "--steps", "12"]


@pytest.mark.slow
def test_what_is_compared_where_s3prl_cannot_be_installed(shared_assets: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    environment.mkdir()
    absent = {"versions": {}, "notes": ["s3prl: there is no such package here"], "usable": False}
    (environment / "environment.json").write_text(json.dumps(absent))
    out = tmp_path / "out.json"
    places = [
        "--assets",
        shared_assets,
        "--features",
        tmp_path / "features",
        "--environment",
        environment,
        "--out",
        out,
    ]
    subprocess.run([sys.executable, str(SCRIPT), *map(str, places), *TINY], check=True)
    report = json.loads(out.read_text())
    assert report["s3prl"]["notes"] == absent["notes"]
    assert [
        (row["work"].partition(",")[0], row["beside"].partition(",")[0]) for row in report["comparisons"]
    ] == [
        *[("extraction", "transformers")] * 4,
        ("training heads", "the EmoBox release's .npy files"),
        ("fitting heads", "scikit-learn's GridSearchCV"),
    ]
    for row in report["comparisons"]:
        faster = row["other"] / row["project"] if row["unit"] == "seconds" else row["project"] / row["other"]
        assert row["project_over_other"] == pytest.approx(faster)
    assert str(tmp_path) not in out.read_text()
    alone = next(row for row in report["comparisons"] if row["beside"] == "transformers, one at a time")
    assert alone["difference_in_batch"]["other"] == 0
