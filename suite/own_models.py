"""Checks of a user's own model before anything runs; loads torch and runs the user's code.

What would only show after hours, or never, is looked for here: a function that ignores its norm, a
norm that does not fit, arms that would not start from equal weights, a network without norm that
normalizes all the same, and one whose answers are drawn by chance.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Final

import torch
from torch import nn

from suite.datasets import dataset_spec
from suite.errors import ModelError
from suite.models.own import Factory, is_own
from suite.norms import parse_norm
from suite.training.build import build_serial

if TYPE_CHECKING:
    from collections.abc import Iterable

    from suite.datasets import DatasetSpec
    from suite.norms import NormChoice
    from suite.records import Condition

IMAGES: Final = 8
_SHOWN: Final = 3  # names in a message


def check_own_models(conditions: Iterable[Condition]) -> None:
    """Build every network of the user's own that is asked for, and try it on a few images.

    Raises
    ------
    ModelError
        One can't be used, and why.
    """
    wanted = {
        (c.model, c.norm, dataset_spec(c.dataset).image_shape, dataset_spec(c.dataset).classes): c
        for c in conditions
        if is_own(c.model)
    }
    for condition in wanted.values():
        _check(condition, dataset_spec(condition.dataset))


def _check(condition: Condition, spec: DatasetSpec) -> None:
    where = f"model {condition.model!r} with norm {condition.norm!r}"
    norm = parse_norm(condition.norm)
    try:
        _check_parts(condition, norm, spec)
        network = build_serial(condition, 0, spec)
        _check_start(condition, network, spec)
        _check_answers(network, spec)
    except ModelError as error:
        text = str(error)
        raise ModelError(text if condition.model in text else f"{where}: {text}") from None
    except Exception as error:  # whatever the user's code may raise
        first = (str(error).splitlines() or [""])[0]
        raise ModelError(
            f"{where} can't be built and run: {type(error).__name__}: {first}"
        ) from error


def _check_parts(condition: Condition, norm: NormChoice, spec: DatasetSpec) -> None:
    """Refuse what is no network, a number of groups that does not fit, and norms of its own."""

    def make(features: int) -> nn.Module:
        if norm.spec.argument == "groups" and norm.argument and features % norm.argument:
            raise ModelError(f"{norm.argument} groups don't divide its {features} channels evenly")
        layer = norm.serial(features)
        layer.register_forward_pre_hook(lambda _, given: _check_input(given[0], features, norm))
        return layer

    with torch.random.fork_rng(devices=[]):
        network = Factory(condition.model).serial(make, None, spec.classes, spec.image_shape)
        if not isinstance(network, nn.Module):
            raise ModelError(f"it gives {type(network).__name__}, not a torch.nn.Module")
        with torch.no_grad():
            network(_images(spec))
    if norm.spec.name == "none":
        own = [
            name
            for name, m in network.named_modules()
            if isinstance(m, nn.modules.batchnorm._NormBase)
        ]
        if own:
            raise ModelError(
                f"without norm it has {type(network.get_submodule(own[0])).__name__} all the same "
                f"({_some(own)}): make every norm layer by norm(features)"
            )


def _check_input(x: torch.Tensor, features: int, norm: NormChoice) -> None:
    """Refuse what goes into a norm layer where it is not what the layer was made for."""
    if x.dim() < 2 or x.shape[1] != features:
        raise ModelError(
            f"norm({features}) is given {tuple(x.shape)}; it wants (batch, {features}, …)"
        )
    if norm.spec.name in ("layer", "group") and x[0].numel() // (norm.argument or 1) < 2:
        raise ModelError(f"one value a group of its {features}, and one value has no variance")


def _check_start(condition: Condition, network: nn.Module, spec: DatasetSpec) -> None:
    """Refuse arms that would not start from equal weights: they are paired by parameter."""
    without = build_serial(dataclasses.replace(condition, norm="none"), 0, spec)
    here = {name: p.shape for name, p in network.named_parameters()}
    differ = [n for n, p in without.named_parameters() if here.get(n) != p.shape]
    if differ:
        raise ModelError(
            f"its parameters {_some(differ)} are not those of the network without norm, so the two "
            "could not start alike: call norm(features) at the same places whatever the norm is"
        )


def _check_answers(network: nn.Module, spec: DatasetSpec) -> None:
    """Refuse answers of a wrong shape, and answers that are drawn by chance."""
    images = _images(spec)
    answers = []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for seed in (1, 2):
            torch.manual_seed(seed)
            answers.append(copy.deepcopy(network).train()(images))
    shape = (IMAGES, spec.classes)
    for answer in answers:
        if not isinstance(answer, torch.Tensor) or answer.shape != shape:
            what = (
                tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
            )
            raise ModelError(f"for {IMAGES} images it answers {what}, not {shape}")
    if not torch.equal(*answers):
        raise ModelError(
            "its answers change from call to call (dropout?): trials could not be repeated, and "
            "the arms would not be paired; leave the random part out"
        )


def _images(spec: DatasetSpec) -> torch.Tensor:
    source = torch.Generator().manual_seed(0)
    return 2 * torch.rand((IMAGES, *spec.image_shape), generator=source) - 1


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown}, …" if len(names) > _SHOWN else shown
