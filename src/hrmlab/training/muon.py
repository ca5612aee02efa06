"""torch's Muon, with matrices of one shape orthogonalised together, also where every process has only a part of each."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from hrmlab.training.sharding import cut_like


class BatchedMuon(torch.optim.Muon):
    """Muon (Jordan et al. 2024) as torch has it, with fewer and larger operations.

    torch's own takes one matrix after the other, some twenty operations each, which for small models takes longer than their arithmetic.
    Here matrices of one shape are stacked. State, options and results are those of torch's.

    Muon orthogonalises whole matrices, which the parts of one, each by itself, would not add up to. Where processes have parts, momentum
    stays in parts; what it says of a matrix is put together, one matrix at a time to spare memory, and every process does the same with it
    and takes its part of the outcome: the update of one process to rounding, its time on every process.

    Args:
        newton_schulz_dtype: that matrices are orthogonalised in. torch's is bfloat16, made for processors that multiply it fast; a CPU that
            does not takes several times as long for it as for float32.
        *arguments, **options: torch's.
    """

    def __init__(self, *arguments: Any, newton_schulz_dtype: torch.dtype = torch.bfloat16, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._dtype = newton_schulz_dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        result = None
        if closure is not None:
            with torch.enable_grad():
                result = closure()
        for group in self.param_groups:
            alike: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                direction = self._direction(parameter, group)
                if isinstance(direction, DTensor):
                    (update,) = _orthogonalised(direction.full_tensor().unsqueeze(0), group, self._dtype)
                    _move(parameter, cut_like(parameter, update.to(parameter.dtype)), group)
                else:
                    alike.setdefault(parameter.shape, []).append((parameter, direction))
            for matrices in alike.values():
                updates = _orthogonalised(torch.stack([direction for _, direction in matrices]), group, self._dtype)
                for (parameter, _), update in zip(matrices, updates, strict=True):
                    _move(parameter, update, group)
        return result

    def _direction(self, parameter: Tensor, group: dict[str, Any]) -> Tensor:
        """Where the momentum, updated by the gradient, points."""
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        momentum = state["momentum_buffer"].lerp_(gradient, 1 - group["momentum"])
        return gradient.lerp(momentum, group["momentum"]) if group["nesterov"] else momentum


def _orthogonalised(directions: Tensor, group: dict[str, Any], dtype: torch.dtype) -> Tensor:
    """Each matrix ``U S V^T`` made about ``U V^T``: the quintic Newton-Schulz iteration.

    Args:
        directions: ``(matrices, rows, columns)``.
        group: ``ns_coefficients``, ``ns_steps`` and ``eps``.
        dtype: of the computation and of the result.
    """
    a, b, c = group["ns_coefficients"]
    matrices = directions.to(dtype)
    tall = directions.shape[-2] > directions.shape[-1]
    if tall:
        matrices = matrices.mT
    # The Frobenius norm bounds the spectral norm, which has to be at most 1.
    matrices = matrices / torch.linalg.vector_norm(matrices, dim=(-2, -1), keepdim=True).clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = matrices @ matrices.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        matrices = torch.baddbmm(matrices, polynomial, matrices, beta=a)
    return matrices.mT if tall else matrices


def _move(parameter: Tensor, update: Tensor, group: dict[str, Any]) -> None:
    """Decay the weights and take the step, at the learning rate that torch's ``adjust_lr_fn`` gives a matrix of this shape."""
    rows, columns = parameter.shape
    ratio = 0.2 * math.sqrt(max(rows, columns)) if group["adjust_lr_fn"] == "match_rms_adamw" else math.sqrt(max(1, rows / columns))
    parameter.mul_(1 - group["lr"] * group["weight_decay"])
    parameter.add_(update, alpha=-group["lr"] * ratio)
