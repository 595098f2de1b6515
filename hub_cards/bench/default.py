"""The plan of the paper: its ten models on its corpora, as far as they are here."""

from emobox_datasets.sources.location import DATA_VARIABLE
from hub_cards.bench.plan import FOUND
from hub_cards.bench.reading import found_corpora
from hub_cards.paper import read_table_4, read_table_5

HEADER = """\
# The benchmark of the EmoBox paper (Interspeech 2024). `emobox bench <this file> --dry-run` shows what it costs.
output: runs
protocols: [paper, strict]
"""
# What the authors of data2vec 2.0 list (fairseq, examples/data2vec/README.md), trained on Librispeech and Libri-light.
PUBLISHED = "https://dl.fbaipublicfiles.com/fairseq/data2vec2"
NOT_ON_HUB = {
    "data2vec 2.0 base": ("base_libri.pt", "data2vec2-base"),
    "data2vec 2.0 large": ("large_vox.pt", "data2vec2-large"),
}


def default_plan() -> str:
    """The text of the plan, for the corpora under `$EMOBOX_DATA`."""
    return "\n".join([HEADER + _models(), _corpora(), _cross()]).rstrip() + "\n"


def _models() -> str:
    lines = ["models:"]
    for name, rows in read_table_4().groupby("name", sort=False):
        model = rows["model"].iloc[0]
        if "/" in model:
            lines.append(f"  - {{name: {model}, paper: {name}}}")
        else:
            file, folder = NOT_ON_HUB[str(name)]
            lines += [
                f"  # {name} is not on the Hub. Download it and make a folder of it, then take off the #:",
                f"  #   curl -LO {PUBLISHED}/{file}",
                f"  #   emobox convert-checkpoint {file} {folder}",
                f"  # - {{name: ./{folder}, paper: {name}}}",
            ]
    return "\n".join(lines)


def _corpora() -> str:
    found = found_corpora()
    if not found:
        return (
            f"# No corpus is under ${DATA_VARIABLE}: the demo stands in. Set it, then write `corpora: {FOUND}`.\n"
            "corpora: [demo]"
        )
    return "\n".join(["corpora:", *(f"  - {name}" for name in found)])


def _cross() -> str:
    """The paper's four corpora trained on and tested in turn, where all are here."""
    four = sorted(set(read_table_5()["train"]))
    if not set(four) <= set(found_corpora()):
        return f"# cross: the paper's {', '.join(four)} are not all here."
    return f"cross:\n  - {{name: paper, train: [{', '.join(four)}], protocols: [paper]}}"
