"""Whether an error says that memory did not suffice; without torch."""

from __future__ import annotations

from typing import Final

# What torch's CPU allocator says, CUDA itself, and its libraries (cuDNN 9: DEVICE_, HOST_).
_NO_MEMORY: Final = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",  # "CUDA error", "CUDA driver error"
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "ALLOCATION_FAILED",
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Tell by type, or by message, where torch has no type of its own for it.

    An error in the middle of a CUDA graph's capture is followed by one of its end, so what an error
    followed counts too.
    """
    if error is None:
        return False
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and any(sign in str(error) for sign in _NO_MEMORY))
        or is_out_of_memory(error.__cause__ or error.__context__)
    )
