"""Runs as folders of transformers, and such folders as runs."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hrmlab.config.composition import Composer
from hrmlab.config.configuration import Configuration
from hrmlab.core.errors import UserError
from hrmlab.data.task import Task
from hrmlab.hugging_face import HRMLabForCausalLM, config_of, hugging_face_tokenizer, write_folder
from hrmlab.hugging_face.card import model_card
from hrmlab.runs.directory import RunDirectory
from hrmlab.workflows.convert import chosen_task, fixed_configuration, write_run
from hrmlab.workflows.opened import OpenedRun

STUDY = "hugging_face"
"""The study of runs that come from a folder, unless another is named."""


def to_folder(opened: OpenedRun, folder: Path) -> list[str]:
    """Write a run as a folder that one could push to the hub; what to know of it, one sentence each.

    Raises:
        UserError: a model that does not write from left to right, a tokenizer that transformers cannot have, or a folder that holds
            something already.
    """
    reasoner, config, run = opened.reasoner, opened.config, opened.run
    assert config is not None
    assert run is not None
    if reasoner.task.attention != "causal" or not reasoner.task.next_token:
        raise UserError(f"{reasoner.task.name} is not written from left to right, so its models are no language models; use to=FOLDER")
    notes = []
    written = opened.task.written()
    # Where a run lies is nobody's business but its owner's.
    described = {key: value for key, value in config.to_plain().items() if key != "output_root"}
    further: dict[str, Any] = {"run": described, "step": opened.step}
    tokenizer = None
    if written is None:
        notes.append(f"{reasoner.task.name} has no text, so the folder has no tokenizer")
    else:
        tokenizer = hugging_face_tokenizer(written.tokenizer, sequence_length=reasoner.task.sequence_length)
        further |= {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    model = HRMLabForCausalLM(config_of(reasoner, likelihood=opened.computation.likelihood, **further)).eval()
    model.reasoner.load_state_dict(reasoner.state_dict())
    model.generation_config.max_new_tokens = config.evaluation.max_new_tokens
    if config.training.precision != "fp32":
        notes.append(
            f"the weights are float32; the run computed in {config.training.precision}: from_pretrained(..., dtype=torch.bfloat16)"
        )
    labels = run.labels
    card = model_card(
        name=f"{labels.arm} on {labels.task}",
        folder=folder.name,
        architecture=type(reasoner).__name__,
        facts={"study": labels.study, "seed": labels.seed, "step": opened.step, "run": run.hash},
        budget=run.read_json("budget.json"),
        audit=run.read_json("audit.json"),
        scores=_scores(run.read_json("summary.json")),
    )
    write_folder(folder, model, tokenizer, card=card)
    return notes


def _scores(summary: Mapping[str, Any] | None) -> dict[str, float]:
    """The measures of the test split that are numbers."""
    found = (summary or {}).get("test") or {}
    return {name: value for name, value in found.items() if isinstance(value, int | float) and math.isfinite(value)}


def from_folder(
    folder: Path,
    *,
    composing: Composer,
    data: str | None,
    changes: Mapping[str, Any],
    study: str | None,
    arm: str | None,
    output_root: str | None,
) -> RunDirectory:
    """A run directory that holds the weights of such a folder.

    Args:
        folder: as :func:`to_folder` or ``save_pretrained`` wrote it.
        composing: gives the values of everything that the folder says nothing of.
        data: the task, a choice of ``conf/data``; None for that of the run that it came from.
        changes: keys of the data section.
        study, arm, output_root: names of the new run; None for :data:`STUDY`, the arm that it had (or its model's name), and ``outputs``.

    Raises:
        UserError: no such folder, weights that do not fit the task, or no task where the folder does not know its run.
    """
    if not (folder / "config.json").is_file():
        raise UserError(
            f"hf={folder} is no folder of transformers (it has no config.json); hrm-convert run=... to=hf out=FOLDER writes one"
        )
    model: HRMLabForCausalLM = HRMLabForCausalLM.from_pretrained(folder)
    if model.untied:
        raise UserError(
            f"hf={folder} has a token head of its own (tie_word_embeddings=false), and its model shares that of its embedding; "
            "give one whose weights are tied"
        )
    known = model.config.run
    if data is None and known is None:
        raise UserError(f"hf={folder} does not say which task its model was made for; name it: data=CHOICE")
    names = {"study": study or STUDY, "output_root": output_root or "outputs"}
    if data is None:
        config = Configuration.from_plain({**(known or {}), **names, **({"arm": arm} if arm else {})})
        task: Task = config.data.build()
    else:
        base, task = chosen_task(composing, data, changes)
        config = fixed_configuration(model.reasoner, base, size=STUDY, likelihood=model.config.likelihood, names={**names, "arm": arm})
    return write_run(config, task, model.reasoner.state_dict(), source=folder, step=model.config.step)
