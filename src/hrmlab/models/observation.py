"""Watching a reasoner from outside while it thinks: hooks on its stacks, so that no arm has to know of it and training pays nothing."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn

from hrmlab.core.batches import Prediction
from hrmlab.layers.attention import attention_watched
from hrmlab.models.reasoner import Reasoner


class Application(NamedTuple):
    """One application of one of a reasoner's stacks: a cycle.

    Attributes:
        stack: the module's name in the reasoner.
        given: (B, P + S, D) the state that it was applied to, its first argument; None where that is no tensor.
        state: (B, P + S, D) what it put out; of several things (``nn.LSTM``) the first.
        reading: what the heads would say of it; None where they cannot read it, or were not asked.
        attention: (B, H, P + S, K) float32 weights of its attentions in the order of their calls; empty where they were not watched.
    """

    stack: str
    given: Tensor | None
    state: Tensor
    reading: Prediction | None
    attention: tuple[Tensor, ...]


@contextmanager
def observed(reasoner: Reasoner, *, tokens: int | None = None, attention: bool = False) -> Iterator[list[Application]]:
    """Every application of every stack, in order, while the context lasts. Compiled stacks are not seen into.

    Args:
        reasoner: whose ``stacks()`` are watched.
        tokens: S of the rows, to let the heads read every state; None: they are not asked.
        attention: keep attention weights, which grow with the square of the length.
    """
    names = {id(module): name for name, module in reasoner.named_modules()}
    found: list[Application] = []
    with ExitStack() as stack:
        weights = stack.enter_context(attention_watched()) if attention else []

        def before(module: nn.Module, arguments: Any) -> None:
            weights.clear()

        def after(module: nn.Module, arguments: Any, output: Any) -> None:
            state = output[0] if isinstance(output, tuple) else output
            given = arguments[0] if arguments and isinstance(arguments[0], Tensor) else None
            reading = None if tokens is None else reasoner.read_state(state, tokens=tokens)
            found.append(Application(names[id(module)], given, state, reading, tuple(weights)))

        for module in reasoner.stacks():
            stack.callback(module.register_forward_pre_hook(before).remove)
            stack.callback(module.register_forward_hook(after).remove)
        yield found
