"""Synthetic run directories of code tasks, made from those of puzzles: pass@1 by set and depth, likelihood, audits."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hrmlab.core.measures import Measure
from hrmlab.runs.directory import RunDirectory
from hrmlab.statistics.intervals import wilson_interval
from run_factory import make_run

SENTENCE = "changing token 3 changes the logits at position 1 in segment 1 by 0.42"
PASSING = {"hrm": 0.44, "transformer": 0.31, "deep_supervision_transformer": 0.37}
DEPTHS = {"test": (1, 2, 3), "test_deeper": (4, 5), "test_unseen_composition": (2, 3)}
SHARE = {"test": 1.0, "test_deeper": 0.25, "test_unseen_composition": 0.6, "humaneval": 0.03}
PROBLEMS = 120


def make_code_run(
    output_root: Path,
    *,
    study: str = "code",
    arm: str = "hrm",
    seed: int = 0,
    share: float | None = None,
    leaks: bool = False,
    audited: bool = True,
    others: tuple[str, ...] = ("test_deeper", "test_unseen_composition"),
    sampling: dict[str, Any] | None = None,
    ks: tuple[int, ...] = (1,),
    contamination: dict[str, Any] | None = None,
) -> RunDirectory:
    """A completed run of ``synthetic_code``; ``share`` is pass@1 on the test split, about ``PASSING`` of the arm where not given."""
    random = np.random.default_rng([seed, len(arm), 7])
    if share is None:
        share = PASSING.get(arm, 0.3) + random.normal(0, 0.01)
    run = make_run(
        output_root,
        study=study,
        task="synthetic_code",
        arm=arm,
        seed=seed,
        accuracy=share / 3,
        config={"data": {"name": "synthetic_code", "protocol": "disjoint"}, "evaluation": {"samples": 1, "temperature": 0.0}},
        data=_data(("test", *others)),
        examples=PROBLEMS,
    )
    settings = {"samples": 1, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 256, "stop": [], "halting": False, "timeout": 3.0}
    settings |= sampling or {}
    passed = np.zeros(PROBLEMS, dtype=bool)
    passed[np.argsort(np.arange(PROBLEMS) % 7 + random.normal(0, 1.5, PROBLEMS))[: round(share * PROBLEMS)]] = True
    table = pd.read_parquet(run.predictions_file)
    segments = table["segments"] if arm == "transformer" else table["segments"] * 0.9 + 0.3
    table.assign(passed=passed, solution_bits=100.0, segments=segments.astype(float)).to_parquet(run.predictions_file)
    summary = json.loads((run.path / "summary.json").read_text())
    summary |= {"score": "pass_at_1", "test_name": "test_iid", "measures": [measure.to_dict() for measure in _measures(ks)]}
    summary["words"] = {"example": "problem", "token": "token", "answer": "solution", "rating": "depth"}
    summary["test"] |= _result("test", float(passed.mean()), settings, ks, passed)
    summary["other_tests"] = {name: _result(name, share * SHARE[name], settings, ks, None) for name in others}
    (run.path / "summary.json").write_text(json.dumps(summary))
    if audited:
        audit = {"causality": _causality(leaks), "sandbox": "bubblewrap", "contamination": contamination or _contamination(others)}
        (run.path / "audit.json").write_text(json.dumps(audit))
    return run


def make_code_study(output_root: Path, *, study: str = "code", leaking: tuple[str, ...] = (), **options: Any) -> None:
    """3 arms x 3 seeds of ``synthetic_code``."""
    for arm in PASSING:
        for seed in range(3):
            make_code_run(output_root, study=study, arm=arm, seed=seed, leaks=arm in leaking, **options)


def _measures(ks: tuple[int, ...]) -> list[Measure]:
    passing = [
        Measure(
            name=f"pass_at_{k}",
            wording=f"pass@{k}",
            meaning="the share of problems with a completion that passes all tests in the sandbox",
            counts=k == 1,
            column="passed" if k == 1 else None,
        )
        for k in ks
    ]
    bits = Measure(
        name="bits_per_byte", wording="bits per byte", meaning="bits for each byte", unit="bits per byte", larger_is_better=False
    )
    given = Measure(
        name="exact_accuracy",
        wording="exact accuracy under given tokens",
        meaning="every token right, each given the true ones before it",
        counts=True,
        column="exact",
        halting=True,
    )
    tokens = Measure(name="cell_accuracy", wording="token accuracy", meaning="next token right, given the true prefix", halting=True)
    return [*passing, bits, given, tokens]


def _share(name: str, value: float, count: int) -> dict[str, Any]:
    interval = wilson_interval(round(value * count), count)
    assert interval is not None
    return {name: value, f"{name}_interval": [interval.low, interval.high]}


def _result(name: str, share: float, settings: dict[str, Any], ks: tuple[int, ...], passed: np.ndarray | None) -> dict[str, Any]:
    count = 164 if name == "humaneval" else PROBLEMS
    solved = round(share * count)
    result: dict[str, Any] = {"count": count, "problems": count, "completions": count * settings["samples"]}
    for k in ks:
        value = share if k == 1 and passed is not None else solved / count if k == 1 else 1 - (1 - solved / count) ** (k**0.5)
        result |= _share(f"pass_at_{k}", value, count)
    bits = 1.9 - 1.2 * share if name != "humaneval" else 2.4 - share
    result |= {"bits_per_byte": bits, "bits_per_byte_interval": [bits - 0.05, bits + 0.06]}
    result |= {"copied_share": 0.21, "copied_cells": 0.18, "copying_accuracy": 0.05, "clipped": 3 if name == "humaneval" else 0}
    result |= {"verdicts": {"failed": count - solved - 1, "passed": solved, "timed out": 1}, "tier": "bubblewrap", "sampling": settings}
    depths = DEPTHS.get(name, ())
    rows = []
    for depth in depths:
        each = count // len(depths)
        value = round(min(1.0, share * (1.5 - 0.25 * depth if name == "test" else 1.6 - 0.2 * depth)) * each) / each
        rows.append({"depth": depth, "count": each, **_share("pass_at_1", value, each)})
    result |= {"note": "On humaneval read the bits per byte: one problem is 0.6 points."} if name == "humaneval" else {}
    return {**result, "by_depth": rows} if rows else result


def _data(names: tuple[str, ...]) -> dict[str, Any]:
    splits = {
        name: {"count": 900, "content_hash": f"code-{name}", "class_hash": f"code-{name}-c"} for name in ("train", "validation", *names)
    }
    others = [name for name in names if name != "test" and name != "humaneval"]
    pairs = ["train_validation_classes", "train_test_classes", "validation_test_classes", *(f"train_{name}_classes" for name in others)]
    return {
        "class_rule": "programs with equal normalised syntax trees or equal behaviour on probe inputs",
        "attention": "causal",
        "next_token": True,
        "shared_on_purpose": "",
        "splits": {name: value for name, value in splits.items() if name != "humaneval"},
        "overlap": dict.fromkeys([*pairs, "train_test_strings"], 0),
    }


def _causality(leaks: bool) -> dict[str, Any]:
    leak = {"changed": 3, "seen": 1, "what": "logits", "segment": 1, "application": 0, "difference": 0.42, "sentence": SENTENCE}
    return {"passed": not leaks, "leaks": [leak] if leaks else [], "positions": 12, "segments": 8, "applications": 4}


def _contamination(others: tuple[str, ...]) -> dict[str, Any]:
    kinds = ("ngram_prompt", "ngram_solution", "ast", "exact_prompt", "exact_solution", "exact_whole")
    sets, findings = {}, []
    for name in ("test_iid", *others):
        templated = name != "humaneval"
        hits = dict.fromkeys(kinds, 0) | ({"ngram_prompt": 80, "ngram_solution": 31} if templated else {})
        example = {
            "training": "train/17",
            "evaluation": f"{name}/3",
            "kind": "ngram_solution",
            "excerpt": "for item in values : if item | 2 > 0 :",
        }
        sets[name] = {
            "count": 164 if name == "humaneval" else PROBLEMS,
            "hits": hits,
            "training_hits": hits,
            "short": {"prompt": 0, "solution": 2},
            "shared_ngrams": 4,
            "templated": templated,
            "examples": [example] if templated else [],
            "leaks": False,
        }
        found = "hold 31 solutions with 13 tokens in a row, 80 prompts with 13 words in a row (expected of one grammar)."
        none = f"{name}: none of its 164 problems was found in the 900 training records."
        findings.append(f"{name}: of its {PROBLEMS} problems the 900 training records {found}" if templated else none)
    return {"training": 900, "unparsed": 0, "leaking": 0, "leaks": False, "findings": findings, "sets": sets}
