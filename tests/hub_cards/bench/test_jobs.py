"""An item as a process: how it ends is told in words, whatever ended it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench_plans import demo_plan

from hub_cards.bench import jobs
from hub_cards.bench.items import config_of, expand
from hub_cards.bench.jobs import Failure, Job, launch_words
from hub_cards.bench.reading import parse_plan


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A job whose process is a script that the test gives."""

    def make(script: str) -> Job:
        path = tmp_path / "child.py"
        path.write_text("import json, os, signal, sys, time\njob = json.load(open(sys.argv[2]))\n" + script)
        monkeypatch.setattr(jobs, "CHILD", [str(path)])
        plan = parse_plan(demo_plan(tmp_path, "builtin:logmel"), "plan.yaml")
        return Job(plan, expand(plan)[0], [sys.executable])

    return make


def run(job: Job) -> Failure | None:
    return job.run(lambda: False, lambda line: None)


def test_an_end_without_an_error_is_none(job) -> None:
    assert run(job("assert job['kind'] == 'extract' and job['parent'] == os.getppid()")) is None


def test_the_reason_that_the_process_gave_is_told(job) -> None:
    script = (
        "json.dump({'kind': 'disk', 'message': 'the disk is full'}, open(job['reason'], 'w'))\nsys.exit(1)"
    )
    failure = run(job(script))
    assert (failure.kind, failure.message) == ("disk", "the disk is full")
    # An old reason does not stand for a new failure.
    assert run(job("sys.exit(3)")).message.startswith("The process ended with status 3")


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "memory", "no memory left"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crash", "SIGSEGV"),
        ("raise RuntimeError('what happened')", "crash", "RuntimeError: what happened"),
    ],
)
def test_what_it_did_not_say_is_told_too(job, script: str, kind: str, said: str) -> None:
    failure = run(job(script))
    assert failure.kind == kind
    assert said in failure.message
    assert Path(failure.log).is_file()


def test_a_process_that_is_told_to_end_ends(job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "GRACE", 0.5)
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('running', flush=True)\ntime.sleep(60)"
    mine, lines = job(stubborn), []
    failure = mine.run(lambda: "running" in lines, lines.append)
    assert failure is not None
    assert "running" in lines


def test_a_process_ends_with_its_benchmark(tmp_path: Path) -> None:
    """Killed with SIGKILL, the parent can tell nobody; the child ends all the same."""
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells a process of its parent's end")
    source = Path(jobs.__file__).with_name("child.py").read_text()
    start = source.index("def _die_with")
    body = source[start : source.index('if __name__ == "__main__"')]
    child = "import ctypes, os, signal, sys, time\n_SET_PARENT_DEATH_SIGNAL = 1\n" + body
    child += "_die_with(int(sys.argv[1]))\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n"
    (tmp_path / "child.py").write_text(child)
    parent = (
        "import os, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, {str(tmp_path / 'child.py')!r}, str(os.getpid())])\ntime.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    number = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    for _ in range(200):
        try:
            if Path(f"/proc/{number}/stat").read_text().split()[2] == "Z":
                break
            os.kill(number, 0)
        except (ProcessLookupError, FileNotFoundError):
            break
        time.sleep(0.05)
    else:
        os.kill(number, signal.SIGKILL)
        pytest.fail("the child outlived its parent")


def test_the_settings_of_an_item_are_those_of_its_command(tmp_path: Path) -> None:
    (tmp_path / "emodb").mkdir()
    cross = "cross: [{train: [demo], test: [emodb], labels: common, training: released}]\n"
    text = demo_plan(tmp_path, "a/b", more=cross).replace(
        "[demo]\nprot", f"[demo, {{name: emodb, path: {tmp_path}/emodb}}]\nprot"
    )
    plan = parse_plan(text.replace("- a/b", "- {name: a/b, revision: v2, dtype: bfloat16}"), "plan.yaml")
    items = {item.name: item for item in expand(plan)}
    words = " ".join(config_of(plan, items["probe/a--b/emodb/paper"]).words())
    for part in (
        "--revision v2",
        "--dtype bfloat16",
        "--corpus emodb",
        f"--data-dir {tmp_path}/emodb",
        "--overwrite",
    ):
        assert part in words
    words = " ".join(config_of(plan, items["cross/a--b/demo_on_emodb/paper"]).words())
    for part in (
        "--train demo --test emodb",
        "--labels common",
        f"--data-dir emodb={tmp_path}/emodb",
        "--training released",
    ):
        assert part in words
    assert "--layers last" in " ".join(config_of(plan, items["extract/a--b/demo"]).words())


def test_several_processes_are_launched_by_accelerate() -> None:
    assert launch_words(None, 1) == [sys.executable]
    assert " ".join(launch_words(None, 4)).endswith("--dynamo_backend no --main_process_port 0")
    assert "--num_processes 4" in " ".join(launch_words(None, 4))
    assert launch_words("accelerate launch --config_file 'my file'", 1)[-1] == "my file"
    assert json.dumps(launch_words(None, 2))
