"""docs/encoders.md: what is true of every encoder, and the table that the exactness tests measure."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "encoders.md"

INTRODUCTION = """\
# Encoders

Any speech model on the Hub whose `model_type` is in the table below: give its id or a folder as `--model`. What goes
in is 16 kHz audio; what comes out is frames `(T, D)` of the last layer, `last_hidden_state`. With `--layers all`, the
means over time of all layers `(L+1, D)`, the library's `hidden_states`, are stored in the same pass.

## What is the same for all

- **A feature does not depend on its batch**, within 1e-4 of the output's spread in float32. The table's "way" is one
  of `masked` (padded batches, with masks that keep padding out), `window` (fixed windows, so a batch pads nothing),
  `equal` (only inputs of one shape share a batch) and `alone`.
- **Short audio** is lengthened with zeros to the shortest input that gives one frame ("shortest"). Nothing is skipped.
- **Long audio** goes through whole, unless the model has a window: then in consecutive windows, whose frames are put
  one after another. An utterance that the device has no memory for is an error that says so.
- **Silence** is audio like any other. NaN and infinity in audio or in features are errors that name the utterance.
- **Weights** are safetensors, loaded in float32 whatever they are stored in, and hashed. Of encoder-decoder and
  multimodal models only the speech encoder is put into memory. A missing weight is an error. A checkpoint that only
  has `pytorch_model.bin` is refused: load it where you trust it and `save_pretrained()` it to a folder.
- **`--dtype`** is what the model computes in: float32 by default, `bfloat16` or `float16` on a GPU. It is part of
  what stored features are keyed by.
- **Whisper** is fed 30 s windows as it was trained, and the frames that cover audio are kept. `--model <id>:trimmed`
  is another encoder: spectrogram and positions are cut to the audio. Never compare the two in one table.
- **data2vec 2.0 and emotion2vec**, which the library lacks, are this project's `data2vec2`. They are published as
  checkpoints of fairseq and FunASR: `emobox convert-checkpoint <file.pt> <folder>` makes a folder of one, which is
  then the `--model`. A `config.yaml` and `tokens.txt` beside the file, as FunASR has them, are read. No code in the
  checkpoint is run, and every weight is accounted for. Of emotion2vec+ the folder is also an audio classifier:
  `import emobox_probe.encoders.data2vec2`, then `AutoModelForAudioClassification.from_pretrained(folder)`.
- **Another `model_type`** that `AutoModel` loads and whose input is audio runs one utterance at a time, with a
  warning. Code in a repository runs only with `--trust-remote-code`.
- **`builtin:logmel`** is 80 log-mel bands; **`builtin:egemaps`** the 25 low-level descriptors of eGeMAPSv02 by
  openSMILE (`pip install emobox[egemaps]`). Neither has weights.

## Families

Differences are between utterances of 0.3 to 2.4 s in one batch and each alone: the largest, over the standard
deviation of the output, in float32 on a CPU, with tiny random weights. granite_speech, granite_speech5 and
fun_asr_nano need torchaudio for their feature extractors, and were measured on stand-ins for them. The table is
written by `EMOBOX_WRITE_DOCS=1 pytest tests/emobox_probe/encoders/test_exactness.py`.

| family | way | frames a second | shortest | how padding is kept out | largest difference |
| --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    way: str
    frame_rate: float
    shortest_samples: int
    by: str
    difference: float

    @classmethod
    def of(cls, name: str, encoder: Any, difference: float) -> "Row":
        facts, family = encoder.facts, encoder._family
        by = family.by if facts.way == family.way else "equal lengths: its adapter ignores the mask"
        return cls(name, facts.way, facts.frame_rate, facts.shortest_samples, by, difference)

    def __str__(self) -> str:
        shortest = f"{self.shortest_samples / 16:.1f} ms"
        rate = f"{self.frame_rate:g}"
        return f"| {self.name} | {self.way} | {rate} | {shortest} | {self.by} | {self.difference:.0e} |"


def page(rows: Iterable[Row]) -> str:
    return INTRODUCTION + "\n".join(str(row) for row in sorted(rows, key=lambda row: row.name)) + "\n"
