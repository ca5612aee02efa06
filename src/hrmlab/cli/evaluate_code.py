"""The part of hrm-eval that is about code."""

from collections.abc import Mapping
from typing import Any

from hrmlab.core.errors import UserError


def evaluation_settings(chosen: str | None, base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The evaluation section: that of the run, or a choice of conf/evaluation, with the user's changes.

    Raises:
        UserError: no such choice, an unknown key, or a bad value.
    """
    from hrmlab.config.composition import composer
    from hrmlab.config.validation import validate_section

    if chosen is not None:
        with composer() as composing:
            base = composing.compose([f"evaluation={chosen}"]).config.to_plain()["evaluation"]
    return validate_section("evaluation", {**base, **changes})


def is_code(data: Mapping[str, Any]) -> bool:
    """Whether a data section is of a code task."""
    from hrmlab.core.components import locate
    from hrmlab.data.code.task import CodeTask

    component = locate(data["_target_"])
    return isinstance(component, type) and issubclass(component, CodeTask)


def rescore_generations(path: str, *, run: str | None, settings: dict[str, Any], progress: bool) -> int:
    """Score saved completions and say how; the exit code."""
    from hrmlab.runs.directory import RunDirectory
    from hrmlab.workflows.score_code import rescore

    results, folder = rescore(path, run=RunDirectory.open(run) if run else None, settings=settings, progress=progress)
    show(results, folder)
    return 0


def show(results: Mapping[str, Mapping[str, Any]], folder: Any) -> None:
    """Every set's score in one line, and where everything lies."""
    for name, result in results.items():
        print(f"{name}: {sentence(result)}")
    print(f"results: {folder}")


def sentence(result: Mapping[str, Any]) -> str:
    """A set's score in one line."""
    parts = []
    for key, value in result.items():
        if not key.startswith("pass_at_") or not isinstance(value, float):
            continue
        low, high = result.get(f"{key}_interval", (value, value))
        parts.append(f"pass@{key.removeprefix('pass_at_')} {value:.2%} (95 % interval {low:.2%} to {high:.2%})")
    parts += [str(value) for key, value in result.items() if key.endswith("_reason")]
    if "bits_per_byte" in result:
        low, high = result.get("bits_per_byte_interval", (result["bits_per_byte"],) * 2)
        parts.append(f"{result['bits_per_byte']:.3f} bits per byte ({low:.3f} to {high:.3f})")
    if result.get("clipped"):
        parts.append(f"{result['clipped']} prompts were longer than the model reads and lost their beginning")
    if not parts:
        raise UserError("nothing was scored: the problems have neither tests nor solutions")
    return f"{result['count']} problems, " + "; ".join(parts) + (f"; sandbox {result['tier']}" if result.get("tier") else "")
