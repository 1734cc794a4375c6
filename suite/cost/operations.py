"""What one pass computes and moves, and how fast this device multiplies matrices at best."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import FlopCounterMode

from suite.cost.protocol import Cell, time_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from suite.cost.protocol import Clock
    from suite.cost_records import CostProtocol

CPU_SIZES: Final = (256, 512, 1024, 2048)
ACCELERATOR_SIZES: Final = (1024, 2048, 4096, 8192)
_SAMPLES: Final = 3


def count_flops(run: Callable[[], object]) -> int:
    """Count the floating-point operations of matrix products and convolutions in one pass."""
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def count_bytes_moved(run: Callable[[], object]) -> int:
    """Count the bytes that the operators of one pass read and write.

    Every tensor that goes into an operator or comes out of it counts once for that operator, an
    expanded one with its storage; views and bare allocations move nothing. So it is the traffic of
    the operators as PyTorch runs them (no fusion) on a machine without a cache.
    """
    counter = _BytesMoved()
    with counter:
        run()
    return counter.total


def matmul_peak(
    device: str,
    clock: Clock,
    protocol: CostProtocol,
    synchronise: Callable[[], None],
    sizes: Sequence[int] | None = None,
) -> float:
    """Measure the fastest square float32 matrix product: n×n by n×n is 2 n³ operations.

    Parameters
    ----------
    device
        As torch writes it.
    clock, protocol, synchronise
        As for all times; three samples are enough for a best one.
    sizes
        Values of n; by default those that fit the kind of device.

    Returns
    -------
    float
        Operations per second of the best sample of the best size.
    """
    sizes = sizes or (CPU_SIZES if device == "cpu" else ACCELERATOR_SIZES)
    cells = [Cell(_product(n, device), synchronise) for n in sizes]
    brief = dataclasses.replace(protocol, samples=_SAMPLES, warm_up_passes=2)
    times = time_cells(cells, brief, clock, random.Random(0))  # noqa: S311  an order, no secret
    return max(2 * n**3 / min(t.seconds) for n, t in zip(sizes, times, strict=True))


def _product(n: int, device: str) -> Callable[[], object]:
    a, b = torch.rand(n, n, device=device), torch.rand(n, n, device=device)
    out = torch.empty(n, n, device=device)
    return lambda: torch.mm(a, b, out=out)


class _BytesMoved(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what every operator under it reads and writes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total: int = 0

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if not _moves_nothing(func):
            # out= is an argument and the result at once: it is written, not read.
            read = {k: v for k, v in kwargs.items() if k != "out"}
            self.total += sum(
                min(t.numel() * t.element_size(), t.untyped_storage().nbytes())
                for t in tree_iter((args, read, result))
                if isinstance(t, torch.Tensor)
            )
        return result


def _moves_nothing(func: torch._ops.OpOverload) -> bool:
    """Say whether an operator gives a view, or memory that nothing was written to."""
    returns = func._schema.returns
    view = any(r.alias_info is not None and not r.alias_info.is_write for r in returns)
    return view or func._schema.name.startswith(("aten::empty", "aten::new_empty"))
