"""How `load_dataset` gets at a corpus: the hook, the builders, what they keep in the cache, decoding."""
