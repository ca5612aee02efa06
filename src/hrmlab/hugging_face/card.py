"""The model card of a folder (README.md): what the model is, what it cost, what was checked, how to use it."""

from collections.abc import Mapping
from typing import Any

_USE = """\
## Use

    pip install "hrmlab[hf]"

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("{folder}", trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained("{folder}")
inputs = tokenizer({prompt!r}, return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs)[0], skip_special_tokens=True))
```

The remote code is one line that imports hrmlab; `import hrmlab.hugging_face` beforehand makes it needless. `generate` further takes
`max_segments=` and `max_cycles=`, which bound how long the model thinks about each token, and `halting=True`.
"""


def model_card(
    *,
    name: str,
    folder: str,
    architecture: str,
    facts: Mapping[str, Any],
    budget: Mapping[str, Any] | None,
    audit: Mapping[str, Any] | None,
    scores: Mapping[str, float],
    prompt: str = "def add(a, b):\n",
) -> str:
    """The card as Markdown.

    Args:
        name: its title.
        folder: name of the folder.
        architecture: the reasoner's class.
        facts: what else is known of it, by name.
        budget: budget.json of its run; None where there is none.
        audit: audit.json of its run; None where there is none.
        scores: measures of its run's test split by name, in the unit that the run recorded.
        prompt: of the example.
    """
    front = "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- hrmlab\n- custom_code\n---\n"
    parts = [front, f"# {name}\n", f"`{architecture}`, a causal reasoner of hrmlab.\n", _table("what", "value", facts)]
    if budget:
        parts += ["## Budget\n", _table("what", "value", _budget(budget))]
    parts += ["## Audit\n", _audit(audit)]
    if scores:
        parts += ["## Test split\n", _table("measure", "value", {name: f"{value:.4g}" for name, value in scores.items()})]
    return "\n".join([*parts, _USE.format(folder=folder, prompt=prompt)])


def _budget(budget: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"parameters (size {budget['size']})": f"{budget['parameters']:,}",
        "without embeddings and heads": f"{budget['non_embedding_parameters']:,}",
        f"made equal in its comparison ({budget['match']})": f"{budget['target_parameters']:,}, missed by {budget['gap']:+.2%}",
        "floating-point operations of an answer": f"{budget['flops_per_inference_example']:.3g}",
        "floating-point operations to learn an example": f"{budget['flops_per_training_example']:.3g}",
    }


def _audit(audit: Mapping[str, Any] | None) -> str:
    if not audit:
        return "No audit was recorded for this model.\n"
    lines = []
    if causality := audit.get("causality"):
        leaks = causality.get("leaks") or []
        lines.append(f"- causality: {'nothing sees the future' if not leaks else f'LEAKS, {len(leaks)} found'}")
    if contamination := audit.get("contamination"):
        for name, found in (contamination.get("sets") or {}).items():
            hits = {kind: share for kind, share in (found.get("hits") or {}).items() if share}
            told = ", ".join(f"{kind} {share:g}" for kind, share in hits.items()) or "none"
            lines.append(f"- problems of `{name}` that the training text has something in common with: {told}")
    if sandbox := audit.get("sandbox"):
        lines.append(f"- programs were run in the sandbox: {sandbox}")
    return "\n".join(lines or ["Nothing was audited."]) + "\n"


def _table(one: str, other: str, rows: Mapping[str, Any]) -> str:
    lines = [f"| {one} | {other} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    return "\n".join(lines) + "\n"
