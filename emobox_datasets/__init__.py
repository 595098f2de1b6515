"""EmoBox's corpora for `datasets`: importing this makes `load_dataset("emobox/<corpus>", "<config>")` work."""

from importlib.metadata import version

from emobox_datasets import decoder, plugin
from emobox_datasets.errors import CorpusError

__all__ = ["CorpusError", "__version__"]

__version__ = version("emobox")

plugin.install()
decoder.install()
