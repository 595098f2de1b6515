"""`python -m emobox_probe`: the same as running probe.py."""

from emobox_probe.probe import main

main()
