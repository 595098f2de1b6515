"""The errors of the probe room, and what is wrong with settings, in a sentence for who wrote them.

Whoever makes no mistake does without the second that importing `emobox_datasets.errors` takes.
"""

import re
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


# What code of the user's may raise: `sys.exit` in it ends that code, and not the command that runs it.
RAISED_BY_USERS = (Exception, SystemExit)


class ProbeError(ValueError):
    """Something the user gave (a model, a folder, a setting) is not what was expected."""

    def __str__(self) -> str:
        return _shown(super().__str__())


class UtteranceError(ProbeError):
    """An encoder fails on one utterance, at `position` in its batch."""

    def __init__(self, position: int, message: str):
        super().__init__(position, message)
        self.position, self.message = position, message

    def __str__(self) -> str:
        return _shown(self.message)


class UnreadableError(ProbeError):
    """A file or folder that is there must not be read, so nothing is known to be wrong with what it holds."""

    def __init__(self, path: str | PathLike[str]):
        super().__init__(path)  # the argument, so that it travels between processes
        self.path = str(path)

    def __str__(self) -> str:
        return _shown(
            f"Expected to read {self.path}, but it cannot be read (permission denied); ask its owner for access."
        )


def _shown(message: str) -> str:
    """Without what a terminal would obey, in names of files and models."""
    from emobox_datasets.errors import printable

    return printable(message, keep="\n")


def problem(config: "type[BaseModel]", settings: Any, found: Any) -> str:
    """One sentence of ours for one error of pydantic about settings of that kind."""
    from emobox_datasets.errors import nearest

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


def _words_of(config: "type[BaseModel]") -> str:
    """What settings of a kind are called in a sentence: by their title, or the name of the class.

    >>> from emobox_probe.config import ProbeConfig
    >>> _words_of(ProbeConfig)
    'a probe config'
    """
    name = config.model_config.get("title") or config.__name__
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
