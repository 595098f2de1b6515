"""Models used as they are: what they say of recordings."""
