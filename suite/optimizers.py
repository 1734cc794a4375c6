"""Optimizers by name, as ``torch.optim`` defines them; torch is imported only to build one."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from suite.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch


@dataclass(frozen=True)
class OptimizerSpec:
    """An optimizer as the registry knows it.

    Parameters
    ----------
    name, title
        Key in grids and stores; name for people.
    factory
        Class name in ``torch.optim``.
    settings
        Everything that is not the default of that class, but for learning rate and weight decay.
    counts_steps
        Whether its update depends on the number of the step, which a CUDA graph must find on the
        device.
    """

    name: str
    title: str
    factory: str
    settings: dict[str, Any]
    counts_steps: bool = False

    def build(
        self, groups: Iterable[dict[str, Any]], *, captured: bool = False
    ) -> torch.optim.Optimizer:
        """Build the optimizer; each group holds ``params``, ``lr`` and ``weight_decay``.

        ``captured`` says that its steps will be part of a CUDA graph.
        """
        optim = importlib.import_module("torch.optim")
        for_graph = {"capturable": True} if captured and self.counts_steps else {}
        made: torch.optim.Optimizer = getattr(optim, self.factory)(
            list(groups), fused=True, **for_graph, **self.settings
        )
        return made


_ALL: Final = (
    OptimizerSpec("adam", "Adam (β 0.9, 0.999, ε 1e-8)", "Adam", {}, counts_steps=True),
    OptimizerSpec("sgd", "SGD with momentum 0.9", "SGD", {"momentum": 0.9}),
)

OPTIMIZERS: Final[dict[str, OptimizerSpec]] = {spec.name: spec for spec in _ALL}


def optimizer_spec(name: str) -> OptimizerSpec:
    """Look an optimizer up by name.

    Raises
    ------
    UnknownNameError
        No optimizer has that name.
    """
    if name not in OPTIMIZERS:
        raise UnknownNameError("optimizer", name, OPTIMIZERS)
    return OPTIMIZERS[name]
