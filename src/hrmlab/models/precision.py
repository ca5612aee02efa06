"""A reasoner in a compute precision: weights are cast once and used for any number of segments."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.embeddings import PuzzleEmbedding
from hrmlab.layers.likelihood import LossKind
from hrmlab.models.reasoner import Reasoner

Precision = Literal["fp32", "bf16"]


class _Call(nn.Module):
    """Makes a method of a reasoner callable as a module's forward, which is what ``functional_call`` needs."""

    def __init__(self, reasoner: Reasoner, method: str) -> None:
        super().__init__()
        self.reasoner, self.method = reasoner, method

    def forward(self, *arguments: Any) -> Any:
        return getattr(self.reasoner, self.method)(*arguments)


class Computation:
    """Calls a reasoner's segments with weights prepared by :meth:`prepare`.

    In bf16 the master weights stay float32 and their copies are made once per training step, not once per use: a recurrent model uses
    each weight many times in a step. Gradients flow through the copy to the master. Puzzle embeddings stay float32 (their gradient is
    sparse); their rows are cast after the look-up.
    """

    def __init__(self, reasoner: Reasoner, precision: Precision, *, likelihood: LossKind = "softmax") -> None:
        self.reasoner: Reasoner = reasoner
        self.precision: Precision = precision
        self.likelihood: LossKind = likelihood
        self.max_segments, self.prefix_length = reasoner.max_segments, reasoner.prefix_length
        self.sees_future = reasoner.sees_future
        puzzle = {id(module.weight) for module in reasoner.modules() if isinstance(module, PuzzleEmbedding)}
        # By the module that holds it, each once: a module that plays two parts must not be put back under its second name with a copy.
        self._cast_names = [
            f"{path}.{name}" if path else name
            for path, module in reasoner.named_modules()
            for name, parameter in module.named_parameters(recurse=False)
            if id(parameter) not in puzzle
        ]
        self._weights: dict[str, Tensor] | None = None
        self._casts = precision == "bf16"

    def weights_come_cast(self) -> None:
        """From now on somebody else (who gathers them from several processes) hands out the weights in the precision."""
        self._casts = False

    def prepare(self) -> None:
        """Take the weights as they are now. Call after every optimizer step."""
        if self._casts:
            parameters = dict(self.reasoner.named_parameters(remove_duplicate=False))
            copies = {parameter: parameter.to(torch.bfloat16) for parameter in {parameters[name]: None for name in self._cast_names}}
            self._weights = {f"reasoner.{name}": copies[parameters[name]] for name in self._cast_names}

    def release(self) -> None:
        """Forget the prepared weights, and with them the autograd graph of their casts."""
        self._weights = None

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        carry = self.reasoner.initial_carry(batch_size, positions)
        if self.precision == "bf16":
            carry = {name: state.to(torch.bfloat16) if state.is_floating_point() else state for name, state in carry.items()}
        return carry

    def _run(self, method: str, *arguments: Any) -> Any:
        if self._weights is None:
            # The module itself, not its forward: it may be one that gathers its weights before it computes.
            return (self.reasoner if method == "forward" else getattr(self.reasoner, method))(*arguments)
        return functional_call(_Call(self.reasoner, method), self._weights, arguments, tie_weights=False)

    def decoding_state(self, *, capacity: int) -> DecodingState | None:
        """See :meth:`hrmlab.models.reasoner.Reasoner.decoding_state`."""
        return self.reasoner.decoding_state(capacity=capacity)

    def stacks(self) -> list[nn.Module]:
        """See :meth:`hrmlab.models.reasoner.Reasoner.stacks`."""
        return self.reasoner.stacks()

    def __call__(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        return self._run("forward", carry, batch, state)

    def read_carry(self, carry: Carry, tokens: int) -> Prediction | None:
        """See :meth:`hrmlab.models.reasoner.Reasoner.read_carry`."""
        return self._run("read_carry", carry, tokens)

    def look_ahead(self, carry: Carry, batch: Batch) -> tuple[Tensor, Tensor]:
        return self._run("look_ahead", carry, batch)
