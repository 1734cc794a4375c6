"""A training step as a CUDA graph: the host starts it by one call and waits for nothing."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from suite.training.stacked import StackedStep


class CapturedStep:
    """A stacked step, captured once for each number of images that a batch has.

    Capture needs a warm-up on a stream apart, so that every buffer and every moment of the
    optimizer has its place (PyTorch's notes on CUDA semantics, "Whole-network capture"). The first
    batch of each number of images is that warm-up: the eager step trains on it, so nothing has to
    be undone. Evaluations between the steps read the parameters where they are.

    Parameters
    ----------
    step
        Its model and images are on a CUDA device.
    """

    def __init__(self, step: StackedStep) -> None:
        self._step = step
        self._stream = _capture_stream(step.device)
        self._warm: set[int] = set()
        self._graphs: dict[int, _Graph] = {}

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Train on images (S, b) by index; give the losses (S,) before the update.

        They stay as they are until the next call.
        """
        images = batch.shape[1]
        if images not in self._warm:
            self._warm.add(images)
            return self._eager(batch)
        if images not in self._graphs:
            self._graphs[images] = _Graph(self._step, batch, self._stream)
        return self._graphs[images](batch)

    def _eager(self, batch: torch.Tensor) -> torch.Tensor:
        """Run the step without a graph, on the stream of the capture."""
        around = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(around)
        try:
            with torch.cuda.stream(self._stream):
                return self._step(batch)
        finally:
            around.wait_stream(self._stream)


@functools.cache
def _capture_stream(device: torch.device) -> torch.cuda.Stream:
    """Give one stream for all captures on a device: cuBLAS keeps a workspace for each."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class _Graph:
    """The step for one number of images; its batch and its losses have fixed places."""

    def __init__(self, step: StackedStep, batch: torch.Tensor, stream: torch.cuda.Stream) -> None:
        self._batch = batch.clone()
        self._graph = torch.cuda.CUDAGraph()
        # The outer one: where a capture can't be ended, torch leaves its own stream in place.
        with torch.cuda.stream(stream), torch.cuda.graph(self._graph, stream=stream):
            self._losses = step(self._batch)

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        self._batch.copy_(batch)
        self._graph.replay()
        return self._losses
