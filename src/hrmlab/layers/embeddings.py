"""From token ids to the (B, P + S, D) tensor that every reasoner receives; P prefix positions carry the puzzle's identity."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from hrmlab.core.batches import Batch
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.cache import AttentionMemory
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.initialization import truncated_normal_
from hrmlab.layers.options import EmbeddingOptions
from hrmlab.layers.rotary import RotaryTable


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
        options: positions ``rope`` (rotary table), ``learned`` (added here, sum rescaled by 1/sqrt(2)) or ``none``; the puzzle embedding
            fills ceil(size / D) prefix positions, zero-padded.
        puzzle_positions: so many prefix positions instead, where there is a puzzle embedding; those that it does not fill are zero.

    Raises:
        UserError: a puzzle embedding before packed documents, or one that is larger than its positions.
    """

    def __init__(
        self, *, task: TaskSpec, hidden_size: int, num_heads: int, options: EmbeddingOptions, puzzle_positions: int | None = None
    ) -> None:
        super().__init__()
        puzzle_embedding_size = options.puzzle_embedding_size
        if task.document_start is not None and puzzle_embedding_size:
            raise UserError(
                f"model.puzzle_embedding_size={puzzle_embedding_size} puts a prefix before a row, and {task.name} packs several documents "
                "into one; set it to 0, or use data.layout=padded"
            )
        self.hidden_size, self.document_start, self.causal = hidden_size, task.document_start, task.attention == "causal"
        self.prefix_length = -(-puzzle_embedding_size // hidden_size)
        if puzzle_positions and puzzle_embedding_size:
            if puzzle_positions < self.prefix_length:
                raise UserError(
                    f"model.puzzle_positions={puzzle_positions} of {hidden_size} channels cannot hold "
                    f"model.puzzle_embedding_size={puzzle_embedding_size}; give at least {self.prefix_length}"
                )
            self.prefix_length = puzzle_positions
        length = self.prefix_length + task.sequence_length
        self.token = nn.Embedding(task.vocabulary_size, hidden_size)
        truncated_normal_(self.token.weight, std=hidden_size**-0.5)
        self.puzzle = PuzzleEmbedding(puzzle_ids=task.puzzle_ids, size=puzzle_embedding_size) if puzzle_embedding_size else None
        self.position = None
        if options.positions == "learned":
            self.position = nn.Embedding(length, hidden_size)
            truncated_normal_(self.position.weight, std=hidden_size**-0.5)
        rope = options.positions == "rope"
        self.rotary = RotaryTable(head_size=hidden_size // num_heads, positions=length, theta=options.rope_theta) if rope else None

    def forward(self, batch: Batch, state: DecodingState | None = None) -> tuple[Tensor, AttentionContext]:
        """The embedded input (B, P + S, D) and what attention needs to know of its positions.

        Args:
            batch: rows that begin at position 0; with a state that holds something, the tokens that follow.
            state: of a generation; its positions say where each row of the result stands, the prefix counted.
        """
        cache = state if isinstance(state, AttentionMemory) else None
        embedded = self.token(batch.inputs.long())
        prefix = self.prefix_length if state is None or state.in_first_step else 0
        if self.puzzle is not None and prefix:
            rows = self.puzzle(batch.puzzle_ids.long()).to(embedded.dtype)
            rows = pad(rows, (0, self.prefix_length * self.hidden_size - rows.shape[-1]))
            embedded = torch.cat((rows.view(-1, self.prefix_length, self.hidden_size), embedded), dim=1)
        positions = torch.arange(embedded.shape[1], device=embedded.device) if state is None else state.positions
        starts, visible = None, None
        if cache is not None:
            visible = cache.visible
        elif self.document_start is not None:
            starts = batch.inputs == self.document_start
            visible = _within_documents(starts, causal=self.causal)
        if self.position is not None:
            where = positions if starts is None else positions - _last_start(starts, positions)
            embedded = (embedded + self.position(where)) * 0.5**0.5
        rotary = None if self.rotary is None else self.rotary(positions)
        return embedded * self.hidden_size**0.5, AttentionContext(rotary, visible, cache, positions)


def _within_documents(starts: Tensor, *, causal: bool) -> Tensor:
    """(B, 1, S, S) bool: the keys in each position's own document (and, causal, at or before it); ``starts`` (B, S) marks first tokens."""
    document = starts.cumsum(dim=1)
    same = document[:, :, None] == document[:, None, :]
    return (same.tril() if causal else same)[:, None]


def _last_start(starts: Tensor, positions: Tensor) -> Tensor:
    """(B, S) the position at which the document of each position begins."""
    return torch.where(starts, positions, 0).cummax(dim=1).values
