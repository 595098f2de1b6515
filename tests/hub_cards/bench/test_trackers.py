"""Scores to trackers, through accelerate."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from accelerate.state import AcceleratorState
from bench_plans import demo_plan

from emobox_probe.errors import ProbeError
from hub_cards.bench import trackers
from hub_cards.bench.reading import parse_plan
from hub_cards.bench.trackers import Tracker


@pytest.fixture
def own_state() -> Iterator[None]:
    """Other tests make accelerators of their own."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def test_a_tracker_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = parse_plan(demo_plan(tmp_path, "builtin:logmel"), "plan.yaml")
    monkeypatch.setattr(trackers, "get_available_trackers", list)
    with pytest.raises(ProbeError, match="`pip install trackio`"):
        Tracker("trackio", plan)
    nothing = Tracker(None, plan)
    nothing.log("probe/a/b/paper", {"ua": 0.5})
    nothing.close()
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("own_state")
def test_scores_reach_tensorboard(tmp_path: Path) -> None:
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is not installed: pip install tensorboard",
    )
    plan = parse_plan(demo_plan(tmp_path, "builtin:logmel"), "plan.yaml")
    tracker = Tracker("tensorboard", plan)
    tracker.log("probe/a/b/paper", {"ua": 0.5, "wa": 0.25})
    tracker.log("extract/a/b", {})
    tracker.log("probe/a/b/strict", {"ua": 0.75})
    tracker.close()
    found = {}
    for path in plan.state.rglob("events.out.*"):
        events = reader.EventAccumulator(str(path))
        events.Reload()
        found |= {name: events.Scalars(name)[0].value for name in events.Tags()["scalars"]}
    assert found == {"probe/a/b/paper/ua": 0.5, "probe/a/b/paper/wa": 0.25, "probe/a/b/strict/ua": 0.75}
