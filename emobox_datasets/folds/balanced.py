"""The balanced test sets of the paper (Section 2.3, Table 3): what was published, and what was made of it.

The ids are in `released/<corpus>/balanced.txt`; as configuration `balanced` they are one split, `test`.
"""

from dataclasses import dataclass

from emobox_datasets.corpus import Corpus
from emobox_datasets.labels import SHARED_FOUR


@dataclass(frozen=True)
class Published:
    """One row of Table 3, and what its list has wrong: `exceptions` says so in words, each with what is done."""

    speakers: int
    per_speaker: int  # utterances of each emotion
    exceptions: tuple[str, ...] = ()

    @property
    def utterances(self) -> int:
        return len(SHARED_FOUR) * self.speakers * self.per_speaker


PUBLISHED = {
    "iemocap": Published(
        10,
        6,
        (
            "113 of the listed speakers are who wears the markers, not who speaks; by who speaks, a speaker has "
            "19 to 29 utterances, not 24. All utterances are kept.",
        ),
    ),
    "meld": Published(
        6,
        10,
        (
            "2 listed files are no utterances of the release (final_videos_testdia100_utt5 and "
            "final_videos_testdia12_utt3); left out.",
            "2 listed files could be of train or of test, where label and speaker are the same (dia208_utt1 and "
            "dia252_utt15); left out.",
        ),
    ),
    "ravdess": Published(20, 3),
    "savee": Published(4, 15),
}


def published(corpus: Corpus) -> Published | None:
    """The row of Table 3 of a corpus; None for the corpora that it does not have."""
    return PUBLISHED.get(corpus.name)


def describe(corpus: Corpus) -> str:
    """What the configuration holds, as the beginning of a sentence.

    Raises:
        KeyError: the corpus has no balanced set.
    """
    told = PUBLISHED[corpus.name]
    return (
        f"Balanced test set of the paper's Section 2.3, for models trained on other corpora: {_count(corpus, told)} of "
        f"the emotions {', '.join(SHARED_FOUR)}"
    )


def remarks(corpus: Corpus) -> list[str]:
    """What a result on the balanced set of a corpus should say of it, a sentence each; empty where it has none."""
    told = published(corpus)
    if told is None:
        return []
    each = (
        f"{told.speakers} speakers with {told.per_speaker} utterances of each of {len(SHARED_FOUR)} emotions"
    )
    return [f"Published as {each}; tested, on a whole copy, are {_count(corpus, told)}.", *told.exceptions]


def _count(corpus: Corpus, told: Published) -> str:
    here = len(corpus.balanced_ids)
    return f"{here} utterances" if here == told.utterances else f"{here} of {told.utterances} utterances"
