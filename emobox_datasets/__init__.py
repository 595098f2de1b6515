"""EmoBox's corpora for `datasets`: importing this makes `load_dataset("emobox/<corpus>", "<config>")` work."""

from importlib.metadata import version

from emobox_datasets.errors import CorpusError
from emobox_datasets.loading import decoder, plugin

__all__ = ["CorpusError", "__version__"]

__version__ = version("emobox")

plugin.install()
decoder.install()
