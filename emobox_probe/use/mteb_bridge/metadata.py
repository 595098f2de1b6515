"""What MTEB is told of a task: which corpus, in which languages, under which licence, by whom."""

import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from emobox_datasets.corpus import Corpus
from emobox_datasets.repository.licences import redistribution
from emobox_datasets.sources.source import Source
from emobox_probe.protocol import Protocol

# ISO 639-3 and ISO 15924 of what cards call by ISO 639-1.
LANGUAGES = {
    "am": "amh-Ethi",
    "bn": "ben-Beng",
    "de": "deu-Latn",
    "el": "ell-Grek",
    "en": "eng-Latn",
    "es": "spa-Latn",
    "fa": "fas-Arab",
    "fr": "fra-Latn",
    "it": "ita-Latn",
    "pl": "pol-Latn",
    "ru": "rus-Cyrl",
    "tr": "tur-Latn",
    "ur": "urd-Arab",
    "zh": "zho-Hans",
    "zxx": "zxx-Zxxx",
}
UNDETERMINED = "und-Zyyy"
# Licences that MTEB has a name for, by the Hub's, which it shares.
LICENCES = frozenset(
    {
        "apache-2.0",
        "cc-by-4.0",
        "cc-by-nc-nd-4.0",
        "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0",
        "cc0-1.0",
        "gpl-3.0",
        "mit",
    }
)
FOLDS = {
    "released": "the folds that the EmoBox authors published, some of which share speakers between train and test",
    "strict": "speaker-disjoint folds",
    "shuffled": "five folds of shuffled utterances, which share speakers between train and test",
}


def task_metadata(corpus: Corpus, folds: str, protocol: Protocol) -> Mapping[str, Any]:
    """The fields of MTEB's `TaskMetadata`.

    `date` is the year of the publication that is cited, as MTEB has it of corpora whose time of recording is not told.
    """
    shuffled = folds == "shuffled"
    labels = corpus.label_list if shuffled or protocol.folds == "released" else corpus.scored_labels
    year = re.search(r"year = \{(\d{4})\}", corpus.citation)
    return {
        "name": f"EmoBox_{corpus.name}_{folds}",
        "description": (
            f"Speech emotion recognition on {corpus.display_name}, {corpus.utterances:,} utterances of {len(labels)} "
            f"labels ({', '.join(labels)}), on {FOLDS[folds]}"
            + (
                "."
                if shuffled
                else f"; the head and its selection are those of EmoBox's protocol {protocol.name}."
            )
        ),
        "dataset": {"path": f"emobox/{corpus.name}", "name": "all", "revision": version("emobox")},
        "type": "AudioClassification",
        "category": "a2c",
        "modalities": ["audio"],
        "eval_splits": ["train"],
        "eval_langs": [LANGUAGES.get(language, UNDETERMINED) for language in corpus.languages],
        "main_score": "accuracy" if shuffled else "ua",
        "reference": corpus.homepage or None,
        "date": (f"{year[1]}-01-01", f"{year[1]}-12-31") if year else None,
        "domains": ["Speech"],
        "task_subtypes": ["Emotion classification"],
        "license": _licence(corpus),
        "annotations_creators": "derived" if corpus.intended else "human-annotated",
        "dialect": [],
        "sample_creation": "created" if corpus.source in ("acted", "synthesised") else "found",
        "bibtex_citation": corpus.citation,
        "is_public": isinstance(corpus.download, Source) or corpus.synthesise is not None,
        "contributed_by": "EmoBox",
    }


def _licence(corpus: Corpus) -> str:
    """MTEB's name of it; where it has none, the page that states it."""
    licence = redistribution(corpus).hub_licence
    if licence in LICENCES:
        return licence
    return "not specified" if licence == "unknown" or not corpus.homepage else corpus.homepage
