"""IEMOCAP: improvised and scripted dialogues of ten actors, the four emotions of the usual five-fold protocol."""

import re
from collections.abc import Iterator

from emobox_datasets.copy.annotations import text_of
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.copy.raters.iemocap import TABLE
from emobox_datasets.corpus import Corpus, Fields, SpeakerFolds, gender
from emobox_datasets.errors import CorpusError
from emobox_datasets.sources.source import Recipe

# One line a turn: [start - end], name, consensus label, [valence, activation, dominance], separated by tabs.
TURN = re.compile(
    r"\[[\d.]+ - [\d.]+\]\t(?P<name>(?P<session>Ses0\d)[FM]_(?P<scene>\w+)_(?P<side>[FM])\d{3})\t(?P<label>\w{3})"
    r"\t\[(?P<valence>[\d.]+), (?P<arousal>[\d.]+), (?P<dominance>[\d.]+)\]\s*"
)
NOT_USED = {"dis", "fea", "fru", "oth", "sur", "xxx"}


def read(folder: CorpusFolder) -> Iterator[tuple[str | None, Fields]]:
    audio = folder.by_name(r"Ses0\d[FM]_\w+_[FM]\d{3}\.wav")
    for path in folder.by_name(r"EmoEvaluation/Ses[^/]+\.txt").values():
        file = folder.root / path
        for number, line in enumerate(text_of(file).split("\n"), start=1):
            if not line.startswith("["):
                continue
            origin = f"{file}, line {number}"
            if not (turn := TURN.fullmatch(line)):
                raise CorpusError(
                    f"Expected time span, name, label and three attributes in {origin}, but got {line!r}; "
                    f"replace the file with the original."
                )
            if turn["label"] not in NOT_USED:
                yield audio.get(f"{turn['name']}.wav"), {**fields(turn), "origin": origin}


def fields(turn: re.Match[str]) -> Fields:
    return {
        "id": turn["name"],
        "raw_label": turn["label"],
        # The letter after the session tells who wears the markers, the last one who speaks.
        "speaker": turn["session"] + turn["side"],
        "gender": gender(turn["side"]),
        "session": turn["session"][-1],
        "scene": turn["scene"],
        **{name: turn[name] for name in ("valence", "arousal", "dominance")},
    }


CORPUS = Corpus(
    name="iemocap",
    display_name="IEMOCAP",
    languages=("en",),
    source="acted",
    licence="IEMOCAP release form (restricted)",
    homepage="https://sail.usc.edu/iemocap/iemocap_release.htm",
    citation="""@article{busso2008iemocap,
  title = {{IEMOCAP}: interactive emotional dyadic motion capture database},
  author = {Busso, Carlos and Bulut, Murtaza and Lee, Chi-Chun and Kazemzadeh, Abe and Mower, Emily
    and Kim, Samuel and Chang, Jeannette N. and Lee, Sungbok and Narayanan, Shrikanth S.},
  journal = {Language Resources and Evaluation},
  volume = {42},
  number = {4},
  pages = {335--359},
  doi = {10.1007/s10579-008-9076-6},
  year = {2008}
}""",
    labels={"ang": "Angry", "exc": "Happy", "hap": "Happy", "neu": "Neutral", "sad": "Sad"},
    utterances=5531,
    hours=6.989,
    speakers=10,
    read=read,
    folds=SpeakerFolds(tuple((f"Ses0{session}F", f"Ses0{session}M") for session in range(1, 6))),
    example="Session1/dialog/EmoEvaluation/Ses01F_impro01.txt, "
    "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
    details={
        "session": "int32",
        "scene": "string",
        "valence": "float32",
        "arousal": "float32",
        "dominance": "float32",
    },
    tables=(TABLE,),
    scales=dict.fromkeys(("valence", "arousal", "dominance"), (1, 5)),
    notes="Fold k tests session k. The released speaker field names the wrong person of the pair in about half "
    "of the utterances; here it is who speaks. Excitement counts as happiness.",
    download=Recipe(
        ask="Fill in the release form at its homepage, in the name of your institution.",
        fetch="the full release; the video is not needed",
    ),
)
