"""HRMLabForCausalLM: a causal reasoner behind the interface of transformers' language models."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad
from transformers import Cache, DynamicCache, GenerationMixin
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.utils.deprecation import deprecate_kwarg
from transformers.utils.generic import can_return_tuple

from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.hugging_face.configuration import HRMLabConfig
from hrmlab.hugging_face.inside import Inside
from hrmlab.hugging_face.learning import learned
from hrmlab.hugging_face.memory import CacheMemory, new_columns
from hrmlab.hugging_face.pretrained import PretrainedReasoner
from hrmlab.hugging_face.rows import LeftAligned
from hrmlab.hugging_face.segments import Said, batch_of, thoughts
from hrmlab.hugging_face.writing import prepared
from hrmlab.layers.likelihood import log_probabilities

_OF_GENERATE = ("is_first_iteration", "labels", "inputs_embeds", "tokenizer", "assistant_tokenizer")


class HRMLabForCausalLM(PretrainedReasoner, GenerationMixin):
    """A causal reasoner as a language model of transformers; see :class:`PretrainedReasoner` for its attributes."""

    def __init__(self, config: HRMLabConfig) -> None:
        super().__init__(config)
        if not self.remembers:
            self.generation_config.use_cache = False

    @property
    def length(self) -> int:
        """The most tokens of a row."""
        return self.config.task_spec.sequence_length

    # ---- one call ----------------------------------------------------------------------------------------------------------------------

    @can_return_tuple
    @deprecate_kwarg("past_key_values", "6.0.0", new_name="cache")
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        cache: Cache | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        max_segments: int | None = None,
        max_cycles: int | None = None,
        halting: bool | None = None,
        full_rows_rest: bool = False,
        num_items_in_batch: Tensor | int | None = None,
        shift_labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        **keywords: Any,
    ) -> CausalLMOutputWithPast:
        """All segments over (B, S) tokens.

        Args:
            input_ids: (B, S) token ids; with a cache that holds something the tokens that follow.
            attention_mask: (B, all columns so far) 1 for a row's own tokens, 0 for padding on either side; None: there is no padding.
            labels: (B, S) the same tokens, -100 where nothing is asked: as everywhere in transformers, position t is asked for token t + 1.
                While training the loss is the mean of all segments' losses, halting and the reasoner's own included (deep supervision);
                otherwise the cross-entropy of what is said in the end.
            cache: of transformers; see :mod:`hrmlab.hugging_face.memory`.
            use_cache: make one where none is given; None for no.
            logits_to_keep: only the last so many positions, or those of these indices; 0 for all.
            max_segments: how many segments; None for the configuration's, or the reasoner's own number.
            max_cycles: at most so many cycles of each segment; None for the configuration's, or all.
            halting: read each token at the segment where the model wants to stop; None for the configuration's.
            full_rows_rest: a row that has reached the model's length stays there. ``generate`` asks for it, which keeps nothing they say.
            num_items_in_batch: labels over which the loss is a mean, where a step has several batches.
            shift_labels: (B, S) what each position is asked for, in place of ``labels``: for a row that is a part of a longer one.
            output_hidden_states: give out hidden states; None for the configuration's ``output_hidden_states``.
            output_attentions: give out attention weights; None for the configuration's ``output_attentions``.

        Returns:
            ``logits`` (B, S, V), ``loss`` () with labels, ``cache`` where one is used; ``hidden_states`` and ``attentions`` of every layer
            in every cycle and segment where they are asked for, see :class:`hrmlab.hugging_face.inside.Inside`.

        Raises:
            UserError: a row longer than the model, fewer than one segment, more cycles than it has, or a cache for a model that keeps none.
        """
        if keywords:  # without them in the signature, Trainer would not say num_items_in_batch
            raise TypeError(f"{type(self).__name__} takes no {min(keywords)}")
        own = None if attention_mask is None else attention_mask.bool()
        said = Said(halting=self.config.halting if halting is None else halting)
        inside = Inside(
            states=bool(self.config.output_hidden_states if output_hidden_states is None else output_hidden_states),
            attentions=bool(self.config.output_attentions if output_attentions is None else output_attentions),
            plain=self.config._attn_implementation == "eager",
        )
        asked = shift_labels if labels is None or shift_labels is not None else _shifted(labels, own)
        cycles, segments = self.config.max_cycles if max_cycles is None else max_cycles, self._segments(max_segments)
        loss = None
        with self.reasoner.at_most_cycles(cycles):
            if asked is None and (cache is not None or use_cache):
                cache = DynamicCache() if cache is None else cache
                self._read_on(input_ids, own, cache, said, inside, segments, rest=full_rows_rest)
                logits = self._logits(said)
            else:
                cache = None
                loss, logits = self._read_rows(input_ids, own, asked, said, inside, segments, num_items_in_batch, rest=full_rows_rest)
        return CausalLMOutputWithPast(
            loss=loss,
            logits=_chosen(logits, logits_to_keep),
            cache=cache,
            hidden_states=inside.states,
            attentions=inside.attentions,
        )

    def _read_on(self, tokens: Tensor, own: Tensor | None, cache: Cache, said: Said, inside: Inside, segments: int, *, rest: bool) -> None:
        """Read (B, T) tokens that follow those of a cache."""
        if not self.remembers:
            raise UserError(f"{type(self.reasoner).__name__} keeps no keys and values, so it takes no cache; give use_cache=False")
        own = torch.ones_like(tokens, dtype=torch.bool) if own is None else own[:, -tokens.shape[1] :]
        columns = new_columns(tokens, own, cache, document_start=self.reasoner.task.document_start)
        if not rest:
            self._check_length(columns.positions)
        memory = CacheMemory(cache, columns.up_to(self.length - 1), prefix=self.reasoner.prefix_length)
        inside.of(tokens=tokens.shape[1], prefix=self.reasoner.prefix_length)
        positions = memory.positions.shape[1]
        for _, _, prediction in thoughts(self.reasoner, batch_of(tokens), segments, positions=positions, state=memory, inside=inside):
            said.add(prediction)

    def _read_rows(
        self,
        tokens: Tensor,
        own: Tensor | None,
        asked: Tensor | None,
        said: Said,
        inside: Inside,
        segments: int,
        items: Tensor | int | None,
        *,
        rest: bool,
    ) -> tuple[Tensor | None, Tensor]:
        """Read whole rows (B, S): loss () and logits (B, S, V)."""
        columns = tokens.shape[1]
        if not rest:  # of a row that rests, what would follow is never kept
            self._check_length(torch.full_like(tokens[:, :1], columns - 1) if own is None else own.sum(dim=1) - 1)
        aligned = LeftAligned.by(own)
        batch = batch_of(aligned.moved(tokens)[:, : self.length], None if asked is None else aligned.moved(asked)[:, : self.length])
        loss, prefix = None, self.reasoner.prefix_length
        count = (batch.labels != IGNORED_LABEL).sum() if items is None else items
        missing = columns - batch.inputs.shape[1]

        def shown(values: Tensor) -> Tensor:
            filled = pad(values, (0, 0) * (values.ndim - 2) + (0, missing)) if missing else values
            return aligned.back(filled)

        inside.of(tokens=batch.inputs.shape[1], prefix=prefix, show=shown if missing or aligned.order is not None else None)
        for number, carry, prediction in thoughts(self.reasoner, batch, segments, positions=prefix + batch.inputs.shape[1], inside=inside):
            said.add(prediction)
            if asked is not None and self.training:
                part = learned(
                    self.reasoner, carry, batch, prediction, kind=self.config.likelihood, number=number, segments=segments, items=count
                )
                loss = part if loss is None else loss + part
        logits = self._logits(said)
        if asked is not None and not self.training:
            loss = cross_entropy(logits.float().flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED_LABEL, reduction="sum")
            loss = loss / count
        return loss, shown(logits)

    def _segments(self, asked: int | None) -> int:
        segments = asked if asked is not None else self.config.max_segments
        if segments is not None and segments < 1:
            raise UserError(
                f"max_segments={segments} is below 1; give at least 1, or leave it out for the model's own {self.reasoner.max_segments}"
            )
        return segments or self.reasoner.max_segments

    def _check_length(self, last: Tensor) -> None:
        """Raises :class:`UserError` where one of these positions is beyond the model."""
        most = int(last.amax()) + 1
        if most > self.length:
            raise UserError(f"a row has {most} tokens, more than the {self.length} that this model can read; cut it (truncation=True)")

    def _logits(self, said: Said) -> Tensor:
        """(B, S, V) what was said, so that its softmax gives the probabilities."""
        logits = said.logits
        assert logits is not None
        if self.config.likelihood == "softmax":
            return logits
        return log_probabilities(logits, "stablemax").to(torch.float32)

    # ---- writing -----------------------------------------------------------------------------------------------------------------------

    def prepare_inputs_for_generation(self, input_ids: Tensor, next_sequence_length: int | None = None, **kwargs: Any) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """What one step of ``generate`` gives to :meth:`forward`. (It looks for the name ``kwargs`` to learn that all may be given.)"""
        tokens = input_ids if next_sequence_length is None else input_ids[:, -next_sequence_length:]
        kept = {name: value for name, value in kwargs.items() if name not in _OF_GENERATE}
        return {**kept, "input_ids": tokens.contiguous()}

    def generate(self, inputs: Tensor | None = None, generation_config: Any = None, **keywords: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As :meth:`transformers.GenerationMixin.generate`; it further takes ``max_segments``, ``max_cycles`` and ``halting``.

        A row ends at the model's own length at the latest.

        Raises:
            UserError: a prompt that leaves no room for a token.
        """
        settings = generation_config or self.generation_config
        inputs, keywords = prepared(inputs, settings, keywords, length=self.length, remembers=self.remembers)
        return super().generate(inputs, generation_config, **keywords)  # pyright: ignore[reportAttributeAccessIssue]


def _shifted(labels: Tensor, own: Tensor | None) -> Tensor:
    """(B, S) what each position is asked for: the next token; neither padding nor the token before it is asked for what follows."""
    asked = pad(labels, (0, 1), value=IGNORED_LABEL)[:, 1:]
    return asked if own is None else asked.masked_fill(~(own & pad(own, (0, 1))[:, 1:]), IGNORED_LABEL)


def _chosen(logits: Tensor, positions: int | Tensor) -> Tensor:
    """The last so many (0: all) positions of (B, S, V), or those of these indices."""
    return logits[:, -positions:] if isinstance(positions, int) else logits[:, positions]
