"""What has to be known to make a reasoner again, as a configuration of the transformers library."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

import torch
from transformers import PreTrainedConfig

from hrmlab.core.batches import Batch
from hrmlab.core.components import build, flat_arguments, locate
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.layers.cache import KeyValueCache
from hrmlab.layers.likelihood import LossKind
from hrmlab.models.reasoner import Reasoner

REMOTE_FILE = "modeling_hrmlab.py"
REMOTE_CODE = '''"""Makes AutoConfig and AutoModelForCausalLM know the models of hrmlab, which has to be installed with its extra hf."""

from hrmlab.hugging_face import HRMLabConfig, HRMLabForCausalLM

__all__ = ["HRMLabConfig", "HRMLabForCausalLM"]
'''
AUTO_MAP = {"AutoConfig": "modeling_hrmlab.HRMLabConfig", "AutoModelForCausalLM": "modeling_hrmlab.HRMLabForCausalLM"}
"""What a folder says of its code: this one file, which imports this package."""


class HRMLabConfig(PreTrainedConfig):
    """A causal reasoner: its class with every argument, and the facts of the task that it was built for.

    Attributes:
        reasoner: ``_target_``, the dotted path of its class, and every argument of its constructor.
        task: the fields of :class:`hrmlab.core.task.TaskSpec` but the vocabulary's size, which is ``vocab_size``.
        likelihood: how its logits become probabilities; those of ``stablemax`` come as log-probabilities, so that softmax, sampling
            and every loss of transformers are right for them.
        max_segments: how many segments are run; None for the reasoner's own number.
        max_cycles: how many cycles of a segment; None for all.
        halting: read each token at the segment where the model wants to stop; False: after all segments.
        run: the configuration of the run that it came from, for the way back; None for a model without one.
        step: of that run, after which its weights were written.
        num_hidden_layers: layer indices that a cache needs: one for each attention of each layer, cycle and segment, and one for the rows'
            own facts. Counted when it is None.
        tie_word_embeddings: False: a token head that shares the weights of the token embedding is parted from it.
        hidden_size, num_attention_heads, max_position_embeddings: facts that other libraries look for; nothing is built from them.
    """

    model_type = "hrmlab"
    has_no_defaults_at_init: ClassVar[bool] = True

    reasoner: dict[str, Any] | None = None
    task: dict[str, Any] | None = None
    vocab_size: int = 0
    likelihood: str = "softmax"
    max_segments: int | None = None
    max_cycles: int | None = None
    halting: bool = False
    run: dict[str, Any] | None = None
    step: int | None = None
    use_cache: bool = True
    num_hidden_layers: int | None = None
    hidden_size: int | None = None
    num_attention_heads: int | None = None
    max_position_embeddings: int | None = None
    tie_word_embeddings: bool = True
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | None = None

    @classmethod
    def register_for_auto_class(cls, auto_class: Any = "AutoConfig") -> None:
        """Nothing: see :data:`REMOTE_CODE`."""

    @property
    def task_spec(self) -> TaskSpec:
        """The task that the reasoner is built for."""
        facts = dict(self.task or {})
        if facts.get("grid") is not None:
            facts["grid"] = tuple(facts["grid"])
        return TaskSpec(**facts, vocabulary_size=self.vocab_size)

    def make_reasoner(self) -> Reasoner:
        """A freshly initialised reasoner.

        Raises:
            UserError: the section names no causal reasoner, or arguments that it does not have.
        """
        section = self.reasoner
        if not section or not self.task:
            raise UserError(
                "an HRMLabConfig needs reasoner= and task=; take those of a run (hrm-convert run=... to=hf out=...) or "
                "create_hrm_model_and_tokenizer(...)"
            )
        # A configuration is data that may come from anywhere: nothing but a reasoner is called.
        kind = locate(str(section.get("_target_", "")))
        if not (isinstance(kind, type) and issubclass(kind, Reasoner)):
            raise UserError(
                f"reasoner._target_={section.get('_target_')!r} is no reasoner of hrmlab; the configuration is not one of this project"
            )
        try:
            reasoner: Reasoner = build(section, task=self.task_spec)
        except TypeError as error:
            raise UserError(f"the configuration does not fit {kind.__name__} ({error}); was it written by another version?") from None
        if self.task_spec.attention != "causal" or reasoner.sees_future is not None:
            raise UserError(
                f"{kind.__name__} for {self.task_spec.name} sees the future, so it cannot write; only causal models become transformers"
            )
        return reasoner


def config_of(reasoner: Reasoner, *, likelihood: LossKind = "softmax", **further: Any) -> HRMLabConfig:
    """The configuration that makes this reasoner's architecture again.

    Args:
        reasoner: any causal one.
        likelihood: how its logits become probabilities.
        further: other attributes, such as ``eos_token_id``.
    """
    kind, task = type(reasoner), reasoner.task
    section = {"_target_": f"{kind.__module__}.{kind.__qualname__}"}
    section |= {name: value for name, value in flat_arguments(kind, reasoner.arguments).items() if name != "task"}
    facts = {field.name: getattr(task, field.name) for field in fields(task) if field.name != "vocabulary_size"}
    return HRMLabConfig(reasoner=section, task=facts, vocab_size=task.vocabulary_size, likelihood=likelihood, **further)


def fill_in_facts(config: HRMLabConfig) -> None:
    """Set what follows from the architecture: layer indices of a cache, and sizes under the names that other libraries look for."""
    with torch.device("meta"):
        config.num_hidden_layers = 1 + _attentions(config)
    section: Mapping[str, Any] = config.reasoner or {}
    config.hidden_size = section.get("hidden_size")
    config.num_attention_heads = section.get("num_heads")
    config.max_position_embeddings = config.task_spec.sequence_length


def _attentions(config: HRMLabConfig) -> int:
    """Attentions that one step of all segments calls; 0 for a reasoner that keeps no keys and values."""
    reasoner = config.make_reasoner().eval()
    positions = reasoner.prefix_length + 1
    state = reasoner.decoding_state(capacity=positions)
    if not isinstance(state, KeyValueCache):
        return 0
    token = torch.zeros(1, 1, dtype=torch.int64)
    state.begin(torch.arange(positions)[None], counts=torch.full((1,), positions), longest=positions)
    carry = reasoner.initial_carry(1, positions)
    for _ in range(config.max_segments or reasoner.max_segments):
        carry, _ = reasoner(carry, Batch(token, token, token[:, 0]), state)
    return len(state)
