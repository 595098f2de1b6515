"""The command line: options, messages and exit statuses on top of the rooms, which know nothing of it."""
