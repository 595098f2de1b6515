"""What is wrong with settings, in a sentence for who wrote them."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

# What pydantic's names of types mean to who writes settings.
EXPECTED = {
    "string_type": "text",
    "path_type": "a path",
    "tuple_type": "a list of names",
    "list_type": "a list",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
}


def problem(config: type[BaseModel], settings: Any, found: Any) -> str:
    """One sentence of ours for one error of pydantic about settings of that kind."""
    from emobox_datasets.errors import (
        nearest,  # a second of imports, which settings without a mistake do without
    )

    name, kind, got = str(found["loc"][0] if found["loc"] else "settings"), found["type"], found["input"]
    if kind == "value_error":  # what a validator of ours says
        return str(found["ctx"]["error"])
    if kind in ("model_type", "dict_type"):
        return f"Expected {' or '.join(config.model_fields)} with a value each, but got {_in_words(got)}; correct it."
    if kind == "extra_forbidden":
        return f"Expected settings of {_words_of(config)}, but got {name!r}. {nearest(name, config.model_fields)}"
    field = config.model_fields.get(name)
    about = f" ({field.description})" if field and field.description else ""
    if kind == "missing":
        return f"Expected {name} in {_words_of(config)}{about}, but it is missing; give it."
    if kind == "literal_error":
        values = [value.strip(" '") for value in found["ctx"]["expected"].replace(" or ", ",").split(",")]
        return (
            f"Expected {name} of {', '.join(values)}, but got {_in_words(got)}. {nearest(str(got), values)}"
        )
    if kind.startswith("bool"):
        return f"Expected true or false as {name}, but got {_in_words(got)}; correct it."
    if kind == "too_short":
        return f"Expected at least one entry as {name}{about}, but got none; name one."
    if kind == "greater_than":
        return f"Expected {name} to be more than {found['ctx']['gt']}, but got {got}; correct it."
    if kind == "greater_than_equal":
        return f"Expected {name} to be {found['ctx']['ge']} or more, but got {got}; correct it."
    expected = EXPECTED.get(kind)
    if expected:
        return f"Expected {expected} as {name}{about}, but got {_in_words(got)}; correct it."
    message = found["msg"][0].lower() + found["msg"][1:]
    return f"Expected another {name}{about}, but got {_in_words(got)}: {message}; correct it."


def _in_words(value: Any) -> str:
    """What was given, for a sentence: what has parts, by its kind and its first part.

    >>> _in_words(None), _in_words("demo"), _in_words({"demo": {"path": None}})
    ('nothing', "'demo'", 'keys and values (demo: …)')
    """
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return f"keys and values ({next(iter(value), '')}: …)"
    if isinstance(value, (list, tuple, set)):
        return f"a list ({', '.join(map(str, value))})"
    return repr(value)


def _words_of(config: type[BaseModel]) -> str:
    """What settings of a kind are called in a sentence: by their title, or the name of the class.

    >>> from emobox_probe.config import ProbeConfig
    >>> _words_of(ProbeConfig)
    'a probe config'
    """
    name = config.model_config.get("title") or config.__name__
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
