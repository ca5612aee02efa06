"""Hidden states and attention weights of a call, one for each layer that it went through: segment after segment, cycle after cycle."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from hrmlab.layers.attention import attention_watched, plain_attention
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.recomputing import blocks_of


class Inside:
    """What is to be seen of one call, and what was. Of the puzzle prefix, which has no tokens, nothing is shown.

    Args:
        states: keep hidden states.
        attentions: keep attention weights, which grow with the square of the length.
        plain: compute attention as plain products, as keeping its weights does.
    """

    def __init__(self, *, states: bool, attentions: bool, plain: bool) -> None:
        self._of_states, self._of_attentions, self._plain = states, attentions, plain or attentions
        self._states: list[Tensor] = []
        self._weights: list[Tensor] = []
        self._show: Callable[[Tensor], Tensor] | None = None
        self._tokens = self._prefix = 0

    def of(self, *, tokens: int, prefix: int, show: Callable[[Tensor], Tensor] | None = None) -> None:
        """Say what is read: so many tokens after a prefix, and how (B, tokens, ...) values become those of the caller's columns where
        these are others."""
        self._tokens, self._prefix, self._show = tokens, prefix, show

    @contextmanager
    def looking(self, reasoner: Reasoner) -> Iterator[None]:
        """Keep what the reasoner's blocks do while the context lasts."""
        with ExitStack() as stack:
            if self._plain:
                stack.enter_context(plain_attention())
            weights = stack.enter_context(attention_watched()) if self._of_attentions else []
            if self._of_states:
                for block in blocks_of(reasoner):
                    stack.callback(block.register_forward_hook(self._after).remove)
            yield
            self._weights += weights

    def _after(self, module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        if not self._states:
            self._states.append(arguments[0])
        self._states.append(output[0] if isinstance(output, tuple) else output)

    @property
    def states(self) -> tuple[Tensor, ...] | None:
        """(B, T, D) what the first layer was given, then what each put out; None where they were not asked for."""
        return tuple(self._shown(_from(state, 1, -self._tokens)) for state in self._states) if self._of_states else None

    @property
    def attentions(self) -> tuple[Tensor, ...] | None:
        """(B, H, T, K) float32 of each attention, the share of each column in what a token takes; None where they were not asked for."""
        if not self._of_attentions:
            return None
        of_tokens = [_from(_from(weights, 2, -self._tokens), 3, self._prefix) for weights in self._weights]
        if self._show is None:
            return tuple(of_tokens)
        rows = [self._show(weights.transpose(1, 2)).transpose(1, 2) for weights in of_tokens]
        return tuple(self._show(weights.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) for weights in rows)

    def _shown(self, values: Tensor) -> Tensor:
        return values if self._show is None else self._show(values)


def _from(values: Tensor, axis: int, start: int) -> Tensor:
    """The values from a place on (below 0: the last so many); the very tensor where that is all, so that its gradient can be kept."""
    first = start if start >= 0 else values.shape[axis] + start
    return values.narrow(axis, first, values.shape[axis] - first) if first else values
