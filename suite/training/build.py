"""Models with paired starts: the seed fixes every parameter that the arms share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from suite.errors import ModelError
from suite.models import model_spec
from suite.norms import parse_norm
from suite.seeds import generator
from suite.training.inits import initialise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from suite.datasets import DatasetSpec
    from suite.norms import NormChoice
    from suite.records import Condition, Trial


def build_serial(
    condition: Condition, seed: int, spec: DatasetSpec, dtype: torch.dtype = torch.float32
) -> nn.Module:
    """Build the textbook network of a condition, at its start.

    The network without norm is drawn from the seed's stream ``weights`` first; every parameter of
    this arm with the same name and shape is copied from it. So the arms are paired whatever a norm
    layer does.

    Raises
    ------
    ModelError
        The model does not put the norm that it is given into the network.
    """
    start = _start(condition, seed, spec)
    if parse_norm(condition.norm).spec.name == "none":
        return start.to(dtype)
    model = _draw(condition, parse_norm(condition.norm), seed, spec)
    model.load_state_dict(_paired(model.state_dict(), start))
    return model.to(dtype)


def build_stacked(
    trials: Sequence[Trial], spec: DatasetSpec, dtype: torch.dtype = torch.float32
) -> nn.Module:
    """Build the stacked twin; its state is the stack of the serial models' states.

    What the members' starts don't fix, a norm's own parameters and buffers, is the same in all of
    them: norms draw no random numbers.
    """
    condition = trials[0].condition
    norm = parse_norm(condition.norm)
    model = (
        model_spec(condition.model)
        .load()
        .stacked(len(trials), norm.stacked, condition.depth, spec.classes, spec.image_shape)
        .to(dtype)
    )
    own = _draw(condition, norm, trials[0].seed, spec).to(dtype).state_dict()
    states = [_paired(own, _start(t.condition, t.seed, spec)) for t in trials]
    model.load_state_dict({name: torch.stack([s[name] for s in states]) for name in states[0]})
    return model


def _start(condition: Condition, seed: int, spec: DatasetSpec) -> nn.Module:
    """Draw what the arms share: the network without norm, at its start."""
    model = _draw(condition, parse_norm("none"), seed, spec)
    initialise(model, condition.init, seed)
    return model


def _paired(state: dict[str, torch.Tensor], start: nn.Module) -> dict[str, torch.Tensor]:
    """Replace in a state what has the name and shape of a parameter of the start."""
    shared = {name: parameter.detach() for name, parameter in start.named_parameters()}
    return {
        name: shared[name].to(own.dtype)
        if name in shared and shared[name].shape == own.shape
        else own
        for name, own in state.items()
    }


def _draw(condition: Condition, norm: NormChoice, seed: int, spec: DatasetSpec) -> nn.Module:
    """Build with PyTorch's own random numbers, seeded from the stream ``weights``."""
    made: list[nn.Module] = []

    def make(features: int) -> nn.Module:
        made.append(norm.serial(features))
        return made[-1]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator(seed, "weights").initial_seed())
        model = (
            model_spec(condition.model)
            .load()
            .serial(make, condition.depth, spec.classes, spec.image_shape)
        )
    inside = set(map(id, model.modules()))
    if not any(id(layer) in inside for layer in made):
        raise ModelError(
            f"model {condition.model!r} ignores its norm argument, so both arms would be the same "
            "network: call norm(features) for each norm layer and put the layers into the model"
        )
    return model
