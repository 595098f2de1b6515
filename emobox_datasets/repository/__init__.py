"""A corpus as a Hub dataset repository, with or without its audio."""
