"""Published checkpoints, loaded into this project's reasoners."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.hrm import HRM
from hrmlab.models.reasoner import Reasoner

_WRAPPERS = re.compile(r"^(?:_orig_mod\.|module\.|model\.|inner\.)+")
_HRM_NAMES = (
    (re.compile(r"^([HL])_level\.layers\.(\d+)\.self_attn\.qkv_proj\."), r"\1_level.blocks.\2.attention.query_key_value."),
    (re.compile(r"^([HL])_level\.layers\.(\d+)\.self_attn\.o_proj\."), r"\1_level.blocks.\2.attention.output."),
    (re.compile(r"^([HL])_level\.layers\.(\d+)\.mlp\.gate_up_proj\."), r"\1_level.blocks.\2.mlp.gate_up."),
    (re.compile(r"^([HL])_level\.layers\.(\d+)\.mlp\.down_proj\."), r"\1_level.blocks.\2.mlp.down."),
    (re.compile(r"^([HL])_init$"), r"\1_initial"),
    (re.compile(r"^embed_tokens\.embedding_weight$"), "embedding.token.weight"),
    (re.compile(r"^embed_pos\.embedding_weight$"), "embedding.position.weight"),
    (re.compile(r"^puzzle_emb\.weights$"), "embedding.puzzle.weight"),
    (re.compile(r"^lm_head\."), "token_head."),
    (re.compile(r"^q_head\."), "halting_head."),
)
# Buffers of the release that hold scratch space or can be recomputed.
_NOT_STATE = re.compile(r"^(?:puzzle_emb\.local_(?:weights|ids)|rotary_emb\..*)$")


def translate_hrm_name(name: str) -> str | None:
    """The parameter's name here for its name in an HRM checkpoint; None for a buffer that is not state.

    Raises:
        UserError: the name belongs to no HRM.
    """
    bare = _WRAPPERS.sub("", name)
    if _NOT_STATE.match(bare):
        return None
    for pattern, replacement in _HRM_NAMES:
        if pattern.match(bare):
            translated = pattern.sub(replacement, bare)
            return translated[0].lower() + translated[1:] if translated[:2] in ("H_", "L_") else translated
    raise UserError(f"checkpoint tensor '{name}' is not part of a published HRM; check that kind and checkpoint belong together")


def _published_mlp_width(hidden_size: int, expansion: float) -> int:
    """The release rounds 2/3 of the expansion up to a multiple of 256."""
    return -(-round(expansion * hidden_size * 2 / 3) // 256) * 256


def _build_hrm(config: Mapping[str, Any]) -> HRM:
    try:
        task = TaskSpec(
            name="published",
            sequence_length=config["seq_len"],
            vocabulary_size=config["vocab_size"],
            puzzle_ids=max(1, config.get("num_puzzle_identifiers", 1)),
        )
        return HRM(
            task=task,
            hidden_size=config["hidden_size"],
            num_heads=config["num_heads"],
            mlp_width=_published_mlp_width(config["hidden_size"], config["expansion"]),
            h_layers=config["H_layers"],
            l_layers=config["L_layers"],
            h_cycles=config["H_cycles"],
            l_cycles=config["L_cycles"],
            segments=SegmentOptions(
                max_segments=config["halt_max_steps"], exploration=config.get("halt_exploration_prob", 0.0), halting=True
            ),
            embedding=EmbeddingOptions(
                positions=config.get("pos_encodings", "none"),
                rope_theta=config.get("rope_theta", 10000.0),
                puzzle_embedding_size=config.get("puzzle_emb_ndim", 0),
            ),
            norm_epsilon=config.get("rms_norm_eps", 1e-5),
        )
    except KeyError as missing:
        raise UserError(f"published config lacks the key {missing}; pass the whole 'arch' section of the checkpoint's config") from None


_KINDS: dict[str, tuple[Callable[[Mapping[str, Any]], Reasoner], Callable[[str], str | None]]] = {
    "hrm": (_build_hrm, translate_hrm_name),
}


def load_published(kind: str, config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> Reasoner:
    """A reasoner with a published model's configuration and weights.

    Args:
        kind: ``hrm`` (the release of Wang et al. 2025).
        config: the model's own configuration, keys as published (``hidden_size``, ``H_cycles``, ``pos_encodings``, ...).
        state_dict: tensors under their published names, with or without ``_orig_mod.``, ``model.`` and ``inner.`` prefixes.

    Returns:
        The reasoner in float32, whose predictions carry ``logits``, ``q_halt_logits`` and ``q_continue_logits``.

    Raises:
        UserError: unknown kind, missing configuration key, or tensors that do not fit the configuration.
    """
    if kind not in _KINDS:
        raise UserError(f"kind='{kind}' is not a published model known here; choose one of: {', '.join(_KINDS)}")
    build, translate = _KINDS[kind]
    reasoner = build(config)
    translated = {new: tensor.to(torch.float32) for old, tensor in state_dict.items() if (new := translate(old)) is not None}
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
