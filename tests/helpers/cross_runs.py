"""Runs between the demo corpus and a made-up copy of SAVEE, for tests of what such runs leave behind."""

from dataclasses import replace
from pathlib import Path

import soundfile
from commands import run_command

from emobox_datasets.audio_files.synthesis import STYLES, Voice, utter
from emobox_probe.protocol import PAPER, STRICT

# A few epochs instead of a hundred: what is tested does not depend on how well the heads are trained.
QUICK = {
    "paper": replace(PAPER, epochs=6, warm_up_epochs=2, hidden_sizes=(16,), learning_rates=(5e-2, 5e-3)),
    "strict": replace(STRICT, epochs=3, warm_up_epochs=2, hidden_sizes=(8,), seeds=(0, 1)),
}
SPEAKERS = ("DC", "JE", "JK", "KL")
# Raw label to utterances of each speaker, as in the corpus, and how it is acted.
SENTENCES = {"a": 15, "d": 15, "f": 15, "h": 15, "n": 30, "sa": 15, "su": 15}
ACTED = {"a": "angry", "h": "happy", "n": "neutral", "sa": "sad"}


def make_savee(root: Path, speakers: tuple[str, ...] = SPEAKERS) -> Path:
    """All files of SAVEE, a third of a second each, acted as the demo corpus is, by voices of their own."""
    for place, speaker in enumerate(speakers):
        (root / speaker).mkdir(parents=True)
        voice = Voice("male", 100.0 + 15 * place, 0.9 + 0.04 * place)
        for emotion, sentences in SENTENCES.items():
            for sentence in range(1, sentences + 1):
                name = f"{speaker}-{emotion}{sentence:02d}"
                waveform = utter(voice, STYLES[ACTED.get(emotion, "neutral")], name)[:5_000]
                soundfile.write(root / speaker / f"{emotion}{sentence:02d}.wav", waveform, 16_000)
    return root


def run_cross(*words: object) -> int:
    """The exit status of `emobox cross`, on log-mel features, in this process."""
    return run_command("cross", "--model", "builtin:logmel", *words)
