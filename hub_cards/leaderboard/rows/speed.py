"""How fast features were extracted, by model and machine."""

from typing import Any

from hub_cards.leaderboard.rows.models import Models
from hub_cards.runs.collection import Collection

Json = dict[str, Any]


def speed_rows(models: Models, collection: Collection) -> list[Json]:
    """One row a model and machine: audio through the encoder, and the device time it took.

    Two protocols on one corpus share stored features, so a corpus counts once a model, machine and kind of features.
    """
    spent: dict[tuple[int, str, str, int], dict[tuple[str, str], tuple[float, float]]] = {}
    for one in collection.results:
        record, origin = one.record, one.record.provenance
        if not origin.extraction_seconds or origin.extraction_seconds < 0:
            continue
        machine = origin.hardware or f"not told ({origin.machine})"
        key = (models.measured(one), machine, origin.device.split(":")[0], origin.processes)
        # These seconds are a sum over processes already: device time.
        part = (record.corpus.hours, origin.extraction_seconds)
        spent.setdefault(key, {})[record.corpus.name, record.encoder.features] = part
    return [
        {
            "model": model,
            "hardware": machine,
            "device": device,
            "processes": processes,
            "corpora": len({name for name, _ in parts}),
            "audio_hours": round(sum(hours for hours, _ in parts.values()), 4),
            "device_hours": round(sum(seconds for _, seconds in parts.values()) / 3600, 6),
        }
        for (model, machine, device, processes), parts in spent.items()
    ]
