"""What the fork server imports once, so that no worker has to; importing it is all it does.

Nothing may start a thread here: one that the fork server has is missing in what it forks. So
nothing computes on more than one thread, and CUDA is not touched.
"""

import torch

import suite.executors.training
import suite.executors.worker
import suite.norms  # noqa: F401

torch.set_num_threads(1)
# Building an optimizer imports TorchDynamo: more than a second, once for all.
torch.optim.Adam([torch.zeros(1, requires_grad=True)], fused=True)
