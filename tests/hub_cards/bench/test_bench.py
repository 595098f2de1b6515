"""Whole plans through the command line: killed, in parallel shards, and on Ray, with one and the same result."""

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_plans import comparable, demo_plan
from rich.console import Console

from hub_cards.bench.events import RichEvents

SCRIPT = Path(__file__).with_name("short_bench.py")


def command(plan: Path, *words: str) -> list[str]:
    return [sys.executable, str(SCRIPT), "bench", str(plan), *words, "--log", "json"]


def events(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path):
    """Writes the same plan for a folder of its own: two corpora where the real ones are here, else the demo."""
    root = tmp_path_factory.mktemp("plans")
    assets = Path(os.environ.get("EMOBOX_TEST_ASSETS") or Path(__file__).parents[4] / "shared")
    urdu = assets / "corpora" / "urdu"

    def write(name: str) -> Path:
        more = "cross: [{name: both, train: [demo, urdu]}]\n" if urdu.is_dir() else ""
        text = demo_plan(root / name, tiny_encoder, "builtin:logmel", more=more, protocols="paper, strict")
        if urdu.is_dir():
            text = text.replace("[demo]\nprot", f"[demo, {{name: urdu, path: {urdu}}}]\nprot")
        path = root / f"{name}.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="module")
def uninterrupted(plans) -> dict:
    """The records of a run that nothing happened to."""
    plan = plans("whole")
    done = subprocess.run(command(plan), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told = events(done.stdout)
    assert [event["event"] for event in told[:2]] == ["estimate", "plan"]
    assert told[-1]["event"] == "summary"
    assert {event["item"] for event in told if event["event"] == "done"} == set(told[-1]["done"])
    return comparable(plan.with_suffix("") / "runs")


@pytest.mark.slow
def test_killed_in_every_item_it_ends_with_the_same_records(plans, uninterrupted: dict) -> None:
    """SIGKILL a few seconds into what comes after each item that was done, until nothing is left."""
    plan = plans("killed")
    kills, ended = 0, False
    while not ended:
        process = subprocess.Popen(command(plan), stdout=subprocess.PIPE, text=True)
        for event in map(json.loads, process.stdout):
            ended = event["event"] == "summary"
            if event["event"] == "done":
                break
        if not ended:
            time.sleep(10 * random.random())
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
        assert kills < 50
    assert process.returncode == 0
    assert kills > 3
    assert comparable(plan.with_suffix("") / "runs") == uninterrupted


@pytest.mark.slow
def test_records_whose_features_and_notes_are_gone_cost_a_look_each(plans, uninterrupted: dict) -> None:
    plan = plans("whole")
    features = plan.with_suffix("") / "features"
    shutil.rmtree(features)
    told = events(subprocess.run(command(plan), capture_output=True, text=True, check=True).stdout)
    looked_at = [event["item"] for event in told if event["event"] == "look"]
    items = [event["item"] for event in told if event["event"] == "there"]
    assert sorted(looked_at) == sorted(item for item in items if item.startswith("extract/"))
    assert told[-1]["done"] == []
    assert len(items) == len(set(items)) == told[1]["items"]
    assert not list(features.glob("*/shard-*"))
    assert comparable(plan.with_suffix("") / "runs") == uninterrupted


@pytest.mark.slow
def test_three_shards_at_once_make_the_same_records_and_no_item_twice(plans, uninterrupted: dict) -> None:
    plan = plans("shards")
    workers = [
        subprocess.Popen(command(plan, "--shard", f"{number}/3"), stdout=subprocess.PIPE, text=True)
        for number in (1, 2, 3)
    ]
    told = [events(worker.communicate()[0]) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    done = [event["item"] for worker in told for event in worker if event["event"] == "done"]
    assert len(done) == len(set(done))
    assert comparable(plan.with_suffix("") / "runs") == uninterrupted


@pytest.mark.slow
def test_ray_makes_the_same_records_also_where_actors_die(tmp_path: Path) -> None:
    """A cluster of its own on this machine, with two actors; the first that works is killed. Protocols are whole."""
    pytest.importorskip("ray", reason="ray is not installed: pip install 'emobox[ray]'")
    words, environment = [], {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    for name in ("ray", "processes"):
        (tmp_path / f"{name}.yaml").write_text(
            demo_plan(tmp_path / name, "builtin:logmel", protocols="paper, strict")
        )
        words.append(
            [sys.executable, "-m", "emobox", "bench", str(tmp_path / f"{name}.yaml"), "--log", "json"]
        )
    process = subprocess.Popen(
        [*words[0], "--engine", "ray", "--workers", "2"], stdout=subprocess.PIPE, text=True, env=environment
    )
    killed, told = 0, []
    for line in process.stdout:
        told.append(json.loads(line))
        if told[-1]["event"] == "start" and not killed:
            killed = kill_below(process.pid, "ray::Actor")
    assert process.wait() == 0, told[-1]
    assert killed
    assert [event["event"] for event in told].count("retry") == killed
    subprocess.run(words[1], check=True, capture_output=True)
    assert comparable(tmp_path / "ray" / "runs") == comparable(tmp_path / "processes" / "runs")


def kill_below(parent: int, name: str) -> int:
    """Kill a process of that name that descends from `parent`, as soon as there is one."""
    for _ in range(600):
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                title = (folder / "cmdline").read_bytes().split(b"\0")[0].decode()
                if title.startswith(name) and parent in ancestors(int(folder.name)):
                    os.kill(int(folder.name), signal.SIGKILL)
                    return 1
            except (OSError, ValueError):
                continue
        time.sleep(0.1)
    return 0


def ancestors(number: int) -> Iterator[int]:
    while number > 1:
        number = int(Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[1])
        yield number


@pytest.mark.slow
def test_told_to_stop_it_says_what_is_left_and_goes_on_later(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(demo_plan(tmp_path, "builtin:logmel"))
    process = subprocess.Popen(command(plan), stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if json.loads(line)["event"] == "start":
            break
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    rest = events(process.stdout.read())
    assert process.wait() == 130
    assert rest[-1]["event"] == "summary"
    assert rest[-1]["stopped"]
    assert rest[-1]["failed"] == {}
    again = subprocess.run(command(plan), capture_output=True, text=True, check=False)
    assert again.returncode == 0
    assert len(comparable(tmp_path / "runs")) == 1


def test_events_show_names_as_they_are() -> None:
    name = "a [old] [/red] :x: model"
    file = io.StringIO()
    shown = RichEvents(Console(file=file, force_terminal=True, width=200))
    with shown:
        shown.tell("start", item=name)
        shown.look(name, f"reading {name}")
        shown.tell("done", item=name, seconds=3)
        shown.tell("kept", item=name)
        shown.tell("failed", item=name, reason=f"Expected {name}")
        printed = file.getvalue()
    assert f" {name}  3 s" in printed
    assert f" {name}: a record of other weights" in printed
    assert f" {name}: Expected {name}" in printed
