"""EmoBox's corpora for `datasets`: importing this makes `load_dataset("emobox/<corpus>", "<config>")` work."""

from emobox_datasets import builder, decoder
from emobox_datasets.errors import CorpusError

__all__ = ["CorpusError"]

builder.install()
decoder.install()
