"""`accelerate launch -m emobox_probe.probe --model openai/whisper-base --corpus emodb --data-dir /data/emodb`

The command `emobox probe`, for `accelerate launch`, `torchrun` and `python`. In Python, call `emobox_probe.probe(…)`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `emobox probe` with these options (default: those of the command line)."""
    sys.path[:1] = [
        str(Path(__file__).parents[1])
    ]  # run as a file, this folder stands first, with our `config` in it
    from emobox import main

    main(["probe", *(sys.argv[1:] if arguments is None else arguments)])


class _Callable(ModuleType):
    """Importing this module puts it in the place of the function `emobox_probe.probe`; so it is one too."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        from emobox_probe.experiment import probe

        return probe(*arguments, **settings)


if __name__ == "__main__":
    main()
else:
    sys.modules[__name__].__class__ = _Callable
