"""Workers: processes that stay, and whose end is told in words, whatever ended them."""

import os
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from bench_plans import comparable, demo_plan
from zoo import make_checkpoint

from emobox_probe.encoders.encoder import encoded
from emobox_probe.encoders.load import load_encoder
from emobox_probe.errors import ProbeError
from emobox_probe.features.corpus import NEEDED
from emobox_probe.protocol import PROTOCOLS
from hub_cards.bench import work as work_module
from hub_cards.bench import workers
from hub_cards.bench.items import config_of, expand
from hub_cards.bench.plan import Model
from hub_cards.bench.reading import parse_plan
from hub_cards.bench.work import Failure, Kept, Work
from hub_cards.bench.workers import LocalWorker, last_line, local_workers

SCRIPT = Path(__file__).with_name("short_bench.py")
CPU = torch.device("cpu")
# What the script of a test does with each work; `pipe` is its end of the pipe.
SERVER = """
import json, os, signal, sys, time
from multiprocessing.connection import Connection
pipe = Connection(int(sys.argv[1]))
pipe.send("ready")
while True:
    pipe.recv_bytes()  # to read it takes seconds of imports
    sys.stdout = sys.stderr = open(LOG, "w", buffering=1)
    why = None
"""


@pytest.fixture
def work(tmp_path: Path) -> Work:
    plan = parse_plan(demo_plan(tmp_path, "builtin:logmel"), "plan.yaml")
    return Work.of(plan, expand(plan)[0])


@pytest.fixture
def worker(tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch):
    """A worker whose process is a script that the test gives, to be run for each item."""
    made: list[LocalWorker] = []

    def make(script: str, server: str = SERVER) -> LocalWorker:
        path = tmp_path / "worker.py"
        body = [f"    {line}\n" for line in [*script.splitlines(), "pipe.send(why)"]]
        path.write_text(f"LOG = {str(work.log)!r}\n{server}{''.join(body)}")
        monkeypatch.setattr(workers, "COMMAND", [sys.executable, str(path)])
        made.append(LocalWorker(tmp_path / "worker.log"))
        return made[-1]

    yield make
    for one in made:
        one.close()


def do(worker: LocalWorker, work: Work) -> Failure | None:
    return worker.do(work, lambda: False, lambda line: None)


def test_one_process_does_items_until_it_is_closed(worker, work: Work) -> None:
    mine = worker("why = ('error', str(os.getpid()))")
    first, second = do(mine, work), do(mine, work)
    assert first == second
    mine.close()
    assert do(mine, work) != first
    assert do(worker("assert os.getppid() == int(sys.argv[2])"), work) is None


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "memory", "no memory left"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crash", "SIGSEGV"),
        ("raise RuntimeError('what happened')", "crash", "RuntimeError: what happened"),
        ("sys.exit(3)", "crash", "The process ended with status 3"),
    ],
)
def test_an_end_that_it_did_not_explain_is_told_and_the_next_item_has_another(
    worker, work: Work, tmp_path: Path, script: str, kind: str, said: str
) -> None:
    flag = str(tmp_path / "once")
    mine = worker(f"if not os.path.exists({flag!r}):\n    open({flag!r}, 'w')\n    {script}")
    failure = do(mine, work)
    assert failure is not None
    assert failure.kind == kind
    assert said in failure.message
    assert Path(failure.log).is_file()
    assert do(mine, work) is None


def test_other_code_of_ones_own_has_a_process_of_its_own(worker, work: Work, tmp_path: Path) -> None:
    """Two folders may have a module of one name, and a module may be edited."""
    mine = worker("why = ('error', str(os.getpid()))")
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
        (folder / "mine.py").write_text("import helper\nload = helper.load\n")
    one, other = (replace(work, model=Model(name=f"python:{folder}/mine.py:load")) for folder in folders)
    numbers = [do(mine, each).message for each in (work, one, one, work, other)]
    (folders[1] / "helper.py").write_text("load = None\n")
    numbers.append(do(mine, other).message)
    assert numbers[0] == numbers[1] == numbers[2] == numbers[3]
    assert len({*numbers[3:]}) == 3


def test_after_memory_ran_out_another_process_goes_on(worker, work: Work) -> None:
    mine = worker("why = ('memory', str(os.getpid()))")
    first, second = do(mine, work), do(mine, work)
    assert first is not None
    assert second is not None
    assert first.message != second.message


def test_a_worker_that_does_not_come_up_is_told_with_why(worker, work: Work, tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    mine = worker("", server=f"open({str(starts)!r}, 'a').write('.')\nraise SystemExit('no torch')\nif 1:\n")
    with pytest.raises(ProbeError, match=r"ended 2 times before it was ready: .* no torch"):
        do(mine, work)
    assert starts.read_text() == ".."


def test_a_process_that_is_told_to_end_ends(worker, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.5)
    mine, lines = (
        worker("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('running', flush=True)\ntime.sleep(60)"),
        [],
    )
    assert mine.do(work, lambda: "running" in lines, lines.append) is not None
    assert "running" in lines


def test_who_is_told_to_end_before_a_worker_is_ready_has_no_broken_worker(
    worker, work: Work, tmp_path: Path
) -> None:
    flag = tmp_path / "starting"
    mine = worker("", server=f"import time\nopen({str(flag)!r}, 'w')\ntime.sleep(60)\nif 1:\n")
    failure = mine.do(work, flag.exists, lambda line: None)
    assert failure is not None
    assert "SIGTERM" in failure.message


def test_a_worker_that_died_between_items_costs_no_item(worker, work: Work) -> None:
    mine = worker("why = ('error', str(os.getpid()))")
    first = do(mine, work)
    assert first is not None
    os.kill(int(first.message), signal.SIGKILL)
    assert mine._process.wait() == -signal.SIGKILL
    second = do(mine, work)
    assert second is not None
    assert second.kind == "error"
    assert second.message != first.message


def test_what_nobody_foresaw_is_in_the_log_of_the_item(
    work: Work, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*given: object) -> None:
        raise RuntimeError("what happened")

    monkeypatch.setattr(work_module, "_do", fail)
    with capfd.disabled(), pytest.raises(RuntimeError):
        work_module.do(work, Kept())
    assert last_line(work.log) == "RuntimeError: what happened"


def test_what_is_warned_of_is_in_the_log_of_every_item(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_module, "_do", lambda *given: warnings.warn("slowly", stacklevel=1))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        for _ in range(2):
            work_module.do(work, Kept())
    assert [str(warning.message) for warning in said] == ["slowly", "slowly"]


def test_a_process_ends_with_its_benchmark(tmp_path: Path) -> None:
    """Killed with SIGKILL, the parent can tell nobody; the worker ends all the same."""
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells a process of its parent's end")
    source = Path(workers.__file__).read_text()
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


def test_workers_share_gpus_or_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cores = len(os.sched_getaffinity(0))
    shares = [worker._environment.get("OMP_NUM_THREADS") for worker in local_workers(2, tmp_path)]
    assert shares == [str(max(cores // 2, 1))] * 2
    (alone,) = local_workers(1, tmp_path)
    assert alone._environment == dict(os.environ)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    gpus = [worker._environment["CUDA_VISIBLE_DEVICES"] for worker in local_workers(3, tmp_path)]
    assert gpus == ["2", "5", "2"]


def test_a_model_is_loaded_once_for_all_its_items(
    tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, sound = [], np.sin(np.arange(16_000, dtype=np.float32))
    really = work_module.encoder_of
    monkeypatch.setattr(work_module, "encoder_of", lambda *given: loaded.append(given) or really(*given))
    text = demo_plan(tmp_path, tiny_encoder, "builtin:logmel", protocols="paper, strict, linear")
    plan = parse_plan(text, "plan.yaml")
    items = [item for item in expand(plan) if item.model]
    kept = Kept()
    for item in items:
        protocol = item.protocol or PROTOCOLS["paper"]
        mine = Work.of(plan, item)
        found = kept.encoder(mine, CPU, protocol)
        alone = load_encoder(item.model.name, CPU, layers=mine.config.layers or NEEDED[protocol.layers])
        assert found.facts == alone.facts
        (of_kept,), (of_alone,) = (encoded(encoder, [sound], 16_000) for encoder in (found, alone))
        for one, other in zip(of_kept, of_alone, strict=True):
            assert (one is None) == (other is None)
            assert one is None or torch.equal(one, other)
    assert len(loaded) == 2
    smaller = Work.of(plan, items[-1], smaller=True)
    kept.encoder(smaller, CPU, PROTOCOLS["paper"])
    assert len(loaded) == 3


def test_a_model_without_layers_gives_frames(tmp_path: Path) -> None:
    folder = make_checkpoint("encodec", tmp_path / "encodec")
    plan = parse_plan(demo_plan(tmp_path, folder), "plan.yaml")
    for item in expand(plan)[:2]:
        encoder = Kept().encoder(Work.of(plan, item), CPU, PROTOCOLS["paper"])
        assert encoder.facts == load_encoder(str(folder), CPU).facts


def test_real_workers_make_what_one_process_makes(tmp_path: Path, tiny_encoder: Path) -> None:
    """Two processes side by side, through the command line."""
    plan = tmp_path / "plan.yaml"
    plan.write_text(demo_plan(tmp_path, tiny_encoder, protocols="paper, strict"))
    words = [sys.executable, str(SCRIPT), "bench", str(plan), "--log", "json"]
    done = subprocess.run([*words, "--workers", "2"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    made = comparable(tmp_path / "runs")
    assert len(made) == 2
    logs = sorted(path.name for path in (tmp_path / "runs" / ".bench" / "logs").rglob("*.log"))
    # The first may be done with both protocols before the second looks again.
    assert [name for name in logs if name != "worker-1.log"] == [
        "demo.log",
        "paper.log",
        "strict.log",
        "worker-0.log",
    ]


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
