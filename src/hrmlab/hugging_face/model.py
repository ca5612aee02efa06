"""HRMLabForCausalLM: a causal reasoner behind the interface of transformers' language models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from transformers import Cache, DynamicCache, GenerationMixin, PreTrainedModel
from transformers.initialization import no_init_weights
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.utils.generic import can_return_tuple

from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.hugging_face.configuration import AUTO_MAP, REMOTE_CODE, REMOTE_FILE, HRMLabConfig, fill_in_facts
from hrmlab.hugging_face.learning import learned
from hrmlab.hugging_face.memory import CacheMemory, new_columns
from hrmlab.hugging_face.resizing import resized
from hrmlab.hugging_face.rows import LeftAligned
from hrmlab.hugging_face.segments import Said, batch_of, thoughts
from hrmlab.hugging_face.writing import prepared
from hrmlab.layers.heads import TokenHead
from hrmlab.layers.likelihood import log_probabilities
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.recomputing import keep_blocks, recompute_blocks
from hrmlab.runs.files import write_text

_OF_GENERATE = ("is_first_iteration", "labels", "inputs_embeds", "tokenizer", "assistant_tokenizer")
_ABSENT = ("output_attentions", "output_hidden_states")


class HRMLabForCausalLM(PreTrainedModel, GenerationMixin):
    """A causal reasoner as a language model of transformers.

    Attributes:
        reasoner: the model itself; its weights have the names that they have in a run's checkpoint, after ``reasoner.``.
        remembers: whether it keeps keys and values in a cache; where not, it reads its rows again for every token.
    """

    config_class = HRMLabConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _can_compile_fullgraph = False

    config: HRMLabConfig
    reasoner: Reasoner

    def __init__(self, config: HRMLabConfig) -> None:
        super().__init__(config)
        if config.num_hidden_layers is None:
            fill_in_facts(config)
        self.remembers = (config.num_hidden_layers or 0) > 1
        self.gradient_checkpointing = False
        self._take(config.make_reasoner())
        self._tied_weights_keys = self._tied()
        if not self.remembers:
            self.generation_config.use_cache = False
        self.post_init()

    def _take(self, reasoner: Reasoner) -> None:
        self.reasoner = reasoner
        for module in reasoner.modules():
            if isinstance(module, nn.Embedding):
                module.sparse = False  # row-sparse gradients are for the optimizers of this project

    def _tied(self) -> dict[str, str]:
        """Names of parameters that are another one's too, each with that name: the file holds them once."""
        first: dict[Tensor, str] = {}
        names = self.named_parameters(remove_duplicate=False)
        return {name: first[value] for name, value in names if first.setdefault(value, name) != name}

    # ---- what transformers asks of a model ---------------------------------------------------------------------------------------------

    @property
    def length(self) -> int:
        """The most tokens of a row."""
        return self.config.task_spec.sequence_length

    @classmethod
    def register_for_auto_class(cls, auto_class: Any = "AutoModelForCausalLM") -> None:
        """Nothing: the code of a folder is one import of this package, and stays so when it is saved again."""

    def save_pretrained(self, save_directory: Any, **keywords: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As :meth:`transformers.PreTrainedModel.save_pretrained`, with the file that ``trust_remote_code=True`` needs."""
        self.config.auto_map = dict(AUTO_MAP)
        super().save_pretrained(save_directory, **keywords)
        write_text(Path(save_directory) / REMOTE_FILE, REMOTE_CODE)

    def _init_weights(self, module: nn.Module) -> None:
        """Nothing: a reasoner initialises itself when it is made."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *arguments: Any, **keywords: Any) -> Any:
        """As :meth:`transformers.PreTrainedModel.from_pretrained`.

        Raises:
            UserError: weights that are missing, or of another shape (such as another vocabulary's).
        """
        asked = keywords.pop("output_loading_info", False)
        keywords |= {"output_loading_info": True, "ignore_mismatched_sizes": True}  # refused below, in one sentence
        loaded: Any = super().from_pretrained(pretrained_model_name_or_path, *arguments, **keywords)
        model, told = loaded
        for name, shape, expected in sorted(told["mismatched_keys"]):
            raise UserError(
                f"{pretrained_model_name_or_path} does not fit its configuration: {name} is {tuple(shape)} there, {tuple(expected)} here; "
                "take weights and configuration of one model, or resize_token_embeddings for another vocabulary"
            )
        if told["missing_keys"]:
            some = ", ".join(sorted(told["missing_keys"])[:3])
            raise UserError(f"{pretrained_model_name_or_path} lacks weights of this model ({some}, ...); copy the whole folder again")
        model.restore_tables()
        return (model, told) if asked else model

    def restore_tables(self) -> None:
        """Fill the buffers that no file holds, such as rotary tables: transformers loads into a model that has no numbers yet."""
        with torch.device("cpu"), no_init_weights():
            fresh = dict(self.config.make_reasoner().named_buffers())
        kept = self.state_dict()
        for name, buffer in self.reasoner.named_buffers():
            if f"reasoner.{name}" not in kept:
                buffer.data = fresh[name].to(buffer.device)

    def get_input_embeddings(self) -> nn.Module:
        tables = [module for module in self.reasoner.modules() if isinstance(module, nn.Embedding)]
        return next(table for table in tables if table.num_embeddings == self.config.vocab_size)

    def get_output_embeddings(self) -> nn.Module:
        heads = [module for module in self.reasoner.modules() if isinstance(module, TokenHead)]
        return next(head for head in heads if head.out_features == self.config.vocab_size)

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None, mean_resizing: bool = True
    ) -> Any:
        """Give the model another vocabulary; tokens that both have keep their weights, new ones begin as those of a fresh model.

        Args:
            new_num_tokens: V; None for no change.
            pad_to_multiple_of: round V up.
            mean_resizing: accepted because transformers passes it; new rows are never means of others.
        """
        if new_num_tokens is not None:
            step = pad_to_multiple_of or 1
            self.config.vocab_size = -(-new_num_tokens // step) * step
            fresh = self.config.make_reasoner().to(device=self.device, dtype=self.dtype).train(self.training)
            self._take(resized(self.reasoner, fresh))
            if self.gradient_checkpointing:
                recompute_blocks(self.reasoner)
        return self.get_input_embeddings()

    def _set_gradient_checkpointing(
        self, enable: bool = True, gradient_checkpointing_func: Callable[..., Any] | None = None, every_n_layers: int = 1
    ) -> None:
        """See :mod:`hrmlab.models.recomputing`: all blocks, or none."""
        self.gradient_checkpointing = enable
        (recompute_blocks if enable else keep_blocks)(self.reasoner)

    # ---- one call ----------------------------------------------------------------------------------------------------------------------

    @can_return_tuple
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

        Returns:
            ``logits`` (B, S, V), ``loss`` () with labels, ``cache`` where one is used.

        Raises:
            UserError: a row longer than the model, fewer than one segment, more cycles than it has, or a cache for a model that keeps none.
        """
        if unknown := sorted(keywords.keys() - {*_ABSENT, "return_dict"}):
            raise TypeError(f"{type(self).__name__} takes no {unknown[0]}")
        if wanted := [name for name in _ABSENT if keywords.get(name)]:
            raise UserError(
                f"{wanted[0]}=True is not to be had from this model; hrmlab.open_run(...).trace(...) shows its states and attention"
            )
        own = None if attention_mask is None else attention_mask.bool()
        said = Said(halting=self.config.halting if halting is None else halting)
        cycles = self.config.max_cycles if max_cycles is None else max_cycles
        with self.reasoner.at_most_cycles(cycles):
            if labels is None and (cache is not None or use_cache):
                cache = DynamicCache() if cache is None else cache
                self._read_on(input_ids, own, cache, said, self._segments(max_segments), rest=full_rows_rest)
                return CausalLMOutputWithPast(logits=_chosen(self._logits(said), logits_to_keep), cache=cache)
            loss, logits = self._read_rows(
                input_ids, own, labels, said, self._segments(max_segments), num_items_in_batch, rest=full_rows_rest
            )
        return CausalLMOutputWithPast(loss=loss, logits=_chosen(logits, logits_to_keep))

    def _read_on(self, tokens: Tensor, own: Tensor | None, cache: Cache, said: Said, segments: int, *, rest: bool) -> None:
        """Read (B, T) tokens that follow those of a cache."""
        if not self.remembers:
            raise UserError(f"{type(self.reasoner).__name__} keeps no keys and values, so it takes no cache; give use_cache=False")
        own = torch.ones_like(tokens, dtype=torch.bool) if own is None else own[:, -tokens.shape[1] :]
        columns = new_columns(tokens, own, cache, document_start=self.reasoner.task.document_start)
        if not rest:
            self._check_length(columns.positions)
        memory = CacheMemory(cache, columns.up_to(self.length - 1), prefix=self.reasoner.prefix_length)
        for _, _, prediction in thoughts(self.reasoner, batch_of(tokens), segments, positions=memory.positions.shape[1], state=memory):
            said.add(prediction)

    def _read_rows(
        self,
        tokens: Tensor,
        own: Tensor | None,
        labels: Tensor | None,
        said: Said,
        segments: int,
        items: Tensor | int | None,
        *,
        rest: bool,
    ) -> tuple[Tensor | None, Tensor]:
        """Read whole rows (B, S): loss () and logits (B, S, V)."""
        columns = tokens.shape[1]
        if not rest:  # of a row that rests, what would follow is never kept
            self._check_length(torch.full_like(tokens[:, :1], columns - 1) if own is None else own.sum(dim=1) - 1)
        asked, count = None, items
        if labels is not None:
            asked = pad(labels, (0, 1), value=IGNORED_LABEL)[:, 1:]
            # Neither padding nor the token before it is asked for what follows.
            asked = asked if own is None else asked.masked_fill(~(own & pad(own, (0, 1))[:, 1:]), IGNORED_LABEL)
            count = (asked != IGNORED_LABEL).sum() if items is None else items
        aligned = LeftAligned.by(own)
        batch = batch_of(aligned.moved(tokens)[:, : self.length], None if asked is None else aligned.moved(asked)[:, : self.length])
        loss = None
        positions = self.reasoner.prefix_length + batch.inputs.shape[1]
        for number, carry, prediction in thoughts(self.reasoner, batch, segments, positions=positions):
            said.add(prediction)
            if asked is not None and self.training:
                part = learned(
                    self.reasoner, carry, batch, prediction, kind=self.config.likelihood, number=number, segments=segments, items=count
                )
                loss = part if loss is None else loss + part
        logits = self._logits(said)
        if asked is not None and not self.training:
            loss = cross_entropy(logits.float().flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED_LABEL, reduction="sum")
            assert count is not None
            loss = loss / count
        missing = columns - logits.shape[1]
        return loss, aligned.back(pad(logits, (0, 0, 0, missing)) if missing else logits)

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


def _chosen(logits: Tensor, positions: int | Tensor) -> Tensor:
    """The last so many (0: all) positions of (B, S, V), or those of these indices."""
    return logits[:, -positions:] if isinstance(positions, int) else logits[:, positions]
