"""A network in training as probes see it: one view for both trainers, and no trace left behind."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn
from torch.func import functional_call

from suite.norms import parse_norm
from suite.probes.schedule import minibatches
from suite.seeds import generator
from suite.training.batches import scaled
from suite.training.evaluate import AsStack, member_losses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from suite.data import Dataset
    from suite.records import Trial

Kind = Literal["weights", "norm", "relu"]
Tensors = dict[str, torch.Tensor]

_TORCH_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.Identity)


@dataclass(frozen=True)
class Layer:
    """A layer that probes look at.

    Parameters
    ----------
    name
        Its path in the network; the facet of what is measured on it.
    kind
        ``weights`` (linear or convolution), ``norm`` (also where the norm is none) or ``relu``.
    module
        The module itself.
    """

    name: str
    kind: Kind
    module: nn.Module


@dataclass(frozen=True)
class Seen:
    """What went into and came out of a layer in one pass: (stack, batch, features, …)."""

    layer: Layer
    name: str
    input: torch.Tensor
    output: torch.Tensor


@dataclass(frozen=True)
class Pass:
    """One shared pass over a minibatch, in train mode.

    Parameters
    ----------
    losses
        (S,).
    gradients
        By parameter, (S, …); empty where no probe of the study needs them.
    layers
        In the order in which they were called.
    """

    losses: torch.Tensor
    gradients: Tensors
    layers: tuple[Seen, ...]

    @cached_property
    def square_norms(self) -> Tensors:
        """Squared norm of each parameter's gradient, (S,) float64; computed once for all probes."""
        squares = square_norms(list(self.gradients.values()))
        return dict(zip(self.gradients, squares.unbind(), strict=True))

    def of(self, kind: Kind) -> Iterator[Seen]:
        """Iterate over the layers of one kind."""
        return (seen for seen in self.layers if seen.layer.kind == kind)


class Network:
    """The model of a stack, its data and the probes' own minibatches.

    Parameters
    ----------
    model
        Maps (S, b, channels, height, width) to (S, b, classes).
    data
        On the device of the model.
    train, validation
        (S, n) and (S, m) indices into the training images.
    trials
        The S members; their minibatches are smaller where the training part is.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Dataset,
        train: torch.Tensor,
        validation: torch.Tensor,
        trials: Sequence[Trial],
    ) -> None:
        condition = trials[0].condition
        self.model = model
        self.data = data
        self.train, self.validation = train, validation
        self.seeds = [trial.seed for trial in trials]
        self.norm = parse_norm(condition.norm)
        self.members = len(trials)
        self.batch_size = min(condition.batch_size, train.shape[1])
        self.single = isinstance(model, AsStack)
        self.dtype = next(model.parameters()).dtype
        self.device = train.device
        self.layers = tuple(_layers(model))
        self.minibatches = self.draw(train, "probe", minibatches(self.batch_size))

    def of(self, kind: Kind) -> list[Layer]:
        """Give the layers of one kind, first to last."""
        return [layer for layer in self.layers if layer.kind == kind]

    def draw(self, indices: torch.Tensor, name: str, count: int) -> torch.Tensor:
        """Draw minibatches of each member's own images: (count, S, b), the same in every arm.

        A minibatch holds no image twice; several are drawn independently of each other.
        """
        rows = []
        for member, seed in zip(indices.cpu(), self.seeds, strict=True):
            source = generator(seed, "noise", name)
            rows.append(
                torch.stack(
                    [
                        member[torch.randperm(len(member), generator=source)[: self.batch_size]]
                        for _ in range(count)
                    ]
                )
            )
        return torch.stack(rows, dim=1).to(self.device)

    def images(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the inputs (S, b, …) and labels (S, b) of training images."""
        pool, flat = self.data.train_images, indices.reshape(-1)
        x = scaled(pool.index_select(0, flat), self.dtype)
        y = self.data.train_labels.index_select(0, flat)
        return x.view(*indices.shape, *pool.shape[1:]), y.view(indices.shape)

    @cached_property
    def parameters(self) -> Tensors:
        """The trained parameters, live, by the names that ``functional_call`` takes."""
        return {n: p for n, p in self.model.named_parameters() if p.requires_grad}

    def in_front(self, tensor: torch.Tensor) -> torch.Tensor:
        """Put the stack axis in front of a tensor of the serial trainer."""
        return tensor.unsqueeze(0) if self.single else tensor

    def gradients(
        self, minibatch: int, parameters: Mapping[str, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, Tensors]:
        """Differentiate each member's loss on one of the probes' minibatches, in train mode.

        Parameters
        ----------
        minibatch
            Its number, from 0.
        parameters
            Values in place of the network's own, in the shapes of ``self.parameters``.

        Returns
        -------
        tuple
            Losses (S,), and the gradients in the shapes of ``self.parameters``.
        """
        x, y = self.images(self.minibatches[minibatch])
        with torch.enable_grad():
            at = self.parameters
            if parameters is not None:
                at = {n: p.detach().requires_grad_() for n, p in parameters.items()}
            losses = member_losses(functional_call(self.model, at, (x,)), y)
            found = torch.autograd.grad(losses.sum(), list(at.values()))
        return losses.detach(), dict(zip(at, found, strict=True))

    def norm_of(self, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Take each member's 2-norm over tensors shaped like the parameters: (S,) float64."""
        parts = [t.reshape(self.members, -1) for t in tensors.values()]
        return square_norms(parts).sum(0).sqrt()

    def losses(self, minibatch: int) -> torch.Tensor:
        """Compute each member's loss (S,) on one of the probes' minibatches, in train mode."""
        x, y = self.images(self.minibatches[minibatch])
        with torch.no_grad():
            return member_losses(self.model(x), y)

    def passes(self, *, forward: bool = True, backward: bool = False) -> Iterator[Pass]:
        """Run the shared passes, one for each minibatch.

        Parameters
        ----------
        forward
            Whether to note what goes through the layers.
        backward
            Whether to go backward and note the gradients.
        """
        for number in range(len(self.minibatches)):
            with self._watching(self.layers if forward else ()) as seen:
                if backward:
                    losses, found = self.gradients(number)
                else:
                    losses, found = self.losses(number), {}
            yield Pass(
                losses, {self.plain(n): self.in_front(g) for n, g in found.items()}, tuple(seen)
            )

    def without_affine(self, seen: Seen) -> torch.Tensor:
        """Give what a norm layer makes of its input with γ = 1 and β = 0: (S, b, F, …)."""
        neutral = {
            name: torch.ones_like(p) if name.endswith("weight") else torch.zeros_like(p)
            for name, p in seen.layer.module.named_parameters()
        }
        given = seen.input.squeeze(0) if self.single else seen.input
        with torch.no_grad():
            return self.in_front(functional_call(seen.layer.module, neutral, (given,)))

    def plain(self, name: str) -> str:
        """Name a parameter or module as the serial model does, whichever trainer is at work."""
        return name.removeprefix("model.") if self.single else name

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Put buffers and modes back as they were."""
        buffers = [(b, b.clone()) for b in self.model.buffers()]
        modes = [(m, m.training) for m in self.model.modules()]
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)
            for module, training in modes:
                module.training = training

    @contextmanager
    def _watching(self, layers: Sequence[Layer]) -> Iterator[list[Seen]]:
        """Note what goes through the layers; a module that is called twice has two names."""
        seen: list[Seen] = []
        inputs: dict[nn.Module, torch.Tensor] = {}
        calls: dict[str, int] = {}
        in_place = any(getattr(layer.module, "inplace", False) for layer in layers)

        def kept(tensor: torch.Tensor) -> torch.Tensor:
            tensor = self.in_front(tensor.detach())
            return tensor.clone() if in_place else tensor

        def before(module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
            inputs[module] = kept(given[0])

        def after(layer: Layer, output: torch.Tensor) -> None:
            calls[layer.name] = count = calls.get(layer.name, 0) + 1
            name = layer.name if count == 1 else f"{layer.name}#{count}"
            seen.append(Seen(layer, name, inputs.pop(layer.module), kept(output)))

        def watch(layer: Layer) -> list[torch.utils.hooks.RemovableHandle]:
            return [
                layer.module.register_forward_pre_hook(before),
                layer.module.register_forward_hook(lambda _m, _i, output: after(layer, output)),
            ]

        handles = [handle for layer in layers for handle in watch(layer)]
        try:
            yield seen
        finally:
            for handle in handles:
                handle.remove()


def _layers(model: nn.Module) -> Iterator[Layer]:
    """Find the layers in the order of the model's definition; a norm is taken as a whole."""
    inner: set[nn.Module] = set()
    single = isinstance(model, AsStack)
    for path, module in model.named_modules():
        name = path.removeprefix("model.") if single else path
        if module in inner:
            continue
        if isinstance(module, _TORCH_NORMS) or type(module).__module__.startswith("suite.norms."):
            inner.update(module.modules())
            yield Layer(name, "norm", module)
        elif isinstance(module, nn.ReLU):
            yield Layer(name, "relu", module)
        elif isinstance(getattr(module, "weight", None), nn.Parameter):
            yield Layer(name, "weights", module)


def square_norms(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Take the squared 2-norm of each member in each tensor: of n (S, …) to (n, S) float64."""
    norms = [torch.linalg.vector_norm(t.flatten(1), dim=1) for t in tensors]
    return torch.stack(norms).double().square()
