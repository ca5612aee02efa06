"""Likelihood, completions and what they come to, against independent computations."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.config.schema import Evaluation
from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.data.code.encoding import document
from hrmlab.data.written.record import CodeRecord
from hrmlab.data.written.tokenizer import END, ByteTokenizer
from hrmlab.evaluation.code.completions import cut, read_completions, save_rows, write_completions
from hrmlab.evaluation.code.generation import Decoding
from hrmlab.evaluation.code.judged import judged_result, likelihood_result
from hrmlab.evaluation.code.likelihood import solution_bits, windows
from hrmlab.layers.likelihood import log_probabilities
from hrmlab.models.hrm import HRM
from hrmlab.models.precision import Computation
from hrmlab.statistics.ratio import ratio_of_sums

TOKENIZER = ByteTokenizer()
SETTINGS = Evaluation(
    name="own", problems="own", path=None, hub_name=None, limit=None, samples=2, temperature=0.0, top_p=1.0, max_new_tokens=5, stop=[],
    ks=[1, 2, 3], halting=False, batch_size=8, timeout=3.0, workers=1, allow_unsafe_execution=False,
)  # fmt: skip


def record(number: int, *, solution: str = "    return 1\n", depth: int = 0) -> CodeRecord:
    prompt = f'def f{number}(x):\n    """One."""\n'
    return CodeRecord(f"t/{number}", prompt, solution, "def check(c): pass", f"f{number}", depth, "integers", "0" * 16, ())


def computation(length: int) -> Computation:
    torch.manual_seed(0)
    task = TaskSpec(name="t", sequence_length=length, vocabulary_size=260, attention="causal", next_token=True)
    model = call(HRM, task=task, hidden_size=16, num_heads=2, mlp_width=24, h_layers=1, l_layers=1, max_segments=2).eval()
    return Computation(model, "fp32", likelihood="stablemax")


@torch.no_grad()
def test_bits_are_those_of_each_solution_token_after_all_segments_without_the_end() -> None:
    call = computation(96)
    item = document(record(1), TOKENIZER)
    inputs = torch.tensor([item.ids[:-1]])
    from hrmlab.core.batches import Batch

    batch = Batch(inputs, inputs, torch.zeros(1, dtype=torch.int64))
    carry, _ = call(call.initial_carry(1, inputs.shape[1]), batch)
    carry, prediction = call(carry, batch)
    log_p = log_probabilities(prediction.logits, "stablemax")[0]
    expected = -sum(float(log_p[place - 1, item.ids[place]]) for place in range(item.solution_start, len(item.ids) - 1)) / math.log(2)
    records = [record(1), record(2, solution="    return x + 1\n")]
    bits = solution_bits(
        call,
        [document(each, TOKENIZER) for each in records],
        sequence_length=96,
        likelihood="stablemax",
        batch_size=2,
        device=torch.device("cpu"),
    )
    assert bits[0] == pytest.approx(expected, rel=1e-5)
    result = likelihood_result(bits, records)
    assert result["bits_per_byte"] == pytest.approx(bits.sum() / sum(len(each.canonical_solution) for each in records))


@given(st.integers(1, 120), st.integers(1, 200), st.sampled_from([16, 33, 64]))
def test_windows_score_every_solution_token_once_with_half_a_row_before_it(prompt: int, solution: int, length: int) -> None:
    from hrmlab.data.code.encoding import Document

    ids = [*range(1000, 1000 + prompt), *range(5000, 5000 + solution), END]
    seen: list[int] = []
    for window in windows([Document(ids, prompt)], length):
        assert len(window.ids) <= length + 1
        assert 1 <= window.scored < len(window.ids)
        scored = window.ids[-window.scored :]
        before = len(window.ids) - window.scored
        assert before >= min(ids.index(scored[0]), length // 2)
        seen += scored
    assert seen == ids[prompt:-1]


def test_completions_are_cut_at_the_first_stop_sequence() -> None:
    assert cut("    return 1\n\ndef g():\nclass A:", ["\nclass", "\ndef"]) == "    return 1\n"
    assert cut("    return 1\n", ["\ndef"]) == "    return 1\n"


def test_completions_do_not_depend_on_the_batch_and_long_prompts_are_clipped_and_counted() -> None:
    call = computation(64)
    records = [record(number) for number in range(3)] + [record(9)._replace(prompt="def g(x):\n" + "    # long\n" * 9)]
    decoding = Decoding(temperature=0.8, top_p=1.0, max_new_tokens=5, halting=False, likelihood="stablemax")

    def write(batch_size: int) -> list[Any]:
        return write_completions(
            call,
            records,
            tokenizer=TOKENIZER,
            sequence_length=64,
            decoding=decoding,
            samples=2,
            stop=[],
            batch_size=batch_size,
            seed=0,
            device=torch.device("cpu"),
        )

    written = write(8)
    assert [(item.task_id, item.sample) for item in written] == [(each.task_id, sample) for each in records for sample in range(2)]
    assert [item.clipped for item in written] == [False] * 6 + [True] * 2
    assert all(item.tokens <= 5 for item in written)
    assert write(3) == written
    assert written[0].completion != written[1].completion


def row(task: str, *, passed: bool, result: str = "") -> dict[str, Any]:
    text = result or ("passed" if passed else "failed: AssertionError")
    return {"task_id": task, "completion": "abcdefgh", "passed": passed, "result": text, "tier": "bwrap", "clipped": False}


def test_a_result_counts_problems_samples_depths_and_verdicts() -> None:
    problems = [record(0, depth=1), record(1, depth=1), record(2, depth=2)]
    rows = [
        row("t/0", passed=True), row("t/0", passed=False), row("t/1", passed=False), row("t/1", passed=False, result="timed out"),
        row("t/2", passed=True), row("t/2", passed=True),
    ]  # fmt: skip
    result = judged_result(rows, problems, settings=SETTINGS, generated=True)
    assert result["pass_at_1"] == pytest.approx((0.5 + 0 + 1) / 3)
    assert result["pass_at_2"] == pytest.approx((1 + 0 + 1) / 3)
    assert "pass_at_3" not in result
    assert "fewer than k=3" in result["pass_at_3_reason"]
    assert result["verdicts"] == {"failed": 2, "passed": 3, "timed out": 1}
    assert [(each["depth"], each["count"], each["pass_at_1"]) for each in result["by_depth"]] == [(1, 2, 0.25), (2, 1, 1.0)]
    assert result["sampling"]["temperature"] == 0.0
    assert judged_result(rows, problems, settings=SETTINGS, generated=False)["sampling"] == {"timeout": 3.0}
    unanswered = judged_result(rows[:4], problems, settings=replace(SETTINGS, ks=[1]), generated=True)
    assert "pass_at_1" not in unanswered
    assert "1 of 3 problems" in unanswered["pass_at_1_reason"]


def test_rows_are_kept_whole_and_read_back(tmp_path: Path) -> None:
    problems = {f"t/{number}": record(number) for number in range(2)}
    rows = [{"task_id": "t/1", "completion": "a\u2028\x85b\ud800", "tokens": 3, "clipped": True}, {"task_id": "t/1", "completion": "c"}]
    for name in ("plain.jsonl", "packed.jsonl.gz"):
        save_rows(rows, tmp_path / name)
        first, second = read_completions(tmp_path / name, problems)
        assert (first.completion, first.sample, first.tokens, first.clipped) == ("a\u2028\x85b\ud800", 0, 3, True)
        assert (second.completion, second.sample) == ("c", 1)
    assert not list(tmp_path.glob(".*"))
    (tmp_path / "bad.jsonl").write_text(json.dumps(rows[0]) + "\n{")
    with pytest.raises(UserError, match=r"row 2 \(counted from 1\): it is not valid JSON"):
        read_completions(tmp_path / "bad.jsonl", problems)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 50)), min_size=2, max_size=30))
def test_a_ratio_lies_in_its_interval_and_weighs_by_size(pairs: list[tuple[float, int]]) -> None:
    above, below = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    estimate = ratio_of_sums(above, below, random=np.random.default_rng(0))
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.value == pytest.approx(sum(above) / sum(below))
    lowest, highest = min(a / b for a, b in pairs), max(a / b for a, b in pairs)
    assert lowest - 1e-9 <= estimate.low <= estimate.high <= highest + 1e-9


def test_ratios_that_cannot_be_are_errors() -> None:
    random = np.random.default_rng(0)
    assert ratio_of_sums([], [], random=random) is None
    with pytest.raises(ValueError, match="above zero"):
        ratio_of_sums([1.0], [0.0], random=random)
    with pytest.raises(ValueError, match="do not go with"):
        ratio_of_sums([1.0], [1.0, 2.0], random=random)
