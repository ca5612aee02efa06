"""Lets a causal reasoner write programs and scores them: likelihood of the solutions, completions, and what running them shows."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hrmlab.config.schema import Evaluation
from hrmlab.core.progress import progress_bar
from hrmlab.core.quantities import operations
from hrmlab.core.task import TaskSpec
from hrmlab.data.code.encoding import document
from hrmlab.data.code.problems.load import NOTES, load_problems
from hrmlab.data.written.problems import WrittenProblems
from hrmlab.data.written.record import CodeRecord
from hrmlab.data.written.tokenizer import Tokenizer
from hrmlab.evaluation.code.completions import Completion, judge, save_rows, verify, write_completions
from hrmlab.evaluation.code.generation import Decoding
from hrmlab.evaluation.code.judged import judged_result, likelihood_result
from hrmlab.evaluation.code.likelihood import solution_bits
from hrmlab.models.precision import Computation
from hrmlab.sandbox import Executor

Problems = Mapping[str, Sequence[CodeRecord]]


@dataclass(frozen=True, kw_only=True)
class SetScore:
    """How a model did on one set of problems.

    Attributes:
        result: what stands in summary.json under the set's name.
        passed: (N,) bool, whether each problem's first completion passes its tests; None for problems without tests.
        bits: (N,) bits that each canonical solution takes.
    """

    result: dict[str, Any]
    passed: np.ndarray | None
    bits: np.ndarray


def problem_sets(written: WrittenProblems, settings: Evaluation) -> dict[str, list[CodeRecord]]:
    """A task's own test splits, the one that counts first, and the further set that the settings name; each cut to ``limit``.

    Raises:
        UserError: that set cannot be read.
    """
    sets = {name: list(records) for name, records in written.tests.items()}
    if settings.problems != "own":
        sets[settings.problems] = load_problems(settings.problems, path=settings.path, hub_name=settings.hub_name)
    return {name: records[: settings.limit] for name, records in sets.items()}


def needs_sandbox(sets: Problems, task: TaskSpec) -> bool:
    """Whether programs will be run: a model that sees the future cannot write, and not every problem has a test."""
    return task.attention == "causal" and any(record.test for records in sets.values() for record in records)


def check_sandbox(settings: Evaluation) -> str:
    """Start the sandbox once and name its tier, before hours of training end at a machine that cannot run programs.

    Raises:
        UserError: no sandbox holds on this machine.
    """
    with Executor(workers=1, timeout=settings.timeout, allow_unsafe=settings.allow_unsafe_execution) as executor:
        return executor.tier


@dataclass(frozen=True, kw_only=True)
class Writer:
    """A trained reasoner at work on problems; processes share the work.

    Attributes:
        computation: the reasoner in its precision, prepared.
        task: what it was built for.
        tokenizer: between text and tokens.
        settings: of the evaluation.
        seed: of the sampling.
        device: where the reasoner is.
        progress: show a bar.
        rank: this process among ``world_size`` that share the work.
        judge: says whether a completion answers a problem without tests right; None where tests alone say so.
        in_step: every process writes everything, because none can compute without the others (their weights are in parts); how long a
            text becomes is known only when it is written, so that processes with work of their own would wait for each other forever.
        flops_per_text: floating-point operations of one pass over a whole text, which writing one with kept keys and values costs at most;
            None where they are not counted.
    """

    computation: Computation
    task: TaskSpec
    tokenizer: Tokenizer
    settings: Evaluation
    seed: int
    device: torch.device
    progress: bool
    rank: int = 0
    world_size: int = 1
    judge: Callable[[CodeRecord, str], bool] | None = None
    in_step: bool = False
    flops_per_text: int | None = None

    @property
    def _share(self) -> tuple[int, int]:
        """Which part of the work is this process's: its rank among so many."""
        return (0, 1) if self.in_step else (self.rank, self.world_size)

    def score(self, sets: Problems, *, folder: Path) -> dict[str, SetScore]:
        """Score every set; completions and verdicts are kept in ``folder/<set>.jsonl.gz``.

        Only the first process runs programs, and only it gets a result.
        """
        # A model that was allowed to see the future (audit.allow_leak=true) cannot write token by token; its likelihoods are all there is.
        causal = self.task.attention == "causal"
        tested = [name for name, records in sets.items() if causal and records and all(record.test for record in records)]
        read = [name for name, records in sets.items() if causal and self.judge and not any(record.test for record in records)]
        bits, written = self._written(sets, [*tested, *read])
        if self.rank:
            return {}
        judged = run_completions({name: (written[name], sets[name]) for name in tested}, settings=self.settings, progress=self.progress)
        if self.judge:
            judged |= {name: verify(written[name], sets[name], self.judge) for name in read}
        scores: dict[str, SetScore] = {}
        for name, records in sets.items():
            result, passed = likelihood_result(bits[name], records), None
            if name in judged:
                rows = judged[name]
                save_rows(rows, folder / f"{name}.jsonl.gz")
                result = judged_result(rows, records, settings=self.settings, generated=True) | result
                passed = np.array([row["passed"] for row in rows[:: self.settings.samples]], dtype=bool)
            note = {"note": NOTES[name]} if name in NOTES else {}
            scores[name] = SetScore(result={"count": len(records), **result, **note}, passed=passed, bits=bits[name])
        return scores

    def _written(self, sets: Problems, tested: Sequence[str]) -> tuple[dict[str, np.ndarray], dict[str, list[Completion]]]:
        """Of each set the bits of every solution, and the completions of every problem that is to be run."""
        bits: dict[str, np.ndarray] = {}
        written: dict[str, list[Completion]] = {}
        total = sum(len(sets[name]) * self.settings.samples for name in tested) // self._share[1]
        cost = "" if self.flops_per_text is None else f" (at most {operations(total * self.flops_per_text)})"
        with progress_bar(f"writing code{cost}", total, shown=self.progress) as advance:
            for name, records in sets.items():
                if name in tested:
                    with nullcontext() if self.settings.compile else _eagerly():
                        written[name] = self.write(records, advance)
                with _eagerly():
                    bits[name] = self._bits(records)
        return bits, written

    def _bits(self, records: Sequence[CodeRecord]) -> np.ndarray:
        return solution_bits(
            self.computation,
            [document(record, self.tokenizer) for record in records],
            sequence_length=self.task.sequence_length,
            likelihood=self.computation.likelihood,
            batch_size=self.settings.batch_size,
            device=self.device,
            rank=self._share[0],
            world_size=self._share[1],
        )

    def write(self, records: Sequence[CodeRecord], advance: Callable[[int], None] = lambda count: None) -> list[Completion]:
        """``settings.samples`` completions of every problem, in the problems' order."""
        settings = self.settings
        return write_completions(
            self.computation,
            records,
            tokenizer=self.tokenizer,
            sequence_length=self.task.sequence_length,
            decoding=Decoding(
                temperature=settings.temperature,
                top_p=settings.top_p,
                max_new_tokens=settings.max_new_tokens,
                halting=settings.halting,
                likelihood=self.computation.likelihood,
                compiled=settings.compile,
            ),
            samples=settings.samples,
            stop=settings.stop,
            batch_size=settings.batch_size,
            seed=self.seed,
            device=self.device,
            advance=advance,
            rank=self._share[0],
            world_size=self._share[1],
        )


def _eagerly() -> AbstractContextManager[Any]:
    """Shapes change with every batch, and without ``evaluation.compile`` with every token; what the training compiled would be compiled
    anew for each."""
    return torch.compiler.set_stance("force_eager")


def run_completions(
    work: Mapping[str, tuple[Sequence[Completion], Sequence[CodeRecord]]], *, settings: Evaluation, progress: bool
) -> dict[str, list[dict[str, Any]]]:
    """Judge the completions of every set in one sandbox, with a progress bar.

    Args:
        work: by the set's name, completions and the problems that they answer.

    Raises:
        UserError: no sandbox holds on this machine.
    """
    if not work:
        return {}
    with (
        Executor(workers=settings.workers, timeout=settings.timeout, allow_unsafe=settings.allow_unsafe_execution) as executor,
        progress_bar("running code", sum(len(completions) for completions, _ in work.values()), shown=progress) as advance,
    ):
        return {
            name: judge(completions, {record.task_id: record for record in problems}, executor, advance=advance)
            for name, (completions, problems) in work.items()
        }
