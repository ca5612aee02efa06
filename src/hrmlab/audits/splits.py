"""What the splits hold and share: ``data.json`` of a run."""

from collections import Counter
from typing import Any

import numpy as np

from hrmlab.data.example_set import ExampleSet, Splits, blocks
from hrmlab.data.task import Task


def _common_inputs(one: ExampleSet, other: ExampleSet) -> int:
    """Rows of ``other`` whose input stands literally in ``one``, which passes by once."""
    wanted = Counter(row.tobytes() for row in np.ascontiguousarray(other.inputs))
    found: set[bytes] = set()
    for block in blocks(one.inputs):
        found.update(text for row in np.ascontiguousarray(block, other.inputs.dtype) if (text := row.tobytes()) in wanted)
    return sum(wanted[text] for text in found)


def _answers(splits: Splits, task: Task) -> dict[str, Any]:
    """How many different answers the training set has, and for how many test examples the answer is among them."""
    train, test = (task.answer_classes(part.labels) for part in (splits.train, splits.test))
    return {
        "rule": task.answer_rule,
        "train_distinct": len(np.unique(train)),
        "test_distinct": len(np.unique(test)),
        "test_known": int(np.isin(test, train).sum()),
    }


def audit_splits(splits: Splits, *, task: Task, order_hash: str) -> dict[str, Any]:
    """Counts, hashes and overlaps of the splits, measured on the very arrays that training uses.

    Args:
        splits: the three sets.
        task: what they belong to.
        order_hash: fingerprint of the order in which training draws; equal for arms that see the same examples.
    """
    parts, spec = splits.sets(), task.spec

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
        **({"protocol": splits.protocol} if splits.protocol else {}),
        **({"palette": dict(task.palette)} if task.palette else {}),
        "splits": {
            name: {"count": len(part), "content_hash": part.content_hash(), "class_hash": part.class_hash()} for name, part in parts.items()
        },
        "dropped": splits.dropped,
        "overlap": {
            **{f"{one}_{other}_classes": common(one, other) for one, other in pairs},
            "train_test_strings": _common_inputs(splits.train, splits.test),
        },
        **({} if spec.next_token else {"answers": _answers(splits, task)}),  # a row of text is no answer that could be remembered as one
        "order_hash": order_hash,
    }
