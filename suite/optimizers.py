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
    """

    name: str
    title: str
    factory: str
    settings: dict[str, Any]

    def build(self, groups: Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
        """Build the optimizer; each group holds ``params``, ``lr`` and ``weight_decay``."""
        optim = importlib.import_module("torch.optim")
        made: torch.optim.Optimizer = getattr(optim, self.factory)(
            list(groups), fused=True, **self.settings
        )
        return made


_ALL: Final = (
    OptimizerSpec("adam", "Adam (β 0.9, 0.999, ε 1e-8)", "Adam", {}),
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
