"""A reasoner of another vocabulary that keeps what both know."""

import torch

from hrmlab.models.reasoner import Reasoner


@torch.no_grad()
def resized(old: Reasoner, fresh: Reasoner) -> Reasoner:
    """``fresh``, of the same architecture and another vocabulary, with the weights of ``old`` wherever both have a place for them."""
    given = old.state_dict()
    for name, value in fresh.state_dict().items():
        shared = tuple(slice(0, min(pair)) for pair in zip(value.shape, given[name].shape, strict=True))
        value[shared] = given[name][shared]
    return fresh
