"""Weight initialisation of the published HRM: truncated normals whose standard deviation is the one asked for."""

import torch
from torch import Tensor, nn

# A standard normal cut at +-2 has this standard deviation; dividing by it gives back the one that was asked for.
_STANDARD_DEVIATION_OF_CUT_NORMAL = 0.8796256610342398


@torch.no_grad()
def truncated_normal_(tensor: Tensor, *, std: float, generator: torch.Generator | None = None) -> Tensor:
    """Fill with a normal distribution cut at two of its own (uncut) standard deviations, rescaled to standard deviation ``std``."""
    if tensor.is_meta:  # of a model that is only counted: torch would take a millisecond to draw nothing
        return tensor
    scale = std / _STANDARD_DEVIATION_OF_CUT_NORMAL
    if std == 0:
        return tensor.zero_()
    return nn.init.trunc_normal_(tensor, std=scale, a=-2 * scale, b=2 * scale, generator=generator)


class LecunLinear(nn.Linear):
    """A linear map without bias, initialised with standard deviation 1 / sqrt(inputs) (LeCun et al. 1998)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def reset_parameters(self) -> None:
        truncated_normal_(self.weight, std=self.in_features**-0.5)
