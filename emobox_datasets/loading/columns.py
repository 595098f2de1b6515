"""The columns that a user asks for with `features=`: labels keep their names, whatever numbers they are given."""

from collections.abc import Iterable

import datasets
import pyarrow as pa
from datasets.table import cast_array_to_feature

from emobox_datasets.errors import CorpusError


def check_features(known: datasets.Features, asked: datasets.Features) -> None:
    """Refuse features that stored columns cannot fill.

    Raises:
        CorpusError: other columns are asked for than there are, or a `ClassLabel` lacks a label that there is.
    """
    if set(known) != set(asked):
        raise CorpusError(
            f"Expected features for the columns {', '.join(known)}, but got features that "
            f"{_differences(known, asked)}; keep all columns, and rename or remove them once they are loaded."
        )
    for name, feature in asked.items():
        labels = getattr(known[name], "names", []) if isinstance(feature, datasets.ClassLabel) else []
        if lacking := [label for label in labels if label not in feature.names]:
            raise CorpusError(
                f"Expected features whose {name} has the names {', '.join(labels)}, in any order, but got "
                f"{', '.join(feature.names)}, without {', '.join(lacking)}; name all of them."
            )


def _differences(known: Iterable[str], asked: Iterable[str]) -> str:
    lacking = [name for name in known if name not in asked]
    strange = [name for name in asked if name not in known]
    told = {"lack": lacking, "have no column for": strange}
    return " and ".join(f"{verb} {', '.join(names)}" for verb, names in told.items() if names)


def recast_table(table: pa.Table, known: datasets.Features, asked: datasets.Features) -> pa.Table:
    """Rows that are laid out as `known` says, laid out as `asked` says.

    Raises:
        CorpusError: the features do not fit (`check_features`), or values are not of the type that is asked for.
    """
    if known == asked and list(known) == table.column_names:
        return table
    check_features(known, asked)
    columns = [_recast(table[name], name, known[name], feature) for name, feature in asked.items()]
    return pa.Table.from_arrays(columns, schema=asked.arrow_schema)


def recast(stored: datasets.Dataset, asked: datasets.Features) -> datasets.Dataset:
    """`recast_table` of a stored dataset without a selection of rows; its audio stays where it is on disk.

    Raises:
        CorpusError: as `recast_table` does.
    """
    known = stored.features
    check_features(known, asked)
    changed = [name for name in asked if asked[name] != known[name] and name != "audio"]
    if changed:
        here = datasets.Features({name: known[name] for name in changed})
        there = datasets.Features({name: asked[name] for name in changed})
        table = recast_table(stored.select_columns(changed).with_format("arrow")[:], here, there)
        replaced = datasets.Dataset(table)
        stored = datasets.concatenate_datasets([stored.remove_columns(changed), replaced], axis=1)
    if asked["audio"] != known["audio"]:
        no_rows = stored.data.table.slice(0, 0)
        _recast(no_rows["audio"], "audio", known["audio"], asked["audio"])  # the error of all other columns
        stored = stored.cast_column("audio", asked["audio"])
    return stored.select_columns(list(asked))


def _recast(
    column: pa.ChunkedArray, name: str, known: datasets.features.features.FeatureType, asked: object
) -> pa.ChunkedArray:
    numbers = isinstance(asked, datasets.Value) and asked.dtype.startswith(("int", "uint", "float"))
    try:
        if isinstance(known, datasets.ClassLabel) and not numbers:
            column = pa.chunked_array(
                [pa.array(known.names).take(chunk) for chunk in column.chunks], pa.string()
            )
        return cast_array_to_feature(column, asked)
    except (pa.ArrowException, TypeError, ValueError, KeyError) as error:
        raise CorpusError(
            f"Expected features that the column {name} ({known}) can be read as, but got {asked} ({error}); correct "
            f"them."
        ) from error
