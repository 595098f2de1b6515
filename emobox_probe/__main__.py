"""`python -m emobox_probe`: the same as `emobox probe`."""

from emobox_probe.probe import main

main()
