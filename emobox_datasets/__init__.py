"""EmoBox's corpora for `datasets`: importing this makes `load_dataset("emobox/<corpus>", "<config>")` work."""

from emobox_datasets import decoder, plugin
from emobox_datasets.errors import CorpusError

__all__ = ["CorpusError"]

plugin.install()
decoder.install()
