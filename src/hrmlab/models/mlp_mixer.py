"""MLP-Mixer (Tolstikhin et al. 2021, arXiv 2105.01601) on tokens: one pass, no attention; a sanity arm for rows of one length."""

from typing import Annotated, ClassVar

from torch import Tensor, nn

from hrmlab.config.schema import Count
from hrmlab.config.values import Positive
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import AttentionKind, TaskSpec
from hrmlab.layers.blocks import Stack
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.embeddings import InputEmbedding
from hrmlab.layers.heads import TokenHead
from hrmlab.layers.mixing import PreNormMixerBlock, width_of_positions
from hrmlab.layers.options import EmbeddingOptions
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.sizing import Filling, Solved, Width


class MLPMixer(Reasoner):
    """Blocks that mix positions, then channels.

    Args:
        task: the task to build for; full attention, because every position sees all others.
        hidden_size: channels D.
        mlp_width: channels inside each SwiGLU over channels.
        embedding: from tokens to channels; the mixer knows positions by itself, so rotary ones do nothing.
        layers: blocks.
        position_width: channels inside each SwiGLU over positions; None for half of the positions.
        norm_epsilon: added under the root of every normalisation.
    """

    solves: ClassVar[tuple[Solved, ...]] = (Width("hidden_size", step=2), Filling("mlp_width", beside="hidden_size", ratio=8 / 3))
    attention_kinds: ClassVar[tuple[AttentionKind, ...]] = ("full",)

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: Count,
        mlp_width: Count,
        embedding: EmbeddingOptions,
        layers: Count = 8,
        position_width: Count | None = None,
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task)
        self.embedding = InputEmbedding(task=task, hidden_size=hidden_size, num_heads=1, options=embedding)
        positions = self.prefix_length + task.sequence_length
        self.stack = Stack(
            [
                PreNormMixerBlock(
                    positions=positions,
                    hidden_size=hidden_size,
                    mlp_width=mlp_width,
                    position_width=position_width or width_of_positions(positions, ratio=0.5),
                    norm_epsilon=norm_epsilon,
                )
                for _ in range(layers)
            ]
        )
        self.final_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.token_head = TokenHead(hidden_size, task.vocabulary_size)

    @property
    def prefix_length(self) -> int:
        return self.embedding.prefix_length

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        embedded, context = self.embedding(batch, state)
        hidden = self.stack(embedded, embedded.new_zeros(()), context)
        return carry, self.read_state(hidden, tokens=batch.inputs.shape[1])

    def read_state(self, state: Tensor, *, tokens: int) -> Prediction:
        return Prediction(self.token_head(self.final_norm(state[:, -tokens:])))

    def stacks(self) -> list[nn.Module]:
        return [self.stack]
