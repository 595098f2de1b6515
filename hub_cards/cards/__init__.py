"""Cards of models and of corpora, with the metadata that the Hub reads."""
