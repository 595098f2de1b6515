"""EmoDB in MTEB's own client, on its splits and on EmoBox's folds, from the same stored features.

    python benchmarks/mteb_bridge.py [--assets ../shared] [--features FOLDER]

Writes benchmarks/results/mteb.cpu.json: for each encoder, on the layer that benchmarks/trust.py found for MTEB's head,
the accuracy of every fold that MTEB's client makes, what `emobox curve` says of the same and of new speakers, and the
scores of the tasks on released and strict folds. Features are made where they are missing.
"""

import argparse
import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from emobox_probe import extract, mteb_tasks
from emobox_probe.scoring.linear import statistics_of

HERE = Path(__file__).parent
RESULT = HERE / "results" / "mteb.cpu.json"


def stored(statistics: np.ndarray, name: str) -> Any:
    """A model that gives the stored statistics of every utterance, in the order of the corpus."""
    # The extra `mteb` is needed to run, not to ask for help.
    from mteb.models import ModelMeta
    from mteb.models.abs_encoder import AbsEncoder

    class Stored(AbsEncoder):
        mteb_model_meta = ModelMeta.create_empty({"name": f"emobox/{name}", "modalities": ["audio"]})

        def encode(self, inputs: Any, **kwargs: Any) -> np.ndarray:
            return statistics

    return Stored()


def figures(known: dict[str, Any], assets: Path, features: Path | None) -> dict[str, Any]:
    """Everything of one encoder, of which trust.cpu.json says what `known` is."""
    import mteb

    corpus, curve = assets / "corpora" / "emodb", known["curve"]["mteb"]
    given = {"data_dir": corpus, "layers": "statistics", "features_dir": features}
    store = extract(assets / "models" / known["encoder"], "emodb", **given)
    model = stored(statistics_of([store], curve["layer"]), known["encoder"])
    found = {}
    for task in mteb_tasks("emodb", ("shuffled", "released", "strict"), corpus):
        result = mteb.evaluate(model, [task], cache=None, show_progress_bar=False)
        (found[task.metadata.name],) = result.task_results[0].scores["train"]
    shuffled = [fold["accuracy"] for fold in found["EmoBox_emodb_shuffled"]["scores_per_experiment"]]
    assert np.allclose(shuffled, curve["accuracies"], rtol=0, atol=1e-6)
    parts = ("ua", "wa", "f1", "ua_interval")
    return {
        "encoder": known["encoder"],
        "layer": curve["layer"],
        "shuffled_by_mteb": shuffled,
        "shuffled_by_curve": curve["accuracies"],
        "new_speakers": curve["new_speakers"],
        **{
            kind: {part: found[f"EmoBox_emodb_{kind}"][part] for part in parts}
            for kind in ("released", "strict")
        },
    }


def main() -> None:
    """Score both encoders and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("EMOBOX_TEST_ASSETS", HERE.parents[1] / "shared")
    parser.add_argument("--assets", type=Path, default=Path(shared))
    parser.add_argument("--features", type=Path, help="default: where the probe keeps them")
    arguments = parser.parse_args()
    trust = json.loads((HERE / "results" / "trust.cpu.json").read_text(encoding="utf-8"))
    made = [figures(known, arguments.assets, arguments.features) for known in trust["figures"]]
    text = json.dumps({"mteb": version("mteb"), "figures": made}, indent=1)
    RESULT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
