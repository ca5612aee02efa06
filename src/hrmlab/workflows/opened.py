"""A trained run that answers: solve, predict, trace, write, score. Needs torch, and neither Hydra nor Lightning."""

from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np
import torch

from hrmlab.budget.information import ModelInformation, model_information
from hrmlab.config.configuration import Configuration
from hrmlab.core.batches import Batch
from hrmlab.core.errors import UserError
from hrmlab.core.progress import progress_bar
from hrmlab.core.quantities import operations
from hrmlab.core.trace import Trace
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.loading import EvaluationLoader
from hrmlab.data.task import Task
from hrmlab.evaluation.code.continuation import continuation
from hrmlab.evaluation.engine import Engine
from hrmlab.evaluation.limited import Limited
from hrmlab.evaluation.refilling import answered, answered_alone, halted, rows_of
from hrmlab.evaluation.several import Several
from hrmlab.evaluation.solve import SegmentCall, Solution, solve
from hrmlab.evaluation.split import SplitEvaluator, SplitScore
from hrmlab.evaluation.split_at_halting import score_at_halting
from hrmlab.evaluation.tracing import trace
from hrmlab.layers.likelihood import LossKind
from hrmlab.models.precision import Computation, Precision
from hrmlab.models.reasoner import Reasoner
from hrmlab.runs.directory import RunDirectory
from hrmlab.workflows.solved_puzzle import SolvedPuzzle

_BATCH_SIZE = 256

Stop = Literal["segments", "halting"]
"""Answer after all segments; or where the model wants to stop, so that its slot is free for the next question sooner."""


class OpenedRun:
    """A task and a reasoner with trained weights, in the precision it was trained in.

    Attributes:
        task: what it answers.
        reasoner: with its weights, in evaluation mode; float32 masters.
        computation: the reasoner in its precision, prepared: what to call.
        device: where it is.
        step: of the checkpoint; None for a published one that does not say.
        config: the run's configuration; None for a published checkpoint.
        run: the run directory; None for a published checkpoint.
    """

    def __init__(
        self,
        *,
        task: Task,
        reasoner: Reasoner,
        precision: Precision,
        likelihood: LossKind,
        device: torch.device,
        step: int | None,
        config: Configuration | None = None,
        run: RunDirectory | None = None,
    ) -> None:
        self.task, self.device, self.step, self.config, self.run = task, device, step, config, run
        self.reasoner = reasoner.eval().to(device)
        self.computation = Computation(self.reasoner, precision, likelihood=likelihood)
        with torch.no_grad():
            self.computation.prepare()

    def encode(self, text: str) -> np.ndarray:
        """(S,) int32 token ids of a question in the notation of the task's files.

        Raises:
            UserError: it is no question of this task.
        """
        return self.task.questions(text).inputs[0]

    def decode(self, tokens: Sequence[int] | np.ndarray) -> str:
        """Token ids (S,) in the notation of the task's files."""
        return self.task.to_text(np.asarray(tokens))

    def predict(
        self,
        inputs: np.ndarray | Sequence[Sequence[int]],
        *,
        puzzle_ids: np.ndarray | None = None,
        segments: int | None = None,
        stop: Stop = "segments",
    ) -> Solution:
        """Answers to any number of questions.

        Args:
            inputs: (N, S) token ids.
            puzzle_ids: (N,); None for 0.
            segments: how many to run, or with ``stop="halting"`` at most; None for the model's own.
            stop: ``halting`` computes for each question only the segments up to where the model wants to stop: ``halting_answers``,
                ``segments``, ``believed`` and ``confidence`` are those of ``segments``, up to rounding, and sooner there.

        Returns:
            see :class:`hrmlab.evaluation.solve.Solution`; tensors on the CPU.

        Raises:
            UserError: rows of another length, ids outside of the vocabulary, or fewer than one segment.
        """
        rows = self._checked(inputs)
        ids = np.zeros(len(rows), np.int64) if puzzle_ids is None else np.asarray(puzzle_ids, np.int64)
        call = Limited(self.computation, segments)
        if stop == "halting":
            asked = torch.from_numpy(rows)
            batch = Batch(asked, torch.zeros_like(asked), torch.from_numpy(ids))
            return halted(answered(call, rows_of(batch), slots=_BATCH_SIZE, device=self.device), batch.labels)
        parts: list[Solution] = []
        for start in range(0, len(rows), _BATCH_SIZE):
            part = torch.from_numpy(rows[start : start + _BATCH_SIZE]).to(self.device)
            labels = torch.zeros_like(part)  # every position is asked
            found = solve(call, Batch(part, labels, torch.from_numpy(ids[start : start + _BATCH_SIZE]).to(self.device)))
            parts.append(found.cpu())
        return Solution.joined(parts)

    def solve(
        self,
        puzzle: str | np.ndarray | Sequence[int],
        *,
        segments: int | None = None,
        puzzle_id: int = 0,
        stop: Stop = "segments",
    ) -> SolvedPuzzle:
        """The answer to one question, as text or (S,) token ids, with what was thought after each segment.

        Args:
            puzzle: text or token ids.
            segments: how many to run, or with ``stop="halting"`` at most; None for the model's own.
            puzzle_id: of the puzzle embedding.
            stop: ``halting`` ends where the model wants to stop; the answer is the one there, and no later segment is run.

        Raises:
            UserError: it is no question of this task.
        """
        inputs = self._question(puzzle)
        if stop == "halting":
            asked = torch.from_numpy(self._checked(inputs[None])[0])
            example = (asked, torch.zeros_like(asked), torch.tensor(puzzle_id))
            answer, said = answered_alone(Limited(self.computation, segments), example, device=self.device)
            tokens, by_segment, halting_segment = answer.tokens.numpy(), said.numpy(), answer.segments
        else:
            found = self.predict(inputs[None], segments=segments, puzzle_ids=np.array([puzzle_id]))
            tokens, by_segment = found.answers[0].numpy(), found.answers_by_segment[:, 0].numpy()
            halting_segment = float(found.segments[0])
        return SolvedPuzzle(
            inputs=np.asarray(inputs, np.int64),
            answers=by_segment,
            halting_segment=halting_segment,
            tokens=tokens,
            text=self.decode(self.task.completed(np.asarray(inputs), tokens)),
            right=self.task.is_right(np.asarray(inputs), tokens),
        )

    def engine(self, *, segments: int | None = None, slots: int = 64, waiting: int = 1024) -> Engine:
        """Something that answers questions as they arrive, from any thread; see :class:`hrmlab.evaluation.engine.Engine`.

        Args:
            segments: at most so many for each question; None for the model's own.
            slots: questions in work at a time.
            waiting: questions that may wait for a slot.

        Raises:
            UserError: fewer than one segment, slot or place to wait.
        """
        return Engine(Limited(self.computation, segments), task=self.task.spec, device=self.device, slots=slots, waiting=waiting)

    def trace(
        self,
        puzzle: str | np.ndarray | Sequence[int],
        *,
        segments: int | None = None,
        puzzle_id: int = 0,
        attention: Collection[int] | None = None,
        heads: bool = False,
    ) -> Trace:
        """One question answered with everything that can be seen on the way: for every segment and cycle predictions, states, attention.

        Args:
            puzzle: text or (S,) token ids.
            segments: how many to run; None for the model's own.
            puzzle_id: of the puzzle embedding.
            attention: segments whose attention maps are kept; None for the first and the last, empty for none. They take memory.
            heads: keep the maps of every head, not their mean.

        Raises:
            UserError: it is no question of this task, or fewer than one segment.
        """
        rows = self._checked(self._question(puzzle)[None])
        part = torch.from_numpy(rows).to(self.device)
        ids = torch.full((1,), puzzle_id, dtype=torch.int64, device=self.device)
        count = Limited(self.computation, segments).max_segments
        return trace(self.computation, Batch(part, torch.zeros_like(part), ids), segments=count, attention=attention, heads=heads)

    def write(self, prompt: str, *, segments: int | None = None, max_new_tokens: int = 128, compiled: bool = False) -> str:
        """What a model of code writes after a prompt, each token the most likely one after all segments.

        Args:
            prompt: the beginning of a program; of one that leaves less than a quarter of the row the end is read.
            segments: how many to run for each token; None for the model's own.
            max_new_tokens: at most so many.
            compiled: compile the step of one token; see :class:`hrmlab.evaluation.code.generation.Decoding`.

        Raises:
            UserError: the task is not to write, the model sees the future, or fewer than one segment.
        """
        spec, written = self.task.spec, self.task.written()
        if written is None or spec.attention != "causal":
            why = "is not to write" if written is None else "was learned with the future in sight"
            raise UserError(f"{spec.name} {why}, so there is nothing to write after a prompt; use solve")
        return continuation(
            Limited(self.computation, segments),
            prompt,
            tokenizer=written.tokenizer,
            sequence_length=spec.sequence_length,
            likelihood=self.computation.likelihood,
            max_new_tokens=max_new_tokens,
            device=self.device,
            compiled=compiled,
        )

    def reasoning_depth(self, inputs: np.ndarray | Sequence[Sequence[int]], *, puzzle_ids: np.ndarray | None = None) -> np.ndarray:
        """(N,) float64 segments after which learned halting stops at each of (N, S) questions; a mean over tokens in causal mode."""
        return self.predict(inputs, puzzle_ids=puzzle_ids, stop="halting").segments.numpy()

    def information(self) -> ModelInformation:
        """The model in numbers: parameters of every part, floating-point operations. ``print(run.information())`` shows it."""
        return model_information(self.reasoner)

    def _question(self, puzzle: str | np.ndarray | Sequence[int]) -> np.ndarray:
        return self.encode(puzzle) if isinstance(puzzle, str) else np.asarray(puzzle)

    def score(
        self,
        examples: ExampleSet,
        *,
        batch_size: int | None = None,
        progress: bool = False,
        several: Several | None = None,
        stop: Stop = "segments",
        call: SegmentCall | None = None,
    ) -> SplitScore:
        """How it does on labelled examples; see :class:`hrmlab.evaluation.split.SplitScore`.

        Args:
            examples: of its task.
            batch_size: examples at a time; None for the run's own.
            progress: show a bar, if the terminal can.
            several: answers to each example, of which one is taken; None for one.
            stop: ``halting`` solves each example only to where the model wants to stop, and every measure is of the answer there.
            call: computes the segments in the place of the reasoner: an exported file of it.

        Raises:
            UserError: several answers where the task or the arm cannot choose among them, or with ``stop="halting"``.
        """
        several = several or Several()
        if stop == "halting" and not several.alone:
            raise UserError(
                f"stop=halting gives one answer to each example, and evaluation.trajectories={several.trajectories} "
                f"evaluation.views={several.views} ask for several; use 1 for both, or stop=segments"
            )
        several.check(self.task, halts=self.reasoner.halts)
        title = f"solving {self.task.spec.name}"
        if progress:
            cost = len(examples) * several.trajectories * several.views * self.information().flops.inference_example
            title += f" ({'at most ' if stop == 'halting' else ''}{operations(cost)})"
        size = batch_size or (self.config.training.evaluation_batch_size if self.config else _BATCH_SIZE)
        if stop == "halting":
            with progress_bar(title, len(examples), shown=progress) as advance:
                return score_at_halting(
                    call or self.computation,
                    examples,
                    task=self.task,
                    halts=self.reasoner.halts,
                    slots=size,
                    device=self.device,
                    advance=advance,
                )
        loader = EvaluationLoader(examples, batch_size=size)
        evaluator = SplitEvaluator(task=self.task, halts=self.reasoner.halts)
        evaluator.metrics.to(self.device)
        evaluator.record_examples()
        evaluator.several = several
        with progress_bar(title, len(examples), shown=progress) as advance:
            for batch in loader:
                placed = type(batch)(Batch(*(part.to(self.device) for part in batch.examples)), batch.rows.to(self.device))
                evaluator.add(call or self.computation, placed)
                advance(int((batch.rows >= 0).sum()))
        return evaluator.score(examples, means=evaluator.metrics.compute())

    def _checked(self, inputs: np.ndarray | Sequence[Sequence[int]]) -> np.ndarray:
        rows, spec = np.asarray(inputs), self.task.spec
        if rows.ndim != 2 or rows.shape[1] != spec.sequence_length or not np.issubdtype(rows.dtype, np.integer):
            raise UserError(
                f"inputs have the shape {rows.shape} and type {rows.dtype}; give whole numbers of the shape (N, {spec.sequence_length})"
            )
        if len(rows) == 0:
            raise UserError("inputs hold no row; give at least one")
        if rows.min() < 0 or rows.max() >= spec.vocabulary_size:
            raise UserError(f"inputs hold {rows.min()} to {rows.max()}; token ids of {spec.name} are 0 to {spec.vocabulary_size - 1}")
        return rows.astype(np.int64)
