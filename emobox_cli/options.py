"""Command-line options made from settings, and settings made from them."""

import argparse
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, get_args, get_origin

from emobox_probe.config import Config, names_in, option_of, type_of
from emobox_probe.errors import ProbeError

AnyConfig = TypeVar("AnyConfig", bound=Config)


class WordsError(ProbeError):
    """The words of a command are no possible settings."""


def add_options(
    parser: argparse.ArgumentParser,
    config: type[Config],
    first: Collection[str] = (),
    words: Collection[str] = (),
) -> None:
    """One option a setting, with its description and default; those named in `first` stand first in the help.

    Settings named in `words` are given without an option, by their place.
    """
    for name in dict.fromkeys([*words, *first, *config.model_fields]):
        field = config.model_fields[name]
        kind = type_of(field.annotation)
        default = field.get_default(call_default_factory=True)
        help = field.description or ""
        if default and kind is not bool and not field.is_required():
            help += f"; default: {default}"
        options: dict[str, Any] = {"help": help.replace("%", "%%"), "default": argparse.SUPPRESS}
        if kind is bool:
            options["action"] = "store_true"
        elif get_origin(kind) is Literal:
            options["choices"] = get_args(kind)
        elif get_origin(kind) is tuple and name in words:
            options["nargs"] = "+" if field.is_required() else "*"
        elif get_origin(kind) is tuple:
            options |= {"type": names_in, "action": "extend", "metavar": name.upper()}
        elif get_origin(kind) is dict:
            options |= {"type": _entry, "action": "append", "metavar": "CORPUS=FOLDER"}
        elif kind in (int, float):
            options["type"] = kind
        if name in words:
            options.setdefault("nargs", None if field.is_required() else "?")
            # Argparse would make a path of SUPPRESS, and a list, as of an option without names, of None.
            options["default"] = () if options["nargs"] == "*" else None
            parser.add_argument(name, **options)
        else:
            parser.add_argument(option_of(name), dest=name, required=field.is_required(), **options)


def add_format(parser: argparse.ArgumentParser, *forms: str) -> None:
    """How a table is printed, the first form unless another is named; `--json` as the other tables have it."""
    parser.add_argument("--format", choices=forms, default=forms[0], help="default: %(default)s")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="as --format json")


def settings_of(config: type[AnyConfig], arguments: argparse.Namespace) -> AnyConfig:
    """The settings that options say; what they do not say is the default.

    Raises:
        WordsError: a value is not possible.
    """
    given = {
        name: _joined(value)
        for name, value in vars(arguments).items()
        if value not in (None, ()) and name in config.model_fields
    }
    # What must be given says itself that nothing was; the others would take it for left out.
    for name, value in given.items():
        if value == () and not config.model_fields[name].is_required():
            raise WordsError(
                f"Expected names parted by commas as {option_of(name)}, but got none; name one, or leave it out."
            )
    with words_of_the_command():
        return config.of(given)


@contextmanager
def words_of_the_command() -> Iterator[None]:
    """Within it, what is wrong is a word of the command.

    Raises:
        WordsError: in place of a ProbeError.
    """
    try:
        yield
    except ProbeError as error:
        raise WordsError(str(error)) from None


def _joined(value: Any) -> Any:
    """What an option gave that may be given several times: entries by their name, or names, each once."""
    if not isinstance(value, list):
        return value
    return dict(value) if value and isinstance(value[0], tuple) else tuple(dict.fromkeys(value))


def _entry(word: str) -> tuple[str, str]:
    name, equals, folder = word.partition("=")
    if not equals or not name or not folder:
        raise argparse.ArgumentTypeError(
            f"Expected CORPUS=FOLDER, but got {word!r}; give it once for each corpus."
        )
    return name, folder
