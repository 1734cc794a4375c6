"""Memory that a training step frees stays with its process, for the next step needs it again."""

from __future__ import annotations

import ctypes
from typing import Final

# Of glibc's malloc.h.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_NEVER: Final = -1
_LARGEST_BLOCKS: Final = (1 << 30, 1 << 25)  # the second is the most that an older glibc takes


def keep_freed_memory() -> bool:
    """Tell glibc's allocator not to give freed memory back to the system; other systems have none.

    Left to itself it does so with large blocks, and then the system clears every page anew: up to
    10,000 faults a step in a convolutional network.

    Returns
    -------
    bool
        Whether the allocator has taken it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    kept = any(mallopt(_MMAP_THRESHOLD, size) for size in _LARGEST_BLOCKS)
    return bool(kept and mallopt(_TRIM_THRESHOLD, _NEVER))
