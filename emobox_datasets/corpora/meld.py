"""MELD: scenes of the television series Friends."""

from collections.abc import Iterator

from emobox_datasets.copy.annotations import Row, read_table
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.corpus import Corpus, Fields, OwnSplit
from emobox_datasets.sources.source import Recipe

FOLDERS = {
    "train": ("train_splits", "train"),
    "dev": ("dev_splits_complete", "validation"),
    "test": ("output_repeated_splits_test", "test"),
}
COLUMNS = ("Dialogue_ID", "Utterance_ID", "Speaker", "Emotion", "Utterance")
# Rows whose clips the release does not have.
ABSENT = {"dia125_utt3-train", "dia110_utt7-dev"}
# Dialogues (or `dialogue_utterance`) in stereo; all others have 5.1 channels, the third being the centre.
STEREO = {
    "train": """0 6 13 14 38 40 54 62 76 77 103 104 106 108 128 136 140 141 149 150 155 156 177 180 192 203 222
        246 247 248 249 256 257 277 321 322 326 332 337 342 348 351 362 374 377 382 383 384 408 418 419 421 422
        426 433 434 435 437 441 445 449 452 453 454 468 469 471 480 504 509 516 517 556 557 572 584 609 619 620
        621 622 635 645 649 709 710 712 713 748 791 802 803 806 835 854 859 860 889 891 892 895 896 909 911 916
        917 921 924 937 947 952 962 966 967 991 1018 122_11 122_12 241_1 241_2 241_3 241_5 241_6 241_12 241_13""",
    "dev": "6 7 14 15 27 32 39 40 63 74 77 83 85 88 95 96 101 103 105",
    "test": "27 28 51 52 56 72 89 103 104 112 119 123 128 131 132 154 156 163 169 184 185 186 193 208 209",
}
LEFT, CENTRE = 1, 3


def read(folder: CorpusFolder) -> Iterator[tuple[str | None, Fields]]:
    for part, (clips, split) in FOLDERS.items():
        stereo = set(STEREO[part].split())
        audio = folder.by_name(rf"{clips}/dia\d+_utt\d+\.mp4")
        for row in read_table(folder, f"{part}_sent_emo.csv", COLUMNS):
            dialogue, utterance = row["Dialogue_ID"], row["Utterance_ID"]
            name = f"dia{dialogue}_utt{utterance}"
            if f"{name}-{part}" not in ABSENT:
                channel = LEFT if stereo & {dialogue, f"{dialogue}_{utterance}"} else CENTRE
                known = {"id": f"{name}-{part}", "split": split, "channel": channel, "origin": row.origin}
                yield audio.get(f"{name}.mp4"), {**fields(row), **known}


def fields(row: Row) -> Fields:
    return {
        "raw_label": row["Emotion"],
        # Editions of the tables differ in one speaker and in an apostrophe: the release decides.
        "speaker": row["Speaker"].replace(" ", "-"),
        "text": row["Utterance"],
        "dialogue": row["Dialogue_ID"],
    }


CORPUS = Corpus(
    name="meld",
    display_name="MELD",
    languages=("en",),
    source="television",
    licence="GPL-3.0 for the annotations; the audio is from a television series",
    homepage="https://affective-meld.github.io/",
    citation="""@inproceedings{poria2019meld,
  title = {{MELD}: A Multimodal Multi-Party Dataset for Emotion Recognition in Conversations},
  author = {Poria, Soujanya and Hazarika, Devamanyu and Majumder, Navonil and Naik, Gautam and Cambria, Erik
    and Mihalcea, Rada},
  booktitle = {Proceedings of the 57th Annual Meeting of the Association for Computational Linguistics},
  pages = {527--536},
  doi = {10.18653/v1/P19-1050},
  year = {2019}
}""",
    labels={
        "anger": "Angry",
        "disgust": "Disgust",
        "fear": "Fear",
        "joy": "Happy",
        "neutral": "Neutral",
        "sadness": "Sad",
        "surprise": "Surprise",
    },
    utterances=13706,
    hours=12.141,
    speakers=304,
    read=read,
    folds=OwnSplit(train=9988, validation=1108, test=2610, shares_speakers=True),
    example="train_sent_emo.csv, train_splits/dia0_utt0.mp4",
    details={"text": "string", "dialogue": "int32"},
    notes="A speaker is a name in the script: `All`, `Both` and `Joey-and-Chandler` are speakers too. Three clips "
    "are longer than 30 s, the longest 305 s.",
    speakers_of_release=True,
    download=Recipe(
        ask="Open its homepage; the licence is of the annotations, while the audio is of a television "
        "series.",
        fetch="MELD.Raw.tar.gz, with the archives in it unpacked, and the CSV files of all three parts",
    ),
)
