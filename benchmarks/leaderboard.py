"""A leaderboard of 1,000 models x 32 corpora: how long it takes to make, to open, to sort and to search, and its size.

Every result has an interval and the UA of 13 layers; no predictions, so ranks are by standard errors. Times in the
browser run until two frames have been painted after the page has shown the outcome, each five times in a page opened
anew. With `--beside`, the page of an earlier version is opened in turn with today's: both have the same machine.

Run: `python benchmarks/leaderboard.py`. Needs the package playwright, and Chromium on the path.
"""

import argparse
import gzip
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from emobox_datasets import corpora
from emobox_probe.protocol import PAPER, protocol_id
from emobox_probe.records.result import (
    CorpusRecord,
    EncoderRecord,
    Fold,
    Interval,
    LayerScore,
    Provenance,
    ResultRecord,
    Scores,
)
from hub_cards.leaderboard.data import page_data
from hub_cards.leaderboard.site import PAGE, render, write
from hub_cards.runs.collection import Collection, Result, model_of

RESULT = Path(__file__).parent / "results" / "leaderboard.cpu.json"
LAYERS, REPEATS = 13, 5
COMPARED = "#view=compare&" + "&".join(
    f"{side}=laboratory-{number}%2Fspeech-encoder-{number:04}" for number, side in enumerate("abc", 1)
)

PAINTED = "requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - started)))"
SORT = f"""(name) => new Promise((done) => {{
  const header = [...document.querySelectorAll("#table thead th")].find((th) => th.textContent.includes(name));
  const [started, before] = [performance.now(), header.getAttribute("aria-sort")];
  const look = () => header.getAttribute("aria-sort") === before ? requestAnimationFrame(look) : {PAINTED};
  header.click();
  look();
}})"""
FOLLOW = f"""(link) => new Promise((done) => {{
  const started = performance.now();
  addEventListener("hashchange", () => {PAINTED}, {{ once: true }});
  location.hash = link;
}})"""
SEARCH = f"""(words) => new Promise((done) => {{
  const field = document.querySelector(".dt-search input");
  const started = performance.now();
  const look = () => document.querySelector(".dt-info").textContent.includes("filtered")
    ? {PAINTED} : requestAnimationFrame(look);
  field.value = words;
  field.dispatchEvent(new Event("input", {{ bubbles: true }}));
  look();
}})"""


HAS_VIEW = "(word) => !word.startsWith('#') || new URLSearchParams(word.slice(1)).get('view') in Board.views"
ACTIONS = (
    ("sort by a corpus", SORT, "MELD"),
    ("sort by name", SORT, "Model"),
    ("search", SEARCH, "encoder-09"),
    ("open one corpus", FOLLOW, "#view=corpus&corpus=meld"),
    ("sort one corpus", SORT, "WA"),
    ("open one model", FOLLOW, "#view=model&model=laboratory-1%2Fspeech-encoder-0001"),
    ("compare three models", FOLLOW, COMPARED),
    ("draw score against size", FOLLOW, "#view=size"),
)


def collection(models: int) -> Collection:
    """Made-up results of that many models on every corpus of the benchmark."""
    generator = np.random.default_rng(0)
    names = [name for name in corpora.names() if corpora.load(name).synthesise is None]
    settings = json.loads(json.dumps(asdict(PAPER)))
    skill, ease = generator.normal(0, 0.06, models), generator.uniform(0.35, 0.9, len(names))
    results = []
    for model in range(models):
        for place, name in enumerate(names):
            share = float(np.clip(ease[place] + skill[model] + generator.normal(0, 0.02), 0.06, 0.94))
            made = record(model, name, round(share, 6), settings)
            results.append(
                Result(Path(), made, model_of(made.encoder), protocol_id(made.protocol), predictions=None)
            )
    return Collection(results)


def record(model: int, corpus: str, share: float, settings: dict[str, Any]) -> ResultRecord:
    """One made-up result."""
    scores, bounds = Scores(ua=share, wa=share, f1=share), (share - 0.05, share + 0.05)
    card = corpora.load(corpus)
    return ResultRecord(
        encoder=EncoderRecord(
            name=f"laboratory-{model % 37}/speech-encoder-{model:04}",
            architecture="wav2vec2",
            revision=f"{model:040x}",
            weights_sha256=f"{model:064x}",
            preprocessor_sha256=None,
            parameters=95_000_000 + model,
            dimension=768,
            frame_rate=50.0,
            layer="last_hidden_state",
            layers="all",
            dtype="float32",
            way="alone",
            shortest_samples=400,
            store_dtype="float16",
            features=f"{model:032x}",
            lengthened=0,
        ),
        corpus=CorpusRecord(
            name=corpus,
            fingerprint="0" * 64,
            utterances=card.utterances,
            missing=0,
            hours=card.hours,
            labels=list(card.label_list),
            over_30_seconds=0,
            under_25_milliseconds=0,
        ),
        protocol=settings,
        folds=[
            Fold(
                name="fold1",
                kind="released",
                seed=0,
                training=100,
                validation=20,
                test=30,
                layer="last",
                learning_rate=1e-3,
                hidden=128,
                epoch=10,
                validation_ua=share,
                scores=scores,
                test_selected=None,
            )
        ],
        mean=scores,
        spread=None,
        seed_spread=None,
        pooled=scores,
        interval=Interval(
            confidence=0.95,
            resampled="speakers",
            ua=bounds,
            wa=bounds,
            f1=bounds,
            method="logit-t",
            clusters=24,
            standard_errors=Scores(ua=0.024, wa=0.024, f1=0.024),
        ),
        test_selected=None,
        layers=[
            LayerScore(layer=str(layer), validation_ua=share, ua=share * (1 - 0.02 * layer))
            for layer in range(LAYERS)
        ],
        weighted_sum=None,
        confusion=[[1]],
        provenance=Provenance(
            created="2026-01-01T00:00:00+00:00",
            command="emobox probe",
            libraries={},
            device="cuda:0",
            hardware="a GPU",
            processes=1,
            extraction_seconds=3600 * card.hours / (200 + model),
            training_seconds=1.0,
        ),
    )


def opened(browser: Browser, address: str) -> tuple[Page, float]:
    """The page, and the milliseconds from asking for it until its table was painted."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    page.locator("#table tbody tr").first.wait_for()
    told = page.evaluate(
        "new Promise((done) => { const started = 0; " + PAINTED + "; })"
    )  # the page's clock starts with the navigation
    return page, float(told)


def measure(addresses: Sequence[str]) -> tuple[list[dict[str, list[float]]], str]:
    """Milliseconds of every action on every page, the pages in turn, and the browser's version."""
    times: list[dict[str, list[float]]] = [{} for _ in addresses]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(REPEATS):
            for address, of_page in zip(addresses, times, strict=True):
                page, took = opened(browser, address)
                of_page.setdefault("open", []).append(took)
                for name, script, word in ACTIONS:
                    if page.evaluate(HAS_VIEW, word):  # an earlier page may lack it
                        of_page.setdefault(name, []).append(float(page.evaluate(script, word)))
                page.close()
        told = browser.version
        browser.close()
    return times, told


def summarised(times: dict[str, list[float]]) -> dict[str, dict[str, Any]]:
    """The median of every action, and all."""
    return {
        name: {"median": round(statistics.median(all_), 1), "all": [round(value, 1) for value in all_]}
        for name, all_ in times.items()
    }


def main() -> None:
    """Make the site, measure it, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--keep", type=Path, help="keep the site in this folder")
    parser.add_argument("--beside", type=Path, help="site of an earlier version, to measure in turn")
    arguments = parser.parse_args()
    if not shutil.which("chromium"):
        parser.error("expected chromium on the path, but found none; run: apt-get install chromium")
    made = collection(arguments.models)
    started = time.perf_counter()
    files = render(page_data(made))
    seconds = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        site = arguments.keep or Path(folder)
        write(site, files)
        sites = [site, *([arguments.beside] if arguments.beside else [])]
        times, browser = measure([(one.resolve() / PAGE).as_uri() for one in sites])
    content = files[PAGE].encode("utf-8")
    figures = {
        "benchmark": "leaderboard",
        "models": arguments.models,
        "corpora": len(made.results) // arguments.models,
        "results": len(made.results),
        "layers": LAYERS,
        "page": {
            "megabytes": round(len(content) / 1e6, 2),
            "megabytes_gzip": round(len(gzip.compress(content)) / 1e6, 2),
            "seconds_to_make": round(seconds, 1),
        },
        "milliseconds": summarised(times[0]),
        **({"milliseconds_of_the_page_beside": summarised(times[1])} if arguments.beside else {}),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "load_before_and_after": [round(os.getloadavg()[place], 2) for place in (1, 0)],
        },
        "versions": {
            "chromium": browser,
            "playwright": version("playwright"),
            "datatables": "3.1.5",
            "python": platform.python_version(),
        },
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name in times[0]:
        medians = [statistics.median(of_page[name]) for of_page in times if name in of_page]
        print(f"{name}: {', '.join(f'{median:.1f} ms' for median in medians)}")
    print(f"{figures['page']['megabytes']} MB, {figures['page']['megabytes_gzip']} MB compressed")


if __name__ == "__main__":
    main()
