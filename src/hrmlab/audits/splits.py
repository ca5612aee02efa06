"""What the splits hold and share: ``data.json`` of a run."""

from typing import Any

import numpy as np

from hrmlab.core.task import TaskSpec
from hrmlab.data.example_set import ExampleSet, Splits


def _common_inputs(one: ExampleSet, other: ExampleSet) -> int:
    """Rows of ``other`` whose input stands literally in ``one``."""
    known = {row.tobytes() for row in np.ascontiguousarray(one.inputs)}
    return sum(row.tobytes() in known for row in np.ascontiguousarray(other.inputs))


def audit_splits(splits: Splits, *, spec: TaskSpec, order_hash: str) -> dict[str, Any]:
    """Counts, hashes and overlaps of the splits, measured on the very arrays that training uses.

    Args:
        splits: the three sets.
        spec: of their task.
        order_hash: fingerprint of the order in which training draws; equal for arms that see the same examples.
    """
    parts = splits.sets()

    def common(one: str, other: str) -> int:
        return len(np.intersect1d(splits.classes(one), splits.classes(other)))

    pairs = [("train", "validation"), ("train", "test"), ("validation", "test"), *(("train", name) for name in splits.other_tests)]
    return {
        "task": spec.name,
        "source": splits.source,
        "class_rule": splits.class_rule,
        "attention": spec.attention,
        "grid": None if spec.grid is None else list(spec.grid),
        "next_token": spec.next_token,
        "shared_on_purpose": splits.shared_on_purpose,
        "splits": {
            name: {"count": len(part), "content_hash": part.content_hash(), "class_hash": part.class_hash()} for name, part in parts.items()
        },
        "dropped": splits.dropped,
        "overlap": {
            **{f"{one}_{other}_classes": common(one, other) for one, other in pairs},
            "train_test_strings": _common_inputs(splits.train, splits.test),
        },
        "order_hash": order_hash,
    }
