"""Commands in this process, as the command line runs them."""

import emobox


def run_command(*words: object) -> int:
    """The exit status of `emobox <words>`."""
    try:
        emobox.main([*map(str, words)])
    except SystemExit as finished:
        return int(finished.code or 0) if not isinstance(finished.code, str) else 1
    raise AssertionError("a command ends the process")
