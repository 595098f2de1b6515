"""The Space: its table functions, its card, and, where gradio is installed, the page itself on loopback."""

import importlib.util
from pathlib import Path

import evaluate
import pandas as pd
import pytest
import yaml

import emobox_metric
from emobox_metric.ser_metric import app

SPACE = Path(emobox_metric.metric_path())
# The page says itself that it takes the labels of the file.
pytestmark = pytest.mark.filterwarnings("ignore:Expected the corpus's full list of `labels`")
without_gradio = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None, reason="gradio is not installed: pip install gradio"
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", str(tmp_path_factory.mktemp("metrics")))


def write(folder, text):
    path = folder / "predictions.csv"
    path.write_text(text, encoding="utf-8-sig")
    return str(path)


def test_example_is_scored(tmp_path):
    table = app.read_predictions(str(SPACE / "example.csv"))
    scores, classes, confusion = app.score_predictions(table)
    right = (table["reference"] == table["prediction"]).groupby(table["reference"]).agg(["mean", "size"])
    assert classes["recall"].tolist() == [f"{100 * share:.2f}" for share in right["mean"]]
    assert classes["utterances"].tolist() == right["size"].tolist()
    assert scores["percent"][0] == f"{100 * right['mean'].mean():.2f}"
    assert (scores["95 % from"].astype(float) < scores["percent"].astype(float)).all()
    assert confusion.iloc[:, 1:].to_numpy().sum() == len(table)
    colours = app.shade(confusion).to_html()
    assert colours.count("background-color") >= 5


def test_labels_and_absent(tmp_path):
    table = app.read_predictions(write(tmp_path, "reference,prediction\nNA, NA\nNone,NA\n"))
    assert table["prediction"].tolist() == ["NA", "NA"]
    _, classes, _ = app.score_predictions(table)
    assert classes["label"].tolist() == ["NA", "None"]
    zero = app.score_predictions(table, "None, NA, sad,")[0]["percent"][0]
    skip = app.score_predictions(table, "None, NA, sad,", "skip")[0]["percent"][0]
    assert (zero, skip) == ("33.33", "50.00")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expected a CSV file"),
        ("reference;prediction\na;b\n", r"columns \['reference;prediction'\]"),
        ("reference,prediction\n", "0 rows"),
        ("reference,guess\na,b\n", r"columns \['reference', 'guess'\]"),
        ("reference,prediction\na,b\na,\n", r"one in line 3 \(1 such lines\)"),
        ("reference,prediction\na,b,c,d\na,b,c,d,e\n", "Expected a CSV file"),
    ],
)
def test_rejects(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        app.read_predictions(write(tmp_path, text))


def test_rejects_what_is_not_utf8(tmp_path):
    path = tmp_path / "latin1.csv"
    path.write_bytes("reference,prediction\ncolère,joie\n".encode("latin-1"))
    with pytest.raises(ValueError, match="Expected a CSV file in UTF-8"):
        app.read_predictions(str(path))


def test_card_has_what_the_hub_reads():
    front = yaml.safe_load((SPACE / "README.md").read_text(encoding="utf-8").split("---")[1])
    assert front["sdk"] == "gradio"
    assert (SPACE / front["app_file"]).is_file()
    assert {"evaluate", "metric"} <= set(front["tags"])
    assert {front["colorFrom"], front["colorTo"]} <= {
        "red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray",
    }  # fmt: skip


@without_gradio
def test_page_on_loopback(monkeypatch):
    client = pytest.importorskip("gradio_client")
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    page = app.build()
    _, url, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    try:
        ours = client.Client(url, verbose=False)
        file = client.handle_file(str(SPACE / "example.csv"))
        scores, _, confusion = ours.predict(file, "", "zero", api_name="/score")
        expected = app.score_predictions(app.read_predictions(str(SPACE / "example.csv")))
        pd.testing.assert_frame_equal(pd.DataFrame(scores["data"], columns=scores["headers"]), expected[0])
        assert confusion["data"] == expected[2].to_numpy().tolist()
        with pytest.raises(Exception, match="among the labels"):
            ours.predict(file, "angry, happy", "zero", api_name="/score")
    finally:
        page.close()
