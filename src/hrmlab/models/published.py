"""Published checkpoints, loaded into this project's reasoners."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.hrm import HRM
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.trm import TRM, MixerTRM

_WRAPPERS = re.compile(r"^(?:_orig_mod\.|module\.|model\.|inner\.)+")
_BLOCK_NAMES = (
    (r"self_attn\.qkv_proj\.", "attention.query_key_value."),
    (r"self_attn\.o_proj\.", "attention.output."),
    (r"mlp_t\.gate_up_proj\.", "position_mlp.gate_up."),
    (r"mlp_t\.down_proj\.", "position_mlp.down."),
    (r"mlp\.gate_up_proj\.", "mlp.gate_up."),
    (r"mlp\.down_proj\.", "mlp.down."),
)
_OUTER_NAMES = (
    (r"H_init$", "h_initial"),
    (r"L_init$", "l_initial"),
    (r"embed_tokens\.embedding_weight$", "embedding.token.weight"),
    (r"embed_pos\.embedding_weight$", "embedding.position.weight"),
    (r"puzzle_emb\.weights$", "embedding.puzzle.weight"),
    (r"lm_head\.", "token_head."),
    (r"q_head\.", "halting_head."),
)
WIDTH_MULTIPLE = 256
# Buffers of the releases that hold scratch space or can be recomputed.
_NOT_STATE = re.compile(r"^(?:puzzle_emb\.local_(?:weights|ids)|rotary_emb\..*)$")


@dataclass(frozen=True)
class _Release:
    """A published family.

    Attributes:
        label: in sentences.
        build: a reasoner of a published configuration.
        levels: the release's stacks of layers -> ours.
    """

    label: str
    build: Callable[[Mapping[str, Any]], Reasoner]
    levels: Mapping[str, str]


def translate_name(kind: str, name: str) -> str | None:
    """The parameter's name here for its name in a checkpoint of a published kind; None for a buffer that is not state.

    Raises:
        UserError: the name belongs to no model of this kind.
    """
    release, bare = _RELEASES[kind], _WRAPPERS.sub("", name)
    if _NOT_STATE.match(bare):
        return None
    for pattern, replacement in _OUTER_NAMES:
        if re.match(pattern, bare):
            return re.sub(f"^{pattern}", replacement, bare)
    layer = re.match(r"^(\w+)\.layers\.(\d+)\.(.*)$", bare)
    if layer is not None and layer[1] in release.levels:
        for pattern, replacement in _BLOCK_NAMES:
            if re.match(pattern, layer[3]):
                return f"{release.levels[layer[1]]}.blocks.{layer[2]}." + re.sub(f"^{pattern}", replacement, layer[3])
    raise UserError(
        f"checkpoint tensor '{name}' is not part of a published {release.label}; check that kind and checkpoint belong together"
    )


def kind_of(state_dict: Mapping[str, Tensor]) -> str:
    """The published kind that a checkpoint's tensors tell: HRM has two levels, TRM one network."""
    return "hrm" if any(_WRAPPERS.sub("", name).startswith("H_level.") for name in state_dict) else "trm"


def published_mlp_width(size: int, expansion: float) -> int:
    """Channels inside an MLP of the releases: 2/3 of the expansion, rounded up to a multiple of 256."""
    return -(-round(expansion * size * 2 / 3) // WIDTH_MULTIPLE) * WIDTH_MULTIPLE


def _common(config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that both families have."""
    return {
        "task": TaskSpec(
            name="published",
            sequence_length=config["seq_len"],
            vocabulary_size=config["vocab_size"],
            puzzle_ids=max(1, config.get("num_puzzle_identifiers", 1)),
        ),
        "hidden_size": config["hidden_size"],
        "num_heads": config["num_heads"],
        "mlp_width": published_mlp_width(config["hidden_size"], config["expansion"]),
        "h_cycles": config["H_cycles"],
        "l_cycles": config["L_cycles"],
        "segments": SegmentOptions(
            max_segments=config["halt_max_steps"], exploration=config.get("halt_exploration_prob", 0.0), halting=True
        ),
        "embedding": EmbeddingOptions(
            positions=config.get("pos_encodings", "none"),
            rope_theta=config.get("rope_theta", 10000.0),
            puzzle_embedding_size=config.get("puzzle_emb_ndim", 0),
        ),
        "norm_epsilon": config.get("rms_norm_eps", 1e-5),
    }


def _build_hrm(config: Mapping[str, Any]) -> HRM:
    return HRM(**_common(config), h_layers=config["H_layers"], l_layers=config["L_layers"])


def _build_trm(config: Mapping[str, Any]) -> TRM | MixerTRM:
    """A key that the configuration leaves out has the release's default: 16 puzzle positions, attention, no score of continuing."""
    arguments = {
        **_common(config),
        "layers": config["L_layers"],
        "continues": not config.get("no_ACT_continue", True),
        "puzzle_positions": config.get("puzzle_emb_len", 16),
    }
    if not config.get("mlp_t", False):
        return TRM(**arguments)
    size = config.get("puzzle_emb_ndim", 0)
    prefix = (arguments["puzzle_positions"] or -(-size // config["hidden_size"])) if size else 0
    return MixerTRM(**arguments, position_width=published_mlp_width(config["seq_len"] + prefix, config["expansion"]))


_RELEASES = {
    "hrm": _Release("HRM", _build_hrm, {"H_level": "h_level", "L_level": "l_level"}),
    "trm": _Release("TRM", _build_trm, {"L_level": "network"}),
}


def load_published(kind: str, config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> Reasoner:
    """A reasoner with a published model's configuration and weights.

    Args:
        kind: ``hrm`` (the release of Wang et al. 2025) or ``trm`` (that of Jolicoeur-Martineau 2025).
        config: the model's own configuration, keys as published (``hidden_size``, ``H_cycles``, ``pos_encodings``, ...).
        state_dict: tensors under their published names, with or without ``_orig_mod.``, ``model.`` and ``inner.`` prefixes.

    Returns:
        The reasoner in float32, whose predictions carry ``logits``, ``q_halt_logits`` and, where it learned to continue,
        ``q_continue_logits``. A TRM that did not has a second halting score in its checkpoint, never trained nor used: it is left out.

    Raises:
        UserError: unknown kind, missing configuration key, or tensors that do not fit the configuration.
    """
    if kind not in _RELEASES:
        raise UserError(f"kind='{kind}' is not a published model known here; choose one of: {', '.join(_RELEASES)}")
    try:
        reasoner = _RELEASES[kind].build(config)
    except KeyError as missing:
        raise UserError(f"published config lacks the key {missing}; pass the whole 'arch' section of the checkpoint's config") from None
    translated = {new: tensor.to(torch.float32) for old, tensor in state_dict.items() if (new := translate_name(kind, old)) is not None}
    if not reasoner.continues:
        translated |= {name: tensor[:1] for name, tensor in translated.items() if name.startswith("halting_head.")}
    expected = reasoner.state_dict()
    missing, surplus = sorted(expected.keys() - translated.keys()), sorted(translated.keys() - expected.keys())
    shapes = [name for name in expected.keys() & translated.keys() if expected[name].shape != translated[name].shape]
    if missing or surplus or shapes:
        raise UserError(
            f"checkpoint does not fit its config: missing {missing or 'nothing'}, surplus {surplus or 'nothing'}, "
            f"other shapes {sorted(shapes) or 'nothing'}; pass the config that was saved beside the checkpoint"
        )
    reasoner.load_state_dict(translated)
    return reasoner
