"""Running plans: what is done, what is done again and why, and what goes on when something fails."""

import errno
import json
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from bench_plans import comparable, demo_plan
from bench_running import Here, bench
from commands import run_command
from filelock import FileLock
from tiny_encoder import save_tiny

from emobox_probe.config import ExtractConfig
from emobox_probe.features import store as features
from emobox_probe.features.shards import write_whole
from emobox_probe.protocol import PROTOCOLS
from hub_cards.bench import runner as runner_module
from hub_cards.bench.work import Failure, Work

# Holds the lock that it is given until it is killed.
HOLDER = """
import sys, time
from filelock import FileLock
lock = FileLock(sys.argv[1])  # by name: it is let go of when it is collected
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""
LOGMEL = ["extract/builtin--logmel/demo", "probe/builtin--logmel/demo/paper"]


@pytest.mark.usefixtures("quick")
def test_from_nothing_to_a_report_and_then_nothing_to_do(
    tmp_path: Path, tiny_encoder: Path, in_process: list[str]
) -> None:
    text = demo_plan(tmp_path, "builtin:logmel", tiny_encoder, protocols="paper, strict")
    done, events = bench(text)
    assert done.summary.status == 0
    assert len(done.summary.done) == len(in_process) == 6
    assert set(comparable(tmp_path / "runs")) == {
        f"{model}/demo/{protocol}/result.json"
        for model in ("tiny", "builtin--logmel")
        for protocol in ("paper", "strict")
    }
    report = (tmp_path / "runs" / "report.md").read_text()
    assert "every item of the plan is done" in report
    assert "| demo |" in report
    # Features that nothing needs are gone; records stay.
    assert events.items("dropped") == ["extract/builtin--logmel/demo", "extract/tiny/demo"]
    assert not list((tmp_path / "features").glob("*/shard-*"))
    before = comparable(tmp_path / "runs")
    again, _ = bench(text)
    assert again.summary.status == 0
    assert (again.summary.done, len(again.summary.there), len(in_process)) == ([], 6, 6)
    assert comparable(tmp_path / "runs") == before


@pytest.mark.usefixtures("quick")
def test_a_changed_setting_makes_only_what_depends_on_it(
    tmp_path: Path, tiny_encoder: Path, in_process: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shutil.copytree(tiny_encoder, tmp_path / "tiny")
    text = demo_plan(tmp_path, "builtin:logmel", model, protocols="paper, strict")
    bench(text, keep=True)
    stores = {path: path.stat().st_mtime_ns for path in (tmp_path / "features").glob("*/shard-*")}
    assert stores
    in_process.clear()

    monkeypatch.setitem(PROTOCOLS, "strict", replace(PROTOCOLS["strict"], seeds=(1,)))
    never, _ = bench(text, overwrite="never", keep=True)
    assert (in_process, len(never.summary.kept), never.summary.status) == ([], 2, 1)
    bench(text, keep=True)
    assert in_process == ["probe/builtin--logmel/demo/strict", "probe/tiny/demo/strict"]
    assert stores == {path: path.stat().st_mtime_ns for path in (tmp_path / "features").glob("*/shard-*")}
    in_process.clear()

    save_tiny(model, seed=1)
    changed, _ = bench(text, keep=True)
    assert changed.summary.status == 0
    assert in_process == [
        "look at extract/tiny/demo",
        "extract/tiny/demo",
        "probe/tiny/demo/paper",
        "probe/tiny/demo/strict",
    ]
    in_process.clear()

    # Files that were only touched cost a look, and no training.
    (model / "config.json").touch()
    bench(text, keep=True)
    assert in_process == ["look at extract/tiny/demo"]
    in_process.clear()

    bench(text, overwrite="always", only=["probe/*/demo/paper"], keep=True)
    assert in_process == ["probe/builtin--logmel/demo/paper", "probe/tiny/demo/paper"]


@pytest.mark.usefixtures("quick")
def test_records_of_emobox_probe_are_taken_over(tmp_path: Path, in_process: list[str]) -> None:
    words = ["--model", "builtin:logmel", "--corpus", "demo", "--output-dir", str(tmp_path / "runs")]
    assert run_command("probe", *words, "--features-dir", tmp_path / "features") == 0
    (tmp_path / "features").rename(tmp_path / "elsewhere")
    done, _ = bench(demo_plan(tmp_path, "builtin:logmel"))
    assert in_process == ["look at extract/builtin--logmel/demo"]
    assert done.summary.there == ["extract/builtin--logmel/demo", "probe/builtin--logmel/demo/paper"]
    assert not list((tmp_path / "features").glob("*/shard-*"))


@pytest.mark.usefixtures("quick")
def test_a_record_on_what_other_raters_said_is_made_again(tmp_path: Path) -> None:
    text = demo_plan(tmp_path, "builtin:logmel", more="target: dimensions\n")
    first, _ = bench(text)
    assert first.summary.status == 0
    again, _ = bench(text)
    assert again.summary.done == []
    (path,) = (tmp_path / "runs").rglob("rated.json")
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "ratings_sha256": "0" * 64}))
    other, _ = bench(text)
    assert other.summary.done[-1] == "probe/builtin--logmel/demo/paper-dimensions-arousal+valence+dominance"
    assert json.loads(path.read_text())["ratings_sha256"] == content["ratings_sha256"]


@pytest.mark.usefixtures("quick")
def test_features_that_were_there_before_are_not_removed(tmp_path: Path, in_process: list[str]) -> None:
    text = demo_plan(tmp_path, "builtin:logmel")
    bench(text, keep=True)
    other = text.replace(str(tmp_path / "runs"), str(tmp_path / "other"))
    done, events = bench(other)
    assert done.summary.status == 0
    assert events.items("dropped") == []
    assert list((tmp_path / "features").glob("*/shard-*"))


@pytest.mark.usefixtures("quick")
def test_a_failure_is_recorded_and_the_rest_goes_on(
    tmp_path: Path, tiny_encoder: Path, in_process: list[str]
) -> None:
    broken = shutil.copytree(tiny_encoder, tmp_path / "broken")
    (broken / "preprocessor_config.json").unlink()
    text = demo_plan(tmp_path, broken, "builtin:logmel")
    done, _ = bench(text)
    assert done.summary.status == 1
    assert list(done.summary.failed) == ["extract/broken/demo"]
    assert "preprocessor_config.json" in done.summary.failed["extract/broken/demo"]
    assert list(done.summary.blocked) == ["probe/broken/demo/paper"]
    assert done.summary.done == LOGMEL
    report = (tmp_path / "runs" / "report.md").read_text()
    assert "feature extractor" in report[report.index("## Not done") :]
    shutil.copy(tiny_encoder / "preprocessor_config.json", broken)
    mended, _ = bench(text)
    assert (mended.summary.status, len(mended.summary.done)) == (0, 2)
    assert "every item of the plan is done" in (tmp_path / "runs" / "report.md").read_text()
    assert not list((tmp_path / "runs" / ".bench" / "failures").rglob("*.json"))


@pytest.mark.usefixtures("quick")
def test_a_corpus_that_goes_away_fails_alone(
    tmp_path: Path, in_process: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "emodb").mkdir()
    text = demo_plan(tmp_path, "builtin:logmel").replace(
        "[demo]", f"[{{name: emodb, path: {tmp_path}/emodb}}, demo]"
    )
    done, _ = bench(text)
    assert list(done.summary.failed) == ["extract/builtin--logmel/emodb"]
    assert done.summary.done == LOGMEL
    really = Here.do

    def remove_then_do(self: Here, *rest):
        shutil.rmtree(tmp_path / "emodb", ignore_errors=True)
        return really(self, *rest)

    monkeypatch.setattr(Here, "do", remove_then_do)
    gone, _ = bench(text)
    assert "there is none" in gone.summary.failed["extract/builtin--logmel/emodb"]


@pytest.mark.usefixtures("quick")
def test_a_disk_that_fills_up_fails_what_writes_and_the_next_run_goes_on(
    tmp_path: Path, tiny_encoder: Path, in_process: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = demo_plan(tmp_path, tiny_encoder, "builtin:logmel")
    shards_there: list[Path] = []
    write = features.write_shard

    def until_the_disk_is_full(path: Path, name: str, utterances: list) -> None:
        if len(shards_there) == 2:
            write_whole(path, full)
        shards_there.append(path)
        write(path, name, utterances)

    def full(file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(features, "WRITERS", 1)
    monkeypatch.setattr(features, "SHORTEST_SHARD", 10.0)
    monkeypatch.setattr(features, "write_shard", until_the_disk_is_full)
    done, _ = bench(text)
    assert set(done.summary.failed) == {"extract/tiny/demo", "extract/builtin--logmel/demo"}
    assert all("the disk is full" in reason for reason in done.summary.failed.values())
    assert all(path.is_file() for path in shards_there)
    first = shards_there[0].stat().st_mtime_ns
    monkeypatch.setattr(features, "write_shard", write)
    again, _ = bench(text, keep=True)
    assert (again.summary.status, len(again.summary.done)) == (0, 4)
    assert shards_there[0].stat().st_mtime_ns == first


@pytest.mark.usefixtures("quick")
def test_a_damaged_shard_is_made_again_before_it_is_used(tmp_path: Path, in_process: list[str]) -> None:
    text = demo_plan(tmp_path, "builtin:logmel", protocols="paper, strict")
    bench(text, keep=True)
    expected = comparable(tmp_path / "runs")
    (shard, *_) = sorted((tmp_path / "features").glob("*/shard-*"))
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    shutil.rmtree(tmp_path / "runs" / "builtin--logmel" / "demo" / "strict")
    again, _ = bench(text, keep=True)
    assert again.summary.done == ["probe/builtin--logmel/demo/strict"]
    assert shard.read_bytes() == content
    assert comparable(tmp_path / "runs") == expected


@pytest.mark.usefixtures("quick")
def test_memory_that_runs_out_is_tried_once_more_with_less(
    tmp_path: Path, in_process: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    really, tried = Here.do, []

    def do(self: Here, work: Work, *rest):
        kind = "extract" if isinstance(work.config, ExtractConfig) else "probe"
        tried.append((kind, work.smaller))
        if kind == "probe" or not work.smaller:
            return Failure("memory", "The process was killed.", "")
        return really(self, work, *rest)

    monkeypatch.setattr(Here, "do", do)
    done, events = bench(demo_plan(tmp_path, "builtin:logmel"))
    assert tried == [("extract", False), ("extract", True), ("probe", False), ("probe", True)]
    assert done.summary.done == LOGMEL[:1]
    assert done.summary.failed == {LOGMEL[1]: "The process was killed."}
    assert events.items("retry") == LOGMEL


@pytest.mark.usefixtures("quick")
def test_an_item_of_another_is_waited_for_and_taken_over_if_that_one_dies(
    tmp_path: Path, in_process: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "POLL", 0.05)
    lock = tmp_path / "runs" / ".bench" / "locks" / f"{LOGMEL[0]}.lock"
    lock.parent.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        seen: list[list[str]] = []

        def kill_soon() -> None:
            time.sleep(0.5)
            seen.append(list(in_process))
            other.kill()

        thread = threading.Thread(target=kill_soon)
        thread.start()
        done, _ = bench(demo_plan(tmp_path, "builtin:logmel"))
        thread.join()
    assert seen == [[]]
    assert done.summary.done == in_process == LOGMEL


@pytest.mark.usefixtures("quick")
def test_the_orphan_of_a_dead_benchmark_is_waited_for(
    tmp_path: Path, in_process: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "POLL", 0.05)
    work = tmp_path / "runs" / ".bench" / "locks" / f"{LOGMEL[0]}.work"
    work.parent.mkdir(parents=True)
    orphan = FileLock(work, thread_local=False)
    orphan.acquire()
    seen: list[list[str]] = []

    def end_soon() -> None:
        time.sleep(0.5)
        seen.append(list(in_process))
        orphan.release()

    thread = threading.Thread(target=end_soon)
    thread.start()
    done, _ = bench(demo_plan(tmp_path, "builtin:logmel"))
    thread.join()
    assert seen == [[]]
    assert done.summary.done == LOGMEL


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_shards_together_make_what_one_makes(
    tmp_path: Path, tiny_encoder: Path, in_process: list[str]
) -> None:
    one, three = (
        demo_plan(tmp_path / n, "builtin:logmel", tiny_encoder, protocols="paper, strict") for n in "13"
    )
    bench(one)
    count = len(in_process)
    for number in (3, 1, 2):
        done, _ = bench(three, shard=f"{number}/3")
        assert done.summary.status == 0
    assert len(in_process) == 2 * count
    assert comparable(tmp_path / "1" / "runs") == comparable(tmp_path / "3" / "runs")
    reports = [(tmp_path / n / "runs" / "report.csv").read_text() for n in "13"]
    assert reports[0] == reports[1]
