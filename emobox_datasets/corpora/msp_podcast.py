"""MSP-Podcast: turns cut from podcasts, release 1.8."""

from collections.abc import Iterator

from emobox_datasets.copy.annotations import entry, read_json
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.copy.raters.msp_podcast import TABLE
from emobox_datasets.corpus import Corpus, Fields, OwnSplit
from emobox_datasets.errors import CorpusError
from emobox_datasets.sources.source import Recipe

SPLITS = {"Train": "train", "Validation": "validation", "Test1": "test", "Test2": None}
# The publisher's spelling.
LABELS = "labels_concensus.json"


def read(folder: CorpusFolder) -> Iterator[tuple[str | None, Fields]]:
    audio = folder.by_name(r"MSP-PODCAST_\w+\.wav")
    file, turns = read_json(folder, LABELS)
    for name, turn in turns.items():
        if (split := entry(file, turns, name, "Split_Set")) not in SPLITS:
            raise CorpusError(
                f"Expected Split_Set to be one of {', '.join(SPLITS)} for {name} in {file}, but got {split!r}; "
                f"the benchmark means release 1.8."
            )
        speaker = entry(file, turns, name, "SpkrID")
        yield (
            audio.get(name),
            {
                "id": name.removesuffix(".wav"),
                "raw_label": entry(file, turns, name, "EmoClass"),
                "speaker": None if speaker == "Unknown" else str(speaker),
                "gender": {"Female": "female", "Male": "male"}.get(entry(file, turns, name, "Gender")),
                "split": SPLITS[split],
                "part": split,
                "valence": turn.get("EmoVal"),
                "arousal": turn.get("EmoAct"),
                "dominance": turn.get("EmoDom"),
                "origin": f"{file}, entry {name}",
            },
        )


CORPUS = Corpus(
    name="msp_podcast",
    id_prefix="msppodcast",
    display_name="MSP-Podcast",
    languages=("en",),
    source="podcasts",
    licence="academic or commercial licence agreement (restricted)",
    homepage="https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html",
    citation="""@article{lotfian2019building,
  title = {Building Naturalistic Emotionally Balanced Speech Corpus by Retrieving Emotional Speech from
    Existing Podcast Recordings},
  author = {Lotfian, Reza and Busso, Carlos},
  journal = {IEEE Transactions on Affective Computing},
  volume = {10},
  number = {4},
  pages = {471--483},
  doi = {10.1109/TAFFC.2017.2736999},
  year = {2019}
}""",
    labels={
        "A": "Angry",
        "C": "Contempt",
        "D": "Disgust",
        "F": "Fear",
        "H": "Happy",
        "N": "Neutral",
        "O": "Other",
        "S": "Sad",
        "U": "Surprise",
        "X": "No-agreement",
    },
    utterances=73042,
    hours=113.6,
    speakers=1273,
    read=read,
    folds=OwnSplit(train=44879, validation=7800, test=15326),
    example="label/labels_concensus.json, Audio/MSP-PODCAST_0247_0025.wav",
    details={"part": "string", "valence": "float32", "arousal": "float32", "dominance": "float32"},
    tables=(TABLE,),
    scales=dict.fromkeys(("valence", "arousal", "dominance"), (1, 7)),
    unscored=("No-agreement", "Other"),
    notes="Test2 (5,037) is in `all` and in no fold. `No-agreement` and `Other` name no emotion.",
    download=Recipe(
        ask="Let your institution sign the licence agreement at its homepage.",
        fetch="the labels and the audio of the release that the benchmark means",
    ),
)
