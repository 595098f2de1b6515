"""M3ED: dialogues of pairs in 56 Chinese television series."""

from collections.abc import Iterator

from emobox_datasets.copy.annotations import entry, read_json, read_text
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.copy.raters.m3ed import LABELS, TABLE
from emobox_datasets.corpus import Corpus, Fields, OwnSplit
from emobox_datasets.errors import CorpusError
from emobox_datasets.sources.source import Recipe

LISTS = {"train": "train", "val": "validation", "test": "test"}


def read(folder: CorpusFolder) -> Iterator[tuple[str | None, Fields]]:
    split_of = {
        show: split
        for name, split in LISTS.items()
        for show in read_text(folder, f"movie_list_{name}.txt")[1].split()
    }
    audio = folder.by_name(r"[AB]_\w+_\d+_\d+\.wav")
    file, shows = read_json(folder, "annotation.json")
    for show, dialogues in shows.items():
        if show not in split_of:
            raise CorpusError(
                f"Expected {show} of {file} in one of the lists movie_list_train.txt, movie_list_val.txt and "
                f"movie_list_test.txt, but it is in none; replace the lists with the originals."
            )
        for dialogue, scene in dialogues.items():
            for name in entry(file, scene, "Dialog"):
                turn = entry(file, scene, "Dialog", name)
                side = entry(file, scene, "Dialog", name, "Speaker")
                yield (
                    audio.get(f"{side}_{name}.wav"),
                    {
                        "id": name,
                        "raw_label": entry(file, scene, "Dialog", name, "EmoAnnotation", "final_main_emo"),
                        "speaker": f"{show}_{entry(file, scene, 'SpeakerInfo', side, 'Name')}",
                        "split": split_of[show],
                        "text": turn.get("Text"),
                        "show": show,
                        "dialogue": dialogue,
                        "origin": f"{file}, utterance {name}",
                    },
                )


CORPUS = Corpus(
    name="m3ed",
    display_name="M3ED",
    languages=("zh",),
    source="television",
    licence="unknown",
    homepage="https://github.com/aim3-ruc/rucm3ed",
    citation="""@inproceedings{zhao2022m3ed,
  title = {{M3ED}: Multi-modal Multi-scene Multi-label Emotional Dialogue Database},
  author = {Zhao, Jinming and Zhang, Tenggan and Hu, Jingwen and Liu, Yuchen and Jin, Qin and Wang, Xinchao
    and Li, Haizhou},
  booktitle = {Proceedings of the 60th Annual Meeting of the Association for Computational Linguistics},
  pages = {5699--5710},
  doi = {10.18653/v1/2022.acl-long.391},
  year = {2022}
}""",
    labels=LABELS,
    utterances=24437,
    hours=9.828,
    speakers=635,
    read=read,
    folds=OwnSplit(train=17420, validation=2819, test=4198),
    example="annotation.json, splitInfo/movie_list_train.txt, modality_speech/A_woju_16_18.wav",
    details={"text": "string", "show": "string", "dialogue": "string"},
    tables=(TABLE,),
    notes="A speaker is a character of one series. 28 clips are shorter than 0.1 s, the shortest 7 ms.",
    download=Recipe(
        ask="Open its repository on GitHub; the speech is of television, and no licence could be confirmed.",
        fetch="the annotations and the speech",
    ),
)
