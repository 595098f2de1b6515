"""Many records as one table."""

import io
from pathlib import Path

import pandas as pd
import pytest
from records import record

import emobox


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as finished:
        emobox.main(["results", *words])
    return int(finished.value.code or 0)


def test_the_papers_figures_stand_beside_comparable_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("openai/whisper-large-v3", "me/mine"):
        folder = tmp_path / name / "urdu" / "paper"
        folder.mkdir(parents=True)
        record(name=name).write(folder)
    assert run(str(tmp_path), "--format", "csv") == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out)).set_index("model")
    assert table.loc["openai/whisper-large-v3", "ua"] == 50.0
    # Table 4 of the paper, whisper large v3 on URDU.
    assert table.loc["openai/whisper-large-v3", "ua_in_paper"] > 80
    assert pd.isna(table.loc["me/mine", "ua_in_paper"])
    assert run(str(tmp_path)) == 0
    assert "40.0 to 60.0" in capsys.readouterr().out
    assert run(str(tmp_path), "--format", "latex") == 0
    assert r"\begin{tabular}" in capsys.readouterr().out


def test_no_records_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path)) == 1
    assert "run the probe first" in capsys.readouterr().err
