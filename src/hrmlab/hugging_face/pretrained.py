"""A reasoner as a pretrained model of transformers: made, initialised, saved and loaded, and given another vocabulary."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, initialization

from hrmlab.core.errors import UserError
from hrmlab.hugging_face.configuration import AUTO_MAP, REMOTE_CODE, REMOTE_FILE, HRMLabConfig, fill_in_facts
from hrmlab.hugging_face.resizing import resized
from hrmlab.layers.heads import TokenHead
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.recomputing import keep_blocks, recompute_blocks
from hrmlab.runs.files import write_text


class PretrainedReasoner(PreTrainedModel):
    """A causal reasoner with everything that transformers asks of a model but its calls.

    Attributes:
        reasoner: the model itself; its weights have the names that they have in a run's checkpoint, after ``reasoner.``.
        remembers: whether it keeps keys and values in a cache; where not, it reads its rows again for every token.
        untied: whether its token head was parted from the token embedding, which the reasoner has it share (``tie_word_embeddings=False``).
    """

    config_class = HRMLabConfig
    base_model_prefix = "reasoner"
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
        self.post_init()

    def _take(self, reasoner: Reasoner) -> None:
        self.reasoner = reasoner
        for module in reasoner.modules():
            if isinstance(module, nn.Embedding):
                module.sparse = False  # row-sparse gradients are for the optimizers of this project
        size = self.vocab_size = self.config.vocab_size
        tables = {name: module.num_embeddings for name, module in reasoner.named_modules() if isinstance(module, nn.Embedding)}
        heads = {name: module.out_features for name, module in reasoner.named_modules() if isinstance(module, TokenHead)}
        self._table, self._head = (next(name for name, rows in found.items() if rows == size) for found in (tables, heads))
        head: Any = self.get_output_embeddings()
        self.untied = not self.config.tie_word_embeddings and head.weight is self.get_input_embeddings().weight
        if self.untied:
            head.weight = nn.Parameter(head.weight.detach().clone())

    def _tied(self) -> dict[str, str]:
        """Names of parameters that are another one's too, each with that name: the file holds them once."""
        first: dict[Tensor, str] = {}
        names = self.named_parameters(remove_duplicate=False)
        return {name: first[value] for name, value in names if first.setdefault(value, name) != name}

    def get_expanded_tied_weights_keys(self, all_submodels: bool = False) -> dict[str, str]:
        """See :meth:`_tied`: which weights are shared is known from the reasoner, whose levels may share theirs too."""
        return dict(self._tied_weights_keys)

    def mark_tied_weights_as_initialized(self, loading_info: Any) -> None:
        """Nothing: a shared weight is one object here, and where a file lacks it, it has to be initialised under some name."""

    # ---- weights -----------------------------------------------------------------------------------------------------------------------

    def initialize_weights(self) -> None:
        """Initialise what no file has given. A reasoner initialises itself when it is made, so this is done for all of it at once."""
        self._initialize_weights(self)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Give every weight and buffer that is not marked as loaded its value in a fresh reasoner.

        Some buffers are in no file, such as rotary tables, and transformers loads into a model that has no numbers yet.
        """
        with torch.device("cpu"):
            fresh = _tensors(self.config.make_reasoner())
        kept = self.reasoner.state_dict().keys()
        for name, value in _tensors(self.reasoner).items():
            if name in kept:
                initialization.copy_(value, fresh[name])
            else:
                value.data = fresh[name].to(value.device)

    @classmethod
    def register_for_auto_class(cls, auto_class: Any = "AutoModelForCausalLM") -> None:
        """Nothing: the code of a folder is one import of this package, and stays so when it is saved again."""

    def save_pretrained(self, save_directory: Any, **keywords: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As :meth:`transformers.PreTrainedModel.save_pretrained`, with the file that ``trust_remote_code=True`` needs."""
        self.config.auto_map = dict(AUTO_MAP)
        super().save_pretrained(save_directory, **keywords)
        write_text(Path(save_directory) / REMOTE_FILE, REMOTE_CODE)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *arguments: Any, **keywords: Any) -> Any:
        """As :meth:`transformers.PreTrainedModel.from_pretrained`.

        Raises:
            UserError: a folder that lacks weights, unless the caller wants to be told (``output_loading_info=True``), or has some of
                another shape, such as another vocabulary's, unless that is allowed (``ignore_mismatched_sizes=True``). Where nothing is
                raised, such weights are those of a fresh model.
        """
        asked, taken = keywords.pop("output_loading_info", False), keywords.pop("ignore_mismatched_sizes", False)
        keywords |= {"output_loading_info": True, "ignore_mismatched_sizes": True}  # refused below, in one sentence
        loaded: Any = super().from_pretrained(pretrained_model_name_or_path, *arguments, **keywords)
        model, told = loaded
        for name, shape, expected in sorted(told["mismatched_keys"]):
            if not taken:
                raise UserError(
                    f"{pretrained_model_name_or_path} does not fit its configuration: {name} is {tuple(shape)} there, "
                    f"{tuple(expected)} here; take weights and configuration of one model, "
                    "or resize_token_embeddings for another vocabulary"
                )
        if told["missing_keys"] and not asked and pretrained_model_name_or_path is not None:
            some = ", ".join(sorted(told["missing_keys"])[:3])
            raise UserError(f"{pretrained_model_name_or_path} lacks weights of this model ({some}, ...); copy the whole folder again")
        return (model, told) if asked else model

    # ---- vocabulary --------------------------------------------------------------------------------------------------------------------

    def get_input_embeddings(self) -> nn.Module:
        return self.reasoner.get_submodule(self._table)

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.reasoner.set_submodule(self._table, value)

    def get_output_embeddings(self) -> nn.Module:
        return self.reasoner.get_submodule(self._head)

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        self.reasoner.set_submodule(self._head, new_embeddings)

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None, mean_resizing: bool = True
    ) -> Any:
        """Give the model another vocabulary; tokens that both have keep their weights.

        Args:
            new_num_tokens: V; None for no change.
            pad_to_multiple_of: round V up.
            mean_resizing: new tokens begin as the mean of those that are there, in the table and in the head; False: as in a fresh model.
        """
        if pad_to_multiple_of is not None and not isinstance(pad_to_multiple_of, int):
            return super().resize_token_embeddings(new_num_tokens, pad_to_multiple_of)  # it says what is wrong
        if new_num_tokens is not None:
            step, before = pad_to_multiple_of or 1, self.config.vocab_size
            self.config.vocab_size = -(-new_num_tokens // step) * step
            fresh = self.config.make_reasoner().to(device=self.device, dtype=self.dtype).train(self.training)
            old = self.get_input_embeddings(), self.get_output_embeddings()
            self._take(resized(self.reasoner, fresh))
            added = self.config.vocab_size - before
            if mean_resizing and added > 0:
                for was, now in zip(old, (self.get_input_embeddings(), self.get_output_embeddings()), strict=True):
                    self._init_added_embeddings_weights_with_mean(was, now, before, added)
            if self.gradient_checkpointing:
                recompute_blocks(self.reasoner)
        return self.get_input_embeddings()

    # ---- memory ------------------------------------------------------------------------------------------------------------------------

    def _set_gradient_checkpointing(
        self, enable: bool = True, gradient_checkpointing_func: Callable[..., Any] | None = None, every_n_layers: int = 1
    ) -> None:
        """See :mod:`hrmlab.models.recomputing`: all blocks, or none."""
        self.gradient_checkpointing = enable
        (recompute_blocks if enable else keep_blocks)(self.reasoner)


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer by its names, shared ones under each of theirs."""
    return {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}
