"""A stack of LSTMs (Hochreiter and Schmidhuber 1997): a sanity arm. What it solves needs no attention."""

from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from hrmlab.config.schema import Count
from hrmlab.config.values import Positive
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.embeddings import InputEmbedding
from hrmlab.layers.heads import TokenHead
from hrmlab.layers.options import EmbeddingOptions
from hrmlab.layers.swiglu import SwiGLU
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.sizing import Filling, Solved, Width


class _LSTMLayer(nn.LSTM):
    """One layer, whose outputs at all positions are all that is asked for.

    On the meta device it makes the products of all steps at once, and nothing else: operations are counted there, and a loop over the steps
    of a long row would take a minute to say the same.
    """

    def forward(self, hidden: Tensor) -> Tensor:  # type: ignore[override]
        """(B, S, D) to (B, S, D)."""
        if not hidden.is_meta:
            return super().forward(hidden)[0]
        outputs = []
        for direction in ("", "_reverse") if self.bidirectional else ("",):
            weights = {name: getattr(self, f"{name}_l0{direction}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
            # States before each step: the first takes no gradient, the others do.
            begun = hidden.new_zeros(len(hidden), 1, self.hidden_size), hidden[:, 1:, : self.hidden_size]
            recurrent = torch.cat([linear(state, weights["weight_hh"], weights["bias_hh"]) for state in begun], dim=1)
            gates = linear(hidden, weights["weight_ih"], weights["bias_ih"]) + recurrent
            outputs.append(gates[..., : self.hidden_size])
        return torch.cat(outputs, dim=-1)


class _Block(nn.Module):
    """Pre-norm residual block: an LSTM in the place of attention."""

    def __init__(self, *, hidden_size: int, mlp_width: int, bidirectional: bool, norm_epsilon: float) -> None:
        super().__init__()
        self.lstm_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.lstm = _LSTMLayer(hidden_size, hidden_size // (2 if bidirectional else 1), batch_first=True, bidirectional=bidirectional)
        self.mlp_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.mlp = SwiGLU(hidden_size=hidden_size, mlp_width=mlp_width)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, P + S, D) to (B, P + S, D)."""
        hidden = hidden + self.lstm(self.lstm_norm(hidden))
        return hidden + self.mlp(self.mlp_norm(hidden))


class LSTM(Reasoner):
    """LSTMs from left to right on causal tasks, in both directions on the others. While writing it reads its row again for every token.

    Args:
        task: the task to build for.
        hidden_size: channels D, an even number; half for each direction where there are two.
        mlp_width: channels inside each SwiGLU.
        embedding: from tokens to channels; an LSTM knows the order by itself, so rotary positions do nothing.
        layers: blocks.
        norm_epsilon: added under the root of every normalisation.

    Raises:
        UserError: the task packs several documents into a row, between which an LSTM would carry its state.
    """

    solves: ClassVar[tuple[Solved, ...]] = (Width("hidden_size", step=2), Filling("mlp_width", beside="hidden_size", ratio=2.0))

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: Count,
        mlp_width: Count,
        embedding: EmbeddingOptions,
        layers: Count = 4,
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task)
        if task.document_start is not None:
            raise UserError(
                f"model=lstm would carry its state from one document of a row of {task.name} to the next; use data.layout=padded"
            )
        self.embedding = InputEmbedding(task=task, hidden_size=hidden_size, num_heads=1, options=embedding)
        bidirectional = task.attention == "full"
        self.blocks = nn.ModuleList(
            _Block(hidden_size=hidden_size, mlp_width=mlp_width, bidirectional=bidirectional, norm_epsilon=norm_epsilon)
            for _ in range(layers)
        )
        self.final_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.token_head = TokenHead(hidden_size, task.vocabulary_size)

    @property
    def prefix_length(self) -> int:
        return self.embedding.prefix_length

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        hidden, _ = self.embedding(batch, state)
        hidden = hidden * self.embedding.hidden_size**-0.5  # attention is indifferent to the scale of its input, gates are not
        for block in self.blocks:
            hidden = block(hidden)
        return carry, self.read_state(hidden, tokens=batch.inputs.shape[1])

    def read_state(self, state: Tensor, *, tokens: int) -> Prediction:
        return Prediction(self.token_head(self.final_norm(state[:, -tokens:])))

    def stacks(self) -> list[nn.Module]:
        return list(self.blocks)
