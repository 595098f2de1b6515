"""Tables as small text: by columns, and what repeats as positions in a list."""

from typing import Any

Json = dict[str, Any]


def by_column(rows: list[Json]) -> dict[str, list[Any]]:
    """Rows as a list of values a name; None where a row has none."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def compressed(columns: dict[str, list[Any]]) -> dict[str, Any]:
    """Columns of words as the different ones and a position for each row, which is a fraction of the size.

    >>> compressed({"remark": ["none", "old", "none"], "ua": [1.0, 2.0, 3.0]})
    {'remark': {'of': ['none', 'old'], 'at': [0, 1, 0]}, 'ua': [1.0, 2.0, 3.0]}
    """
    return {name: _as_positions(column) if _is_words(column) else column for name, column in columns.items()}


def _is_words(column: list[Any]) -> bool:
    known = [value for value in column if value is not None]
    return bool(known) and all(isinstance(value, str) or _is_names(value) for value in known)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _as_positions(column: list[Any]) -> Json:
    positions: dict[str, int] = {}
    values: list[Any] = []
    for value in column:
        if (key := repr(value)) not in positions:
            positions[key] = len(values)
            values.append(value)
    return {"of": values, "at": [positions[repr(value)] for value in column]}
