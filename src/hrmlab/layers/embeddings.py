"""From token ids to the (B, P + S, D) tensor that every reasoner receives; P prefix positions carry the puzzle's identity."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from hrmlab.core.batches import PuzzleBatch
from hrmlab.core.task import TaskSpec
from hrmlab.layers.initialization import truncated_normal_
from hrmlab.layers.rotary import RotaryTable

Positions = Literal["rope", "learned", "none"]


class PuzzleEmbedding(nn.Embedding):
    """One vector per puzzle identifier, starting at zero, with row-sparse gradients.

    A step touches only the rows of its batch, so millions of identifiers cost no more than the batch; the optimizer that belongs
    to it is :class:`hrmlab.training.optimizers.SparseSignDescent`.
    """

    def __init__(self, *, puzzle_ids: int, size: int) -> None:
        super().__init__(puzzle_ids, size, sparse=True)

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)


class InputEmbedding(nn.Module):
    """Token embedding scaled by sqrt(D), optional puzzle prefix, positions.

    Args:
        task: gives vocabulary, sequence length and number of puzzle identifiers.
        hidden_size: D.
        num_heads: heads of the attention that will use the rotary table.
        positions: ``rope`` (rotary table), ``learned`` (added here, sum rescaled by 1/sqrt(2)) or ``none``.
        rope_theta: base of the rotary wavelengths.
        puzzle_embedding_size: channels of the puzzle embedding; 0 for none. It fills ceil(size / D) prefix positions, zero-padded.
    """

    def __init__(
        self, *, task: TaskSpec, hidden_size: int, num_heads: int, positions: Positions, rope_theta: float, puzzle_embedding_size: int
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.prefix_length = -(-puzzle_embedding_size // hidden_size)
        length = self.prefix_length + task.sequence_length
        self.token = nn.Embedding(task.vocabulary_size, hidden_size)
        truncated_normal_(self.token.weight, std=hidden_size**-0.5)
        self.puzzle = PuzzleEmbedding(puzzle_ids=task.puzzle_ids, size=puzzle_embedding_size) if puzzle_embedding_size else None
        self.position = None
        if positions == "learned":
            self.position = nn.Embedding(length, hidden_size)
            truncated_normal_(self.position.weight, std=hidden_size**-0.5)
        rope = positions == "rope"
        self.rotary = RotaryTable(head_size=hidden_size // num_heads, positions=length, theta=rope_theta) if rope else None

    def forward(self, batch: PuzzleBatch) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """The embedded input (B, P + S, D) and the rotary table for its length."""
        embedded = self.token(batch.inputs.long())
        if self.puzzle is not None:
            rows = self.puzzle(batch.puzzle_ids.long()).to(embedded.dtype)
            rows = pad(rows, (0, self.prefix_length * self.hidden_size - rows.shape[-1]))
            embedded = torch.cat((rows.view(-1, self.prefix_length, self.hidden_size), embedded), dim=1)
        if self.position is not None:
            embedded = (embedded + self.position.weight[: embedded.shape[1]]) * 0.5**0.5
        return embedded * self.hidden_size**0.5, None if self.rotary is None else self.rotary(embedded.shape[1])
