"""The runs that are served, under the names that requests call them by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.data.example_set import ExampleSet
from hrmlab.evaluation.engine import Engine
from hrmlab.evaluation.limited import Limited
from hrmlab.serving.limits import Limits
from hrmlab.serving.writer import Writer
from hrmlab.workflows.opened import OpenedRun


@dataclass(eq=False)
class Served:
    """One run at work.

    Attributes:
        name: ``task/arm``, with size, seed and hash where it takes them to tell runs apart.
        opened: the run.
        role: of its arm in comparisons: subject, control, baseline; empty where nobody said.
        limits: of requests.
        engine: answers questions; None for a run that writes text.
        writer: writes text; None for a run that answers questions.
    """

    name: str
    opened: OpenedRun
    role: str
    limits: Limits
    engine: Engine | None = None
    writer: Writer | None = None

    def start(self) -> None:
        """Begin to take requests, after one that nobody asked for: what is compiled or cached at its first use is so now."""
        opened, spec = self.opened, self.opened.task.spec
        if self.writes:
            problems = opened.task.written()
            assert problems is not None
            call = Limited(opened.computation, None)
            self.writer = Writer(
                call,
                tokenizer=problems.tokenizer,
                sequence_length=spec.sequence_length,
                likelihood=opened.computation.likelihood,
                device=opened.device,
                rows=self.limits.slots,
                waiting=self.limits.waiting,
            )
            return
        example = self.examples.inputs[0]
        opened.task.is_right(example, example)
        self.engine = opened.engine(slots=self.limits.slots, waiting=self.limits.waiting)
        self.engine.submit(example, segments=1).result()

    @property
    def writes(self) -> bool:
        """Whether it goes on with a text, instead of answering a question."""
        spec = self.opened.task.spec
        return spec.next_token and spec.attention == "causal" and self.opened.task.written() is not None

    @cached_property
    def examples(self) -> ExampleSet:
        """What a person may pick from: the run's own test split."""
        return self.opened.task.load(progress=False).test

    @cached_property
    def parameters(self) -> int:
        """Trained numbers."""
        return sum(parameter.numel() for parameter in self.opened.reasoner.parameters())

    @property
    def created(self) -> int:
        """When the run was made, in seconds since 1970; 0 where it does not say."""
        run = self.opened.run
        return int(datetime.fromisoformat(run.created).timestamp()) if run is not None and run.created else 0

    @property
    def alive(self) -> bool:
        """Whether the thread that computes runs."""
        worker = self.engine or self.writer
        return worker is not None and worker.alive

    def close(self) -> None:
        """Answer what was accepted, and end."""
        for worker in (self.engine, self.writer):
            if worker is not None:
                worker.close()

    def about(self) -> dict[str, Any]:
        """What a client has to know of it, as JSON values."""
        task, spec, run = self.opened.task, self.opened.task.spec, self.opened.run
        labels = None if run is None else run.labels
        return {
            "task": spec.name,
            "arm": self.name.partition("/")[2] if labels is None else labels.arm,
            "size": "" if labels is None else labels.size,
            "seed": 0 if labels is None else labels.seed,
            "role": self.role,
            "parameters": self.parameters,
            "segments": self.opened.reasoner.max_segments,
            "halts": self.opened.reasoner.halts,
            "kind": "text" if self.writes else "puzzle",
            "words": task.words.to_dict(),
            "sequence_length": spec.sequence_length,
            "vocabulary_size": spec.vocabulary_size,
            "puzzle_ids": spec.puzzle_ids,
            "grid": None if spec.grid is None else list(spec.grid),
            "board": None if task.board is None else task.board.to_dict(),
            "palette": dict(task.palette),
            "outside": task.outside,
        }


class Catalogue:
    """All runs that are served.

    Args:
        runs: at least one.
        roles: of their arms, in the same order.
        limits: of requests to each.

    Raises:
        UserError: no run, or one twice.
    """

    def __init__(self, runs: Sequence[OpenedRun], *, roles: Sequence[str], limits: Limits) -> None:
        if not runs:
            raise UserError("there is no run to serve; give run=DIR")
        names = names_of(runs)
        self._served = {
            name: Served(name=name, opened=opened, role=role, limits=limits) for name, opened, role in zip(names, runs, roles, strict=True)
        }

    def __iter__(self) -> Iterator[Served]:
        return iter(self._served.values())

    def __len__(self) -> int:
        return len(self._served)

    def get(self, name: str) -> Served | None:
        """The run of this name."""
        return self._served.get(name)

    def start(self) -> None:
        """All of them begin to take requests."""
        for served in self:
            served.start()

    def close(self) -> None:
        """All of them answer what they accepted, and end."""
        for served in self:
            served.close()


def names_of(runs: Sequence[OpenedRun]) -> list[str]:
    """A name for each run, as short as tells them apart.

    Raises:
        UserError: a run stands there twice.
    """
    parts = [_parts(opened) for opened in runs]
    names: list[str] = []
    for length in range(2, 6):
        names = ["/".join(each[:length]) for each in parts]
        if len(set(names)) == len(names):
            return names
    twice = next(name for name in names if names.count(name) > 1)
    raise UserError(f"run= names {twice} twice; leave one out")


def _parts(opened: OpenedRun) -> list[str]:
    if opened.run is None:
        return [opened.task.spec.name, "published"]
    labels = opened.run.labels
    return [labels.task, labels.arm, labels.size, f"seed={labels.seed}", opened.run.path.name]
