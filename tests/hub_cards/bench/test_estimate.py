"""What a plan is said to cost: from files of measurements, or from records of this machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bench_plans import demo_plan
from bench_running import bench
from commands import run_command
from records import record

from emobox_probe.encoders.load import load_encoder
from emobox_probe.protocol import PROTOCOLS
from emobox_probe.records.predictions import PREDICTIONS_FILE
from hub_cards.bench import estimate
from hub_cards.bench.bench import prepare
from hub_cards.bench.estimate import Line, free_bytes, peak_disk
from hub_cards.bench.items import expand, record_folder
from hub_cards.bench.models import Size, find_model
from hub_cards.bench.options import BenchConfig
from hub_cards.bench.plan import Model
from hub_cards.bench.reading import parse_plan
from hub_cards.bench.speeds import BESIDE_PRODUCTS, EPOCH, REFERENCES, TRAINING, Time, billed_seconds

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def test_tabulated_speeds_are_those_of_the_benchmarks() -> None:
    for reference in REFERENCES:
        name = reference.source.split(" ")[0]
        figures = json.loads((RESULTS / f"extract.{reference.device}.json").read_text())["models"][name]
        expected = figures["times_real_time"]["project"]
        if reference.windowed:
            expected = figures["audio"]["utterances"] * 30 / figures["project"]["wall_seconds"]
        assert reference.speed == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("file", "dimension", "protocol", "frames"),
    [
        ("scaling.cpu", 768, "paper", "last"),
        ("scaling-narrow.cpu", 80, "paper", "last"),
        ("scaling.cpu", 768, "strict", "every"),
    ],
)
def test_tabulated_training_on_a_cpu_is_that_of_the_benchmarks(
    file: str, dimension: int, protocol: str, frames: str
) -> None:
    sizes = json.loads((RESULTS / f"{file}.json").read_text())["sizes"]
    products = max(sizes, key=lambda size: size["hours"])[protocol]["products_per_second"]
    beside = BESIDE_PRODUCTS["cpu"] if frames == "last" else 0
    rate, _ = TRAINING["cpu", frames]
    assert rate == pytest.approx(products * (dimension + beside) / dimension, rel=0.05)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(("protocol", "frames"), [("paper", "last"), ("strict", "every")])
def test_tabulated_training_on_a_gpu_is_that_of_the_benchmarks(
    place: int, protocol: str, frames: str
) -> None:
    """Corpora of an hour and of ten, by one rate and what every epoch costs beside it; with a learned sum of layers."""
    size = json.loads((RESULTS / "scaling.cuda.json").read_text())["sizes"][place]
    figures = size[protocol]
    seconds = size["hours"] * figures["epoch_seconds_per_hour"]
    products = seconds * figures["products_per_second"]
    if frames == "every":
        products *= 2
        seconds = products / figures["products_per_second_with_sums"]
    fits = 5 * len(PROTOCOLS[protocol].seeds)
    rate, _ = TRAINING["cuda", frames]
    assert fits * EPOCH["cuda"] + products / rate == pytest.approx(seconds, rel=0.08)


def test_features_that_a_probe_made_are_not_called_missing(tmp_path: Path) -> None:
    """No note is on them yet, so what they are of is not known without loading the model; but they are there."""
    plan = parse_plan(demo_plan(tmp_path, "builtin:logmel"), "plan.yaml")
    ledger, _ = prepare(plan, BenchConfig())
    features, probed, *_ = ledger.items
    made = record(name="builtin:logmel", corpus="demo")
    folder = record_folder(plan, probed)
    folder.mkdir(parents=True)
    made.write(folder)
    (folder / PREDICTIONS_FILE).touch()
    assert (ledger.state(features), ledger.state(probed)) == ("missing", "stale")
    store = plan.features / made.encoder.features
    store.mkdir(parents=True)
    (store / "index.parquet").touch()
    assert ledger.state(features) == "unchecked"
    told = estimate.estimate(ledger, [features], 1, keep_features=False, again=False)
    assert [(line.time.seconds, line.size) for line in told.lines] == [(0.0, 0.0)]


def test_whisper_is_billed_in_windows() -> None:
    assert billed_seconds("emodb", windowed=False) == pytest.approx(0.413 * 3600)
    assert billed_seconds("emodb", windowed=True) == 535 * 30


def test_the_size_of_a_model_is_read_from_its_files(tiny_encoder: Path) -> None:
    here = find_model(Model(name=str(tiny_encoder)))
    from transformers import AutoModel

    parameters = sum(p.numel() for p in AutoModel.from_pretrained(tiny_encoder).parameters())
    assert here.size.parameters * 1e6 == pytest.approx(parameters, rel=0.01)
    assert (here.size.dimension, here.size.layers, here.size.source) == (16, 1, "its files")
    facts = load_encoder("builtin:logmel", torch.device("cpu")).facts
    expected = Size(0.0, facts.dimension, facts.frame_rate, 0, "built in")
    assert find_model(Model(name="builtin:logmel")).size == expected


def test_a_path_of_a_model_that_leads_nowhere_is_a_problem(tmp_path: Path) -> None:
    here = find_model(Model(name=str(tmp_path / "nowhere")))
    assert here.problem.startswith(
        f"Expected the folder of a model, but there is no such folder as {tmp_path}/nowhere"
    )


def test_disk_is_what_features_take_at_once(tmp_path: Path) -> None:
    plan = parse_plan(demo_plan(tmp_path, "a/b", "c/d", protocols="paper, strict"), "plan.yaml")
    items = expand(plan)
    sizes = {"extract/a--b/demo": 5.0, "extract/c--d/demo": 7.0}
    lines = [Line(item, "missing", Time(1, ""), sizes.get(item.name, 0)) for item in items[:-1]]
    assert peak_disk(lines, items, keep_features=True) == 12
    assert peak_disk(lines, items, keep_features=False) == 7


def test_too_little_disk_is_said_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(estimate, "free_bytes", lambda folder: 1000.0)
    (tmp_path / "plan.yaml").write_text(demo_plan(tmp_path, "builtin:logmel"))
    assert run_command("bench", tmp_path / "plan.yaml", "--keep-features") == 2
    error = capsys.readouterr().err
    assert "of free disk for features" in error
    assert "--keep-features" in error
    assert not (tmp_path / "runs").exists()


def test_room_is_looked_up_where_the_folder_will_be(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") == pytest.approx(free_bytes(tmp_path), rel=0.01)


@pytest.mark.usefixtures("quick", "in_process")
def test_measured_speeds_take_the_place_of_tabulated_ones(tmp_path: Path) -> None:
    text = demo_plan(tmp_path, "builtin:logmel")
    sizes: list[float] = []

    def sources() -> set[str]:
        ledger, mine = prepare(parse_plan(text, "plan.yaml"), BenchConfig())
        told = estimate.estimate(ledger, mine, 1, keep_features=True, again=True)
        assert json.dumps(estimate.facts(told))
        sizes.append(told.disk)
        return {line.time.source for line in told.lines}

    assert all("tabulated" in source for source in sources())
    bench(text, keep=True)
    assert sources() == {"done", "measured"}
    stored = sum(path.stat().st_size for path in (tmp_path / "features").glob("*/shard-*"))
    assert sizes == [pytest.approx(stored, rel=0.05), 0]


@pytest.mark.slow
def test_the_command_line_says_every_mistake_and_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(demo_plan(tmp_path, "nobody/none", "nobody/neither"))
    words = ["bench", str(tmp_path / "plan.yaml"), "--shard", "5/3", "--only", "nothing"]
    done = subprocess.run(
        [sys.executable, "-m", "emobox", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    for part in (
        "plan.yaml:4: Expected a folder",
        "plan.yaml:5: ",
        "'nobody/neither'",
        "'nothing' names none",
    ):
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()
