"""For the reference in the guide: examples in docstrings (`>>> …`) become blocks of code.

Without this, Markdown reads `>>>` as three quotations, and `["name"]["key"]` as a link.
"""

import re
from typing import Any

from griffe import Docstring, Extension, Object

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n(?! *$).*)*", re.MULTILINE)


def with_fences(text: str) -> str:
    """The text with every example, from `>>>` to the next empty line, between fences."""
    return EXAMPLE.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", text)


class ExamplesAsCode(Extension):
    """Rewrites docstrings when an object has been read."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if isinstance(obj.docstring, Docstring):
            obj.docstring.value = with_fences(obj.docstring.value)
