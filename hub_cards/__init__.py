"""What the world sees: model cards and, from many results, a leaderboard."""

from importlib.metadata import version

__version__ = version("emobox")
