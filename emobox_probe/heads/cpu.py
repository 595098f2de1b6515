"""How a process on a CPU gets on with the machine: how many cores it may use, and where its memory comes from."""

import ctypes
import os
import sys

# Of glibc's mallopt: from how many free bytes on memory goes back to the system, and from what size on it comes from
# there each time. Its own thresholds are near the size of a batch's hidden units.
_TRIM_THRESHOLD, _TRIM_BYTES = -1, 2**31 - 1
_MMAP_THRESHOLD, _MMAP_BYTES = -3, 2**30


def threads_told() -> bool:
    """Whether OMP_NUM_THREADS is somebody's word, a user's or Ray's; `accelerate launch` says 1 if nobody has."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return told not in ("", "1") or (told == "1" and "ACCELERATE_MIXED_PRECISION" not in os.environ)


def keep_freed_memory() -> None:
    """Let large tensors take the place of those before them, where the C library is glibc.

    To get memory anew, page by page, takes as long as training small heads does.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MMAP_BYTES)
        mallopt(_TRIM_THRESHOLD, _TRIM_BYTES)
