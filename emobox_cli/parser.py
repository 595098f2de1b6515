"""A parser whose errors say what may have been meant."""

import argparse
import re
from difflib import get_close_matches
from typing import Any, NoReturn

from emobox_cli.console import WRONG_WORDS


class Parser(argparse.ArgumentParser):
    """As argparse has it, but options are not abbreviated, and errors name what is near."""

    def __init__(self, **options: Any):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, what may have been meant, and where the options are listed."""
        self.exit(WRONG_WORDS, f"error: {message}{self._meant(message)}; see {self.prog} --help\n")

    def _meant(self, message: str) -> str:
        if found := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
            known, wrong = [word.strip(" '") for word in found[2].split(",")], found[1]
        elif found := re.search(r"unrecognized arguments: (-[^\s=]+)", message):
            known, wrong = (
                [option for action in self.all_actions() for option in action.option_strings],
                found[1],
            )
        else:
            return ""
        near = get_close_matches(wrong, known, n=2, cutoff=0.5)
        return f". Did you mean {' or '.join(near)}?" if near else ""

    def all_actions(self) -> list[argparse.Action]:
        """Those of this parser and of its commands: what a command does not know, the parser above reports."""
        actions = list(self._actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for command in action.choices.values():
                    actions += command._actions
        return actions
