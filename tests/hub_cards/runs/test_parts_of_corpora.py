"""What was made with `--limit` or `--folds` is shown as such to its user, and to nobody else."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import run_command
from result_runs import make_run

from emobox_probe.errors import ProbeError
from hub_cards.publish.results import checked
from hub_cards.runs.collection import collect

LIMITED, FOLDS = {"limit": 5}, {"folds": ["fold1", "fold2"]}


def make_part(folder: Path, **part: Any) -> None:
    told = make_run(folder).model_dump(mode="json")
    told["corpus"] |= part
    (folder / "result.json").write_text(json.dumps(told))


@pytest.mark.parametrize("part", [LIMITED, FOLDS])
def test_it_is_not_published_and_has_no_card(
    tmp_path: Path, part: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    make_part(tmp_path / "part", **part)
    make_run(tmp_path / "whole")
    with pytest.raises(
        ProbeError, match=r"whole of urdu to show to others, but \S+part is .* --limit and --folds"
    ):
        checked([tmp_path])
    assert run_command("card", str(tmp_path / "part")) == 1
    assert "to show to others" in capsys.readouterr().err
    assert not (tmp_path / "part/README.md").exists()


@pytest.mark.parametrize("part", [LIMITED, FOLDS])
def test_a_leaderboard_leaves_it_out_and_says_so(tmp_path: Path, part: dict[str, Any]) -> None:
    make_part(tmp_path / "part", **part)
    with pytest.raises(ProbeError, match="Expected results on whole corpora, but got only such of --limit"):
        collect([tmp_path])
    make_run(tmp_path / "whole")
    found = collect([tmp_path])
    assert [result.folder.name for result in found.results] == ["whole"]
    assert found.notes[0].startswith("Left out of lab/encoder (urdu, protocol paper): of urdu only ")


def test_a_table_of_results_marks_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_part(tmp_path / "part", **FOLDS)
    assert run_command("results", str(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert "urdu †" in printed
    assert "† of urdu only fold1 and fold2: not comparable." in printed
