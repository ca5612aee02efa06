"""A reasoner of this project in the form of a published family: the other way round of :mod:`hrmlab.models.published`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from hrmlab.core.components import flat_arguments
from hrmlab.core.errors import UserError
from hrmlab.models.hrm import HRM
from hrmlab.models.published import WIDTH_MULTIPLE, load_published, published_mlp_width
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.trm import TRM, MixerTRM

_PREFIX = "model.inner."
"""The releases know only MLPs whose width is a multiple of it."""
_INNER_NAMES = {
    "attention.query_key_value.": "self_attn.qkv_proj.",
    "attention.output.": "self_attn.o_proj.",
    "position_mlp.gate_up.": "mlp_t.gate_up_proj.",
    "position_mlp.down.": "mlp_t.down_proj.",
    "mlp.gate_up.": "mlp.gate_up_proj.",
    "mlp.down.": "mlp.down_proj.",
}
_OUTER_NAMES = {
    "h_initial": "H_init",
    "l_initial": "L_init",
    "embedding.token.weight": "embed_tokens.embedding_weight",
    "embedding.position.weight": "embed_pos.embedding_weight",
    "embedding.puzzle.weight": "puzzle_emb.weights",
    "token_head.weight": "lm_head.weight",
    "halting_head.weight": "q_head.weight",
    "halting_head.bias": "q_head.bias",
}


@dataclass(frozen=True, kw_only=True)
class PublishedForm:
    """What a release would have saved.

    Attributes:
        kind: the family, as :func:`hrmlab.models.published.load_published` calls it.
        config: the keys of the release's configuration, facts of the data among them.
        tensors: under the release's names, float32.
        notes: in which ways the form differs from the reasoner without saying anything else, one sentence each.
    """

    kind: str
    config: dict[str, Any]
    tensors: dict[str, Tensor]
    notes: list[str]


@dataclass(frozen=True)
class _Family:
    """A published family.

    Attributes:
        architecture: the release's name of the model.
        levels: our stacks -> the release's.
        config: keys of its own, from the arguments of the reasoner.
    """

    architecture: str
    levels: Mapping[str, str]
    config: Callable[[Mapping[str, Any]], dict[str, Any]]


_TRM = "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1"


def _trm_config(arguments: Mapping[str, Any], *, mlp_t: bool) -> dict[str, Any]:
    return {
        "H_layers": 0,
        "L_layers": arguments["layers"],
        "mlp_t": mlp_t,
        "no_ACT_continue": not arguments["continues"],
        "puzzle_emb_len": arguments["puzzle_positions"],
    }


_FAMILIES: dict[type[Reasoner], tuple[str, _Family]] = {
    HRM: (
        "hrm",
        _Family(
            "hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1",
            {"h_level": "H_level", "l_level": "L_level"},
            lambda arguments: {
                "H_layers": arguments["h_layers"],
                "L_layers": arguments["h_layers" if arguments["shared_levels"] else "l_layers"],
            },
        ),
    ),
    TRM: ("trm", _Family(_TRM, {"network": "L_level"}, lambda arguments: _trm_config(arguments, mlp_t=False))),
    MixerTRM: ("trm", _Family(_TRM, {"network": "L_level"}, lambda arguments: _trm_config(arguments, mlp_t=True))),
}


def published_form(reasoner: Reasoner) -> PublishedForm:
    """The same function in a release's own terms.

    MLPs are widened to the next width that the release knows, with units that are zero; a reasoner without halting gets a head that never
    stops; a module that plays two parts is written twice.

    Raises:
        UserError: no published family has such a reasoner, or not its attention.
    """
    if type(reasoner) not in _FAMILIES:
        known = ", ".join(kind for kind, _ in _FAMILIES.values())
        raise UserError(f"{type(reasoner).__name__} is of no published family and cannot be written as one; families are {known}")
    kind, family = _FAMILIES[type(reasoner)]
    arguments, task = flat_arguments(type(reasoner), reasoner.arguments), reasoner.task
    if task.attention != "full":
        raise UserError(f"{type(reasoner).__name__} with causal attention has no published form: the release attends in both directions")
    if arguments["damping"] or arguments["random_start"] not in (0.0, 1.0):
        raise UserError(
            f"model.damping={arguments['damping']:g} and model.random_start={arguments['random_start']:g} have no published form: the "
            "release has undamped updates and a fixed start; only damping 0 with a random_start of 0 or 1 can be written"
        )
    notes: list[str] = []
    hidden, state = arguments["hidden_size"], reasoner.state_dict()
    # The release sets the width of every MLP by one number, against the size that it mixes.
    widths = {"mlp": (arguments["mlp_width"], hidden)}
    over_positions = [tensor.shape for name, tensor in state.items() if name.endswith(".position_mlp.down.weight")]
    if over_positions:
        widths["position_mlp"] = (over_positions[0][1], over_positions[0][0])
    expansion = max(1.5 * (-(-width // WIDTH_MULTIPLE) * WIDTH_MULTIPLE) / size for width, size in widths.values())
    wider = {name: published_mlp_width(size, expansion) for name, (_, size) in widths.items()}
    added = {name: wider[name] - width for name, (width, _) in widths.items()}
    for name, (width, _) in widths.items():
        if added[name]:
            where = "MLPs" if name == "mlp" else "MLPs over positions"
            notes.append(
                f"{where} are {wider[name]} wide and not {width}, the added units zero: the release knows multiples of {WIDTH_MULTIPLE}"
            )
    tensors = {}
    for name, tensor in state.items():
        kind_of_mlp = name.split(".")[-3] if name.count(".") > 2 else ""
        widened = _widened(name, tensor.detach().float().cpu(), added.get(kind_of_mlp, 0))
        tensors[_PREFIX + _name(name, family)] = widened.contiguous().clone()
    if reasoner.halts and not reasoner.continues:  # the release has a second score, never trained nor used
        for name in ("q_head.weight", "q_head.bias"):
            score = tensors[_PREFIX + name]
            tensors[_PREFIX + name] = torch.cat((score, torch.zeros_like(score)))
    if arguments.get("shared_levels"):
        notes.append("the module that plays both parts is written twice: the release has two")
    if not reasoner.halts:
        notes.append("a halting head that never stops was added: the release always has one")
        tensors |= {f"{_PREFIX}q_head.weight": torch.zeros(2, hidden), f"{_PREFIX}q_head.bias": torch.zeros(2)}
    config = {
        "name": family.architecture,
        "hidden_size": hidden,
        "num_heads": arguments["num_heads"],
        "expansion": expansion,
        **family.config(arguments),
        "H_cycles": arguments["h_cycles"],
        "L_cycles": arguments["l_cycles"],
        "halt_max_steps": arguments["max_segments"],
        "halt_exploration_prob": arguments["exploration"],
        "pos_encodings": arguments["positions"],
        "rope_theta": arguments["rope_theta"],
        "puzzle_emb_ndim": arguments["puzzle_embedding_size"],
        "rms_norm_eps": arguments["norm_epsilon"],
        "seq_len": task.sequence_length,
        "vocab_size": task.vocabulary_size,
        "num_puzzle_identifiers": task.puzzle_ids,
    }
    load_published(kind, config, tensors)  # what cannot be read again is not written
    return PublishedForm(kind=kind, config=config, tensors=tensors, notes=notes)


def _name(name: str, family: _Family) -> str:
    """The release's name of a parameter."""
    if name in _OUTER_NAMES:
        return _OUTER_NAMES[name]
    level, _, rest = name.partition(".blocks.")
    layer, _, inner = rest.partition(".")
    for own, published in _INNER_NAMES.items():
        if level in family.levels and inner.startswith(own):
            return f"{family.levels[level]}.layers.{layer}.{published}{inner.removeprefix(own)}"
    raise UserError(f"the tensor {name} has no name in the release; only models whose every part it knows can be written")


def _widened(name: str, tensor: Tensor, units: int) -> Tensor:
    """An MLP's matrix with so many more units, all zero; any other tensor as it is."""
    if name.endswith("mlp.gate_up.weight"):
        return torch.cat([pad(half, (0, 0, 0, units)) for half in tensor.chunk(2)])
    return pad(tensor, (0, units)) if name.endswith("mlp.down.weight") else tensor
