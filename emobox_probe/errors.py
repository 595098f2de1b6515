"""The errors of the probe room."""


class ProbeError(ValueError):
    """Something the user gave (a model, a folder, a setting) is not what was expected."""
