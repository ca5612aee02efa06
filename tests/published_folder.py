"""A folder as the HRM release has it, with random weights."""

from pathlib import Path

import torch
import yaml

from hrmlab.data.sudoku.task import SudokuTask
from hrmlab.models.published import load_published


def released(folder: Path, task: SudokuTask, *, puzzle_ids: int = 3) -> Path:
    """A folder as the release has it: all_config.yaml with a section arch, and step_<n> with the names of the compiled module."""
    config = {
        "hidden_size": 16, "num_heads": 2, "expansion": 4, "H_layers": 1, "L_layers": 1, "H_cycles": 1, "L_cycles": 1, "halt_max_steps": 2,
        "halt_exploration_prob": 0.1, "pos_encodings": "rope", "puzzle_emb_ndim": 16,
    }  # fmt: skip
    width = 256
    generator = torch.Generator().manual_seed(0)
    names = {"embed_tokens.embedding_weight": (task.spec.vocabulary_size, 16), "lm_head.weight": (task.spec.vocabulary_size, 16)}
    names |= {"q_head.weight": (2, 16), "q_head.bias": (2,), "H_init": (16,), "L_init": (16,), "puzzle_emb.weights": (puzzle_ids, 16)}
    for level in "HL":
        block = f"{level}_level.layers.0"
        names |= {f"{block}.self_attn.qkv_proj.weight": (48, 16), f"{block}.self_attn.o_proj.weight": (16, 16)}
        names |= {f"{block}.mlp.gate_up_proj.weight": (2 * width, 16), f"{block}.mlp.down_proj.weight": (16, width)}
    state = {f"_orig_mod.model.inner.{name}": torch.randn(shape, generator=generator) * 0.1 for name, shape in names.items()}
    folder.mkdir()
    (folder / "all_config.yaml").write_text(yaml.safe_dump({"arch": {"name": "hrm.hrm_act_v1@HRM", **config}, "data_path": "data/x"}))
    torch.save(state, folder / "step_12")
    torch.save(state, folder / "step_3")
    facts = {"seq_len": 16, "vocab_size": task.spec.vocabulary_size, "num_puzzle_identifiers": puzzle_ids}
    load_published("hrm", {**config, **facts}, state)  # the names above are the release's
    return folder
