"""Real `evaluate.load` in processes of their own: by name, by path, from a Hub, and shared by two processes."""

import functools
import http.server
import json
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

import emobox_metric

ROOT = Path(emobox_metric.__file__).parents[1]
OFFLINE = ("HF_HUB_OFFLINE", "HF_EVALUATE_OFFLINE", "HF_DATASETS_OFFLINE", "HF_ENDPOINT")

WATCH_THE_NETWORK = """
import socket
calls = []
def refuse(*args, **kwargs):
    calls.append(str(args))
    raise OSError("no network")
socket.getaddrinfo = socket.socket.connect = socket.create_connection = refuse
"""
HIDE_THE_PACKAGE = """
import sys
sys.modules["emobox_metric"] = None  # what importing an absent package raises
"""


def run(script, folder, **environment):
    """Run a script in an empty `folder` with Hugging Face caches of its own; return the JSON of its last line."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in OFFLINE and not name.startswith("HF_")
    }
    env |= {"HF_HOME": str(folder / "hf"), "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_by_name_without_network(tmp_path):
    """Our name is answered from the package, a folder of the user's own comes first, other names are not ours."""
    script = (
        WATCH_THE_NETWORK
        + """
import importlib, json, os
import emobox_metric, evaluate
once = evaluate.loading.evaluation_module_factory
importlib.reload(emobox_metric)
found = {"idempotent": evaluate.loading.evaluation_module_factory is once}
metric = evaluate.load("emobox/ser_metric", labels=["a", "b"])
found["name"] = metric.compute(predictions=["a", "b"], references=["a", "a"])["wa"]
found["combined"] = evaluate.combine({"x": metric, "y": evaluate.load("emobox/ser_metric", labels=["a", "b", "c"])}
    ).compute(predictions=[0, 1], references=[0, 0])["y_ua"]
found["path"] = evaluate.load(emobox_metric.metric_path()).compute(predictions=[0], references=[0], labels=["a"])["ua"]
found["calls"] = len(calls)
for key, options in {"other name": {"path": "emobox/other_metric"}, "revision": {"revision": "v1"}}.items():
    try:
        evaluate.load(**{"path": "emobox/ser_metric"} | options)
    except Exception as error:
        found[key] = type(error).__name__
found["calls afterwards"] = len(calls) > 0
os.makedirs("emobox/ser_metric")
with open("emobox/ser_metric/ser_metric.py", "w") as own:
    own.write('''
import datasets
import evaluate
class Own(evaluate.Metric):
    def _info(self):
        return evaluate.MetricInfo(description="", citation="", inputs_description="",
            features=datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}))
    def _compute(self, predictions, references):
        return {"own": 1}
''')
found["own"] = evaluate.load("emobox/ser_metric").compute(predictions=[0], references=[0])
print(json.dumps(found))
"""
    )
    assert run(script, tmp_path, HF_UPDATE_DOWNLOAD_COUNTS="0") == {
        "idempotent": True,
        "name": 0.5,
        "combined": pytest.approx(1 / 6),
        "path": 1.0,
        "calls": 0,
        "other name": "FileNotFoundError",
        "revision": "FileNotFoundError",
        "calls afterwards": True,
        "own": {"own": 1},
    }


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path):
    """A Hub on loopback whose only repository is the Space."""
    space = tmp_path / "hub/spaces/emobox/ser_metric/resolve"
    space.mkdir(parents=True)
    (space / "main").symlink_to(emobox_metric.metric_path())
    handler = functools.partial(QuietHandler, directory=str(tmp_path / "hub"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_by_path_and_from_the_hub_without_the_package(tmp_path, hub):
    """The copied script must find its copied siblings, and nothing of ours may be imported by package name."""
    script = (
        HIDE_THE_PACKAGE
        + f"""
import json
import evaluate
options = {{"references": [0, 0, 1, 1], "predictions": [0, 1, 1, 1], "labels": ["a", "b"],
    "speakers": ["f", "f", "m", "m"], "other_predictions": [0, 0, 1, 0], "resamples": 50,
    "probabilities": [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0, 1]]}}
by_path = evaluate.load({emobox_metric.metric_path()!r}).compute(**options)
from_hub = evaluate.load("emobox/ser_metric").compute(**options)
ours = [name for name, module in sys.modules.items() if name.startswith("emobox") and module is not None]
print(json.dumps([by_path == from_hub, by_path["ua"], sorted(by_path), ours]))
"""
    )
    keys = [
        "comparison", "confusion", "ece", "f1", "intervals", "labels", "labels_inferred", "micro_f1", "per_class",
        "ua", "wa",
    ]  # fmt: skip
    found = run(script, tmp_path, HF_ENDPOINT=hub, HF_UPDATE_DOWNLOAD_COUNTS="0", PYTHONPATH="")
    assert found == [True, 0.75, keys, []]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starts its second process by fork")
def test_two_processes_share_one_evaluation(tmp_path):
    """Process 0 gets the scores of all; what is given per utterance must cover all, in order of process id."""
    script = """
import json, os, sys
import emobox_metric, evaluate
shared = {"num_process": 2, "cache_dir": sys.path[0] or ".", "experiment_id": "test", "labels": ["a", "b", "c"]}
references = [[0, 0, 1], [1, 2]]
predictions = [[0, 1, 1], [2, 2]]
speakers = ["f", "f", "m", "m", "f"]
found = []
for given in (speakers, speakers[:3], speakers):
    child = os.fork()
    process_id = 1 if child == 0 else 0
    metric = evaluate.load("emobox/ser_metric", process_id=process_id, **shared)
    for prediction, reference in zip(predictions[process_id], references[process_id]):
        metric.add(prediction=prediction, reference=reference)
    try:
        result = metric.compute(speakers=given, resamples=50)
    except ValueError as error:
        result = str(error)
    if child == 0:
        os._exit(result is not None)
    found.append([result, os.waitpid(child, 0)[1]])
alone = evaluate.load("emobox/ser_metric", labels=["a", "b", "c"], keep_in_memory=True)
alone.add_batch(references=sum(references, []), predictions=sum(predictions, []))
expected = alone.compute(speakers=speakers, resamples=50)
print(json.dumps({"found": found, "expected": expected}))
"""
    answer = run(script, tmp_path)
    scores, short, again = answer["found"]
    assert scores == [answer["expected"], 0]
    assert short[0].startswith(
        "Expected one entry per item everywhere, but got 5 items, 3 clusters (speakers)"
    )
    assert again == [answer["expected"], 0]
    assert not list(tmp_path.rglob("*.arrow"))
