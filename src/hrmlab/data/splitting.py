"""Makes train, validation and test sets that share no symmetry class."""

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.core.randomness import stream, stream_key
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.fingerprint import mix

DEFAULT_SHARE, DEFAULT_MOST = 0.1, 1000
"""A validation or test set split off from the only file has this share of its rows, but no more than this many, unless told."""

Parts = tuple[ExampleSet, ExampleSet, ExampleSet]


def split_pool(
    *,
    pool: ExampleSet,
    validation: ExampleSet | None,
    test: ExampleSet | None,
    counts: dict[str, int | None],
    seed: int,
) -> tuple[Parts, dict[str, int]]:
    """Split what was read into three disjoint sets, the same way every time for the same rows and seed.

    A set that is given keeps its rows, except that validation loses the classes of test; a set that is not given is split off from
    the pool class by class. The pool loses every row whose class is in the other two (in all of their rows, whatever number of
    them is used). Smaller counts draw subsets of larger ones.

    Args:
        pool: candidate training rows.
        validation, test: rows of the user's own sets, or None.
        counts: rows wanted in ``train``, ``validation``, ``test``; None for all there are (for a set split off: a tenth, at
            most 1000).

    Returns:
        (train, validation, test) and the number of rows dropped from each for overlap.

    Raises:
        UserError: fewer rows than asked for.
    """
    dropped = {"train": 0, "validation": 0}
    if test is not None and validation is not None:
        clean = ~np.isin(validation.classes, test.classes)
        dropped["validation"] = int((~clean).sum())
        validation = validation.select(clean)
    for given in (test, validation):
        if given is not None:
            clean = ~np.isin(pool.classes, given.classes)
            dropped["train"] += int((~clean).sum())
            pool = pool.select(clean)
    if test is None:
        test, pool, lost = _split_off(pool, "test", counts["test"], seed)
        dropped["train"] += lost
    else:
        test = _draw(test, "test", counts["test"], seed)
    if validation is None:
        validation, pool, lost = _split_off(pool, "validation", counts["validation"], seed)
        dropped["train"] += lost
    else:
        validation = _draw(validation, "validation", counts["validation"], seed)
    train = _draw(pool, "train", counts["train"], seed)
    return (train, validation, test), {name: count for name, count in dropped.items() if count}


def _split_off(pool: ExampleSet, split: str, wanted: int | None, seed: int) -> tuple[ExampleSet, ExampleSet, int]:
    """The rows taken, the rows of other classes, and how many rows belong to neither."""
    count = wanted or max(1, min(DEFAULT_MOST, int(len(pool) * DEFAULT_SHARE)))
    if count >= len(pool):
        raise UserError(
            f"data.{split}_examples={count} rows cannot be split off from the {len(pool)} rows there are and leave any to train on; "
            f"ask for fewer or give data.{split}_path"
        )
    order = np.argsort(mix(pool.classes ^ np.uint64(stream_key(seed, "split", split))), kind="stable")
    taken = pool.select(order[:count])
    rest = ~np.isin(pool.classes, taken.classes)
    return taken, pool.select(rest), len(pool) - int(rest.sum()) - count


def _draw(rows: ExampleSet, split: str, wanted: int | None, seed: int) -> ExampleSet:
    if not len(rows):
        raise UserError(
            f"no rows are left for the {split} set once those whose symmetry class is in another set are dropped; use other files"
        )
    if not wanted:
        return rows
    if wanted > len(rows):
        raise UserError(
            f"data.{split}_examples={wanted} is more than the {len(rows)} rows there are once the sets are made disjoint; "
            f"ask for at most {len(rows)}, or null for all"
        )
    return rows.select(np.sort(stream(seed, "draw", split).permutation(len(rows))[:wanted]))
