"""What a probe is: what it is shown and what it gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from suite.probes.network import Network, Pass


class Reading(NamedTuple):
    """One number of every member of a stack.

    Parameters
    ----------
    quantity
        A name in ``suite.quantities``.
    values
        (S,); a value that is not finite is left out.
    facet
        What the number is about where there are several; empty for the whole network.
    """

    quantity: str
    values: torch.Tensor
    facet: str = ""


class Probe:
    """A probe of one stack, for the whole of its training.

    At each point of the schedule ``see`` is called once for every shared pass and then ``point``.
    A probe may keep what it saw; it must not change the network, see ``Network.gradients`` for
    ways to look elsewhere. Tensors have the stack axis in front, whichever trainer is at work.
    """

    def see(self, network: Network, seen: Pass) -> None:
        """Look at one shared pass over a minibatch."""

    def point(self, network: Network) -> Iterable[Reading]:
        """Give the readings of this point."""
        del network
        return ()

    def at_end(self, network: Network) -> Iterable[Reading]:
        """Give the outcomes of the training, after its last point."""
        del network
        return ()
