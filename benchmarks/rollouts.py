"""Sampling as GRPO does it, by ``generate`` with a cache: each arm as a model of transformers, beside the library's GPT-2 of its size."""

import statistics
import time
from importlib import import_module
from typing import Any

import torch

from hrmlab.budget.solver import build_reasoner
from hrmlab.config.composition import composer
from hrmlab.core.task import TaskSpec

REPETITIONS = 5
DEFAULTS = {"arms": "enhanced_hrm,hrm,transformer", "size": "nano", "rows": "64", "prompt": "12", "tokens": "48"}
VOCABULARY, LAYERS = 104, 4


def rollouts(options: dict[str, str]) -> dict[str, Any]:
    """Tokens per processor second of all rows together, fp32: medians of alternating repetitions, and how they compare with GPT-2."""
    from hrmlab.hugging_face import HRMLabForCausalLM, config_of

    torch.set_num_threads(int(options["threads"]))
    asked = {**DEFAULTS, **options}
    prompt, tokens, rows = int(asked["prompt"]), int(asked["tokens"]), int(asked["rows"])
    task = TaskSpec(name="bench", sequence_length=prompt + tokens, vocabulary_size=VOCABULARY, attention="causal", next_token=True)
    models: dict[str, Any] = {}
    for arm in asked["arms"].split(","):
        with composer() as composing:
            config = composing.compose(["experiments=rl/quick", f"model={arm}", f"size={asked['size']}"]).config.to_plain()
        reasoner, budget = build_reasoner(model=config["model"], task=task, size=config["size"], match="parameters", seed=0)
        models[arm] = HRMLabForCausalLM(config_of(reasoner, pad_token_id=0, eos_token_id=3)).eval()
        models.setdefault("gpt2", _gpt2(budget.parameters, length=prompt + tokens))
    prompts = torch.randint(4, VOCABULARY, (rows, prompt), generator=torch.Generator().manual_seed(0))
    times: dict[str, list[float]] = {name: [] for name in models}
    for repetition in range(REPETITIONS + 1):
        for name, model in models.items():
            torch.manual_seed(repetition)
            began = time.process_time()
            model.generate(
                input_ids=prompts, attention_mask=torch.ones_like(prompts), do_sample=True, max_new_tokens=tokens, min_new_tokens=tokens
            )
            if repetition:  # the first is not timed
                times[name].append(time.process_time() - began)
    return {
        name: {
            "parameters": sum(value.numel() for value in models[name].parameters()),
            "tokens_per_cpu_second": round(rows * tokens / statistics.median(taken)),
            "cost_beside_gpt2": round(statistics.median(mine / theirs for mine, theirs in zip(taken, times["gpt2"], strict=True)), 2),
        }
        for name, taken in times.items()
    }


def _gpt2(parameters: int, *, length: int) -> Any:
    """GPT-2 of transformers with fresh weights, as wide as comes closest to so many parameters at the depth of the arms."""
    library = import_module("transformers")  # there with the extra alone
    special = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 3}

    def made(width: int) -> Any:
        sizes = {"vocab_size": VOCABULARY, "n_positions": length, "n_embd": width, "n_layer": LAYERS, "n_head": width // 16}
        return library.GPT2LMHeadModel(library.GPT2Config(**sizes, **special)).eval()

    def missed(width: int) -> int:
        with torch.device("meta"):
            return abs(sum(value.numel() for value in made(width).parameters()) - parameters)

    return made(min(range(16, 512, 16), key=missed))
