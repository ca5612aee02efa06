"""torch's Muon, also for matrices of which every process has a part."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from hrmlab.training.sharding import cut_like


class WholeMatrixMuon(torch.optim.Muon):
    """Muon orthogonalises whole matrices, which the parts of one, each by itself, would not add up to.

    Momentum is kept in parts. What it says of a matrix is put together, one matrix at a time, and every process does the same with it and
    takes its part of the outcome: the update of one process to rounding, its time on every process. Matrices that are not in parts go the
    way of torch's.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        if not any(isinstance(parameter, DTensor) for group in self.param_groups for parameter in group["params"]):
            return super().step(closure)
        result = None
        if closure is not None:
            with torch.enable_grad():
                result = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)
        return result

    def _update(self, parameter: DTensor, group: dict[str, Any]) -> None:
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        momentum = state["momentum_buffer"].lerp_(gradient, 1 - group["momentum"])
        direction = gradient.lerp(momentum, group["momentum"]) if group["nesterov"] else momentum
        assert isinstance(direction, DTensor)
        moved = self._orthogonal_step(direction.full_tensor(), group)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(cut_like(parameter, moved))

    @staticmethod
    def _orthogonal_step(direction: Tensor, group: dict[str, Any]) -> Tensor:
        """What torch's Muon adds to a matrix whose momentum points there."""
        moved = nn.Parameter(torch.zeros_like(direction))
        moved.grad = direction
        same = {name: group[name] for name in ("lr", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn")}
        torch.optim.Muon([moved], weight_decay=0.0, momentum=0.0, nesterov=False, **same).step()
        return moved.detach()
