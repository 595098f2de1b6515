"""The exported page in a real browser: the record's labels and logits, by mouse and keyboard, and no one else asked."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from browser_pages import (
    RUNTIME,
    classified,
    headless_chromium,
    needs_chromium,
    needs_runtime,
    playwright,
    served,
)
from used_runs import demo_waveforms, logits_of

from emobox_probe import export
from emobox_probe.records.result import read_record

pytest.importorskip("onnxscript", reason="onnxscript is not installed: pip install emobox[onnx]")
pytestmark = [needs_chromium, needs_runtime]
RATE, TOLERANCE = 16_000, 1e-4
# A made-up microphone instead of questions about a real one.
MICROPHONE = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with headless_chromium(*MICROPHONE) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def page_folder(runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "web"
    return export(runs["logmel"], "web", out=out, fold="fold1", onnxruntime_web=RUNTIME)


@pytest.fixture(scope="module")
def address(page_folder: Path) -> Iterator[str]:
    with served(page_folder) as place:
        yield place


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Open]:
    """Opens the page, once its model is there; afterwards nothing must have gone wrong and no one else been asked."""
    troubles: list[str] = []
    contexts = []

    def opened(**options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1000, "height": 800}, **options})
        contexts.append(context)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                None if asked.url.startswith((address, "data:", "blob:")) else troubles.append(asked.url)
            ),
        )
        page.goto(address)
        playwright.expect(page.locator("#status")).to_contain_text("Ready")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


def test_the_page_says_what_the_record_says(open_page: Open, runs: dict[str, Path], tmp_path: Path) -> None:
    recorded, waveforms = logits_of(runs["logmel"], "fold1"), demo_waveforms()
    for id in recorded:
        soundfile.write(tmp_path / f"{id}.wav", waveforms[id], RATE, subtype="PCM_16")
    page = open_page()
    page.set_input_files("#files", [tmp_path / f"{id}.wav" for id in recorded])
    playwright.expect(page.locator("#status")).to_contain_text(f"{len(recorded)} done")
    said, labels = classified(page), read_record(runs["logmel"]).corpus.labels
    assert said.keys() == recorded.keys()
    for id, logits in recorded.items():
        label, shown = said[id]
        np.testing.assert_allclose(shown, logits, rtol=0, atol=TOLERANCE)
        assert label == labels[int(np.argmax(logits))]


def test_other_files_are_decoded_and_what_is_none_is_said(open_page: Open, tmp_path: Path) -> None:
    tone = np.sin(np.arange(44_100) / 30) / 4
    soundfile.write(tmp_path / "other.flac", np.stack([tone, tone], axis=1), 44_100)
    soundfile.write(tmp_path / "clip.wav", tone[:1600], RATE, subtype="PCM_16")
    (tmp_path / "broken.wav").write_bytes(b"RIFF but no more")
    page = open_page()
    page.set_input_files("#files", [tmp_path / name for name in ("other.flac", "clip.wav", "broken.wav")])
    playwright.expect(page.locator("#status")).to_contain_text("2 done. Not read: broken.wav")
    assert classified(page).keys() == {"other", "clip"}


def test_what_is_to_be_expected_is_said(open_page: Open, runs: dict[str, Path], page_folder: Path) -> None:
    record = read_record(runs["logmel"])
    shown = open_page().locator("footer").inner_text()
    assert f"UA {100 * record.pooled.ua:.1f} %" in shown
    assert "demo (licence: Apache-2.0" in shown
    # As the card says it.
    told = "speakers that heads had not heard"
    assert told in shown
    assert told in " ".join((page_folder / "README.md").read_text().split())


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ([0.1, float("nan")], "some of its samples are NaN or infinite; replace it with the original"),
        ([0.1, float("inf")], "some of its samples are NaN or infinite; replace it with the original"),
        ([1200.0, -31000.0], "its samples are integers written as floats"),
    ],
)
@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_what_predict_refuses_is_refused(
    samples: list[float], reason: str, rate: int, open_page: Open, tmp_path: Path
) -> None:
    waveform = np.sin(np.arange(rate) / 20) / 4
    waveform[100 : 100 + len(samples)] = samples
    soundfile.write(tmp_path / "bad.wav", waveform, rate, subtype="FLOAT")
    page = open_page()
    page.set_input_files("#files", tmp_path / "bad.wav")
    playwright.expect(page.locator("#status")).to_contain_text(f"0 done. Not read: bad.wav: {reason}")
    assert classified(page) == {}


@pytest.mark.parametrize(
    ("samples", "remark"),
    [
        (np.zeros(RATE), "silent: its label says nothing"),
        (np.sin(np.arange(RATE // 10)) / 4, "no longer than 0.1 s: its label says little"),
        (np.sin(np.arange(160)) / 4, "shorter than the encoder takes, and lengthened with zeros"),
    ],
)
def test_of_what_little_can_be_said_is_remarked(
    samples: np.ndarray, remark: str, open_page: Open, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "clip.wav", samples, RATE)
    page = open_page()
    page.set_input_files("#files", tmp_path / "clip.wav")
    playwright.expect(page.locator("#results")).to_contain_text(f"clip.wav ({remark}")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("NotAllowedError", "it may not use it. Allow it for this page, by the sign beside its address"),
        ("NotFoundError", "there is none. Connect one and press Record again, or choose a file."),
        ("OtherError", "the browser says: no. Choose a file instead."),
    ],
)
def test_without_a_microphone_the_page_says_what_to_do(open_page: Open, error: str, remedy: str) -> None:
    page = open_page()
    page.evaluate(
        "name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name)) }",
        error,
    )
    page.locator("#record").click()
    playwright.expect(page.locator("#status")).to_contain_text(
        f"Expected a microphone for this page, but {remedy}"
    )
    playwright.expect(page.locator("#record")).to_have_text("Record")


def test_a_recording_is_made_by_keyboard(open_page: Open) -> None:
    page = open_page(permissions=["microphone"])
    page.locator("#record").focus()
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#record")).to_have_text("Stop")
    page.wait_for_timeout(700)
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#status")).to_contain_text("1 done")
    assert "Recording 1" in classified(page)


@pytest.mark.parametrize("width", [360, 1000])
def test_nothing_is_wider_than_the_screen(open_page: Open, tmp_path: Path, width: int) -> None:
    soundfile.write(tmp_path / f"{'long' * 30}.wav", np.sin(np.arange(RATE) / 20) / 4, RATE)
    page = open_page(viewport={"width": width, "height": 700})
    page.set_input_files("#files", tmp_path / f"{'long' * 30}.wav")
    playwright.expect(page.locator("#status")).to_contain_text("1 done")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(open_page: Open, scheme: str) -> None:
    page = open_page(color_scheme=scheme)

    def brightness() -> float:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return float(np.mean([int(part) for part in colour.strip("rgb()").split(",")[:3]]))

    before = brightness()
    assert (before > 128) == (scheme == "light")
    page.locator("#theme").click()
    assert (brightness() > 128) != (before > 128)


def test_a_name_of_a_file_is_no_markup(open_page: Open, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>.wav"
    soundfile.write(tmp_path / name, np.sin(np.arange(RATE) / 20) / 4, RATE)
    page = open_page()
    page.set_input_files("#files", tmp_path / name)
    playwright.expect(page.locator("#status")).to_contain_text("1 done")
    assert page.locator("#results img").count() == 0
    assert name in page.locator("#results").inner_text()
