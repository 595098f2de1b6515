"""Dataset cards: valid for the Hub, true to the corpus, the same each time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import shared_assets
from hub_server import HubServer
from huggingface_hub import DatasetCard
from matplotlib.image import imread

from emobox_datasets import corpora
from emobox_datasets.folds.partition import configurations
from emobox_datasets.repository import prepared
from emobox_datasets.repository.prepared import Prepared, Shard
from emobox_datasets.repository.without_audio import without_audio
from hub_cards.cards.dataset_card import dataset_card, describe, errata_of, fold_rows, read_rows


def rows_like_the_release(name: str) -> tuple[Prepared, pd.DataFrame]:
    """A repository of a corpus as the release counts it, without a byte of audio."""
    released = pd.read_parquet(shared_assets() / "facts/released_folds.parquet")
    rows = released[released.corpus == name].sort_values("id", ignore_index=True)
    rows = rows.rename(columns={"length": "duration"}).assign(parts=[{"all": "train"}] * len(rows))
    shard = Shard("data/part00-00000-of-00001.parquet", len(rows), 1, 1, 1, "0" * 64, {"all": "train"})
    names = {name: ["train"] for name in configurations(corpora.load(name))}
    return Prepared(name, "0" * 64, True, len(rows), names, [shard]), rows


def test_the_hub_accepts_the_card(hub: HubServer, prepared_emodb: Path) -> None:
    card = DatasetCard.load(prepared_emodb / "README.md")
    card.validate()
    assert hub.count("POST /api/validate-yaml") == 1
    assert card.data.license == "unknown"
    assert card.data.language == ["de"]
    assert card.data.size_categories == ["n<1K"]
    assert "speech-emotion-recognition" in card.data.tags
    assert [config["config_name"] for config in card.data.configs][:2] == ["fold1", "fold2"]
    assert [config["config_name"] for config in card.data.configs if config.get("default")] == ["fold1"]


def test_the_card_tells_what_it_is_where_from_and_what_is_wrong(prepared_emodb: Path) -> None:
    text = DatasetCard.load(prepared_emodb / "README.md").text
    for part in (
        "http://emodb.bilderbar.info",
        "| Angry | `anger` | 127 | 23.7 |",
        "| female_08 | female | 58 |",
        "| `fold1` | released | 428 |  | 107 | 10 | 107 |",
        "| `strict1` | strict | 383 |  | 152 | 3 | 0 |",
        "79 utterances, 14.8 %",
        "@inproceedings{burkhardt2005database",
        "@inproceedings{ma2024emobox",
        "licence of the corpus is not known",
        'load_dataset("emobox/emodb", "fold1")',
        prepared.read(prepared_emodb).version,
    ):
        assert part in text
    for unfinished in ("{{", "}}:  ", "{%", "None", "nan", "More Information Needed"):
        assert unfinished not in text.replace("{{EmoBox}:", "")


def test_figures_agree_with_the_release(prepared_emodb: Path, shared_assets: Path) -> None:
    released = pd.read_parquet(shared_assets / "facts/released_folds.parquet")
    expected = released[released.corpus == "emodb"].sort_values("id", ignore_index=True)
    made = prepared.read(prepared_emodb)
    rows = read_rows(prepared_emodb, made)
    assert (rows.label == expected.label).all()
    for fold in fold_rows(rows, corpora.load("emodb"), made):
        if fold.kind == "released":
            assert fold.test == (expected.test_fold == int(fold.name[-1])).sum()
        else:
            assert fold.shared == 0


@pytest.mark.parametrize("name", sorted(set(corpora.names()) - {"demo"}))
def test_every_corpus_has_a_card(name: str) -> None:
    corpus = corpora.load(name)
    made, rows = rows_like_the_release(name)
    card = DatasetCard(str(dataset_card(corpus, made, rows)))
    assert card.data.pretty_name.startswith(corpus.display_name)
    assert (card.data.license == "other") == bool(card.data.to_dict().get("license_name"))
    assert corpus.licence in card.text or card.data.license == "unknown"
    assert errata_of(corpus) in card.text
    assert ("has no strict folds" in card.text) != ("| `strict1` |" in card.text)


@pytest.mark.parametrize("name", ["ravdess", "emodb"])
def test_the_card_of_an_incomplete_copy_claims_no_comparison(name: str) -> None:
    corpus = corpora.load(name)
    made, rows = rows_like_the_release(name)
    rows = rows.iloc[3:]
    parts = {"all": "train", "fold1": "train", **({"balanced": "test"} if corpus.balanced_ids else {})}
    shard = replace(made.shards[0], rows=len(rows), parts=parts)
    lacking = replace(made, utterances=len(rows), shards=[shard])
    card = str(dataset_card(corpus, lacking, rows))
    assert f"**3 of {corpus.utterances:,} utterances of the corpus are missing here**" in card
    assert "comparable with" not in card.replace("not comparable with", "")
    assert "3 utterances of the corpus are missing; scores are not" in " ".join(
        card.split()
    )  # of every configuration
    whole = str(dataset_card(corpus, made, rows))
    assert "the only ones comparable with the paper's Table 4." in whole
    assert ("Table 5" in whole) == bool(corpus.balanced_ids)


def test_errata_are_those_of_the_corpus() -> None:
    assert "TSI" not in errata_of(corpora.load("tess"))
    assert "OA_bite" in errata_of(corpora.load("tess"))
    assert "OA_bite" not in errata_of(corpora.load("ravdess"))
    assert "6 utterances of 56 to 107 s" in errata_of(corpora.load("enterface"))
    assert "#" not in errata_of(corpora.load("turev_db"))  # the last one before another heading


def test_pictures_show_something(prepared_emodb: Path) -> None:
    for name in ("labels", "durations"):
        picture = imread(prepared_emodb / f"pictures/{name}.png")
        assert picture.shape[1] == 660
        blue = np.abs(picture[..., :3] - np.array([0x48, 0x78, 0xA8]) / 255).max(axis=-1) < 0.02
        assert 0.05 < blue.mean() < 0.9


def test_a_card_without_audio_says_where_the_audio_is(prepared_emodb: Path, tmp_path: Path) -> None:
    without_audio(prepared_emodb, tmp_path / "emodb", describe)
    card = DatasetCard.load(tmp_path / "emodb/README.md")
    assert "There is no audio here" in card.text
    assert "`audio_checksum`" in card.text
    assert "| `audio` |" not in card.text
    assert 'data_dir="/path/to/your/copy"' in card.text
    features = card.data.dataset_info[0]["features"]
    assert "audio" not in [feature["name"] for feature in features]
