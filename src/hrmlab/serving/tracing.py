"""What can be seen inside a model while it answers, cut to what a page shows: sizes and movements of states, and where one cell looks."""

import math

import numpy as np

from hrmlab.core import trace as traces
from hrmlab.serving import schemas
from hrmlab.serving.catalogue import Served
from hrmlab.serving.problems import Refusal

_LARGEST_MAP = 512
"""Positions up to which attention is kept of every segment; of longer questions of the first and the last."""


def traced(served: Served, asked: schemas.TraceRequest, inputs: np.ndarray) -> schemas.TraceAnswer:
    """In the engine's thread: what is seen must not be another's.

    Raises:
        Refusal, UserError: no such cell, or no such question.
    """
    length = len(inputs)
    if asked.cell is not None and asked.cell >= length:
        raise Refusal(422, f"cell={asked.cell} is not one of the {length} cells, which are counted from 0", param="cell")
    count = asked.segments or served.opened.reasoner.max_segments
    every = range(1, count + 1) if length <= _LARGEST_MAP else (1, count)
    found = served.opened.trace(
        inputs, segments=asked.segments, puzzle_id=asked.puzzle_id, attention=() if asked.cell is None else tuple(every)
    )
    return schemas.TraceAnswer(
        model=served.name,
        segments=[
            schemas.TracedSegment(
                segment=segment.number,
                states={name: _movement(movement) for name, movement in segment.carry.items()},
                cycles=[_cycle(cycle, asked.cell, found.prefix_length) for cycle in segment.cycles],
            )
            for segment in found.segments
        ],
    )


def _movement(movement: traces.Movement) -> schemas.Movement:
    change = movement.change
    return schemas.Movement(norm=movement.norm, change=change if change is None or math.isfinite(change) else None)


def _cycle(cycle: traces.CycleTrace, cell: int | None, prefix: int) -> schemas.Cycle:
    looks = [] if cell is None else [weights[0, prefix + cell, prefix:].round(5).astype(float).tolist() for weights in cycle.attention]
    return schemas.Cycle(name=cycle.name, stack=cycle.stack, movement=_movement(cycle.movement), looks=looks)
