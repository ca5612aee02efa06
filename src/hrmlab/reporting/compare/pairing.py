"""What belongs together: seeds on the same examples, arms on the same examples, arms whose seeds saw the same data."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from hrmlab.core.measures import Measure
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.statistics.samples import Kind, Sample, from_levels, from_outcomes, relevelled

_NORMAL_95 = 1.959964


def kind_of(measure: Measure) -> Kind:
    """What outcomes of a measure can be."""
    return "share" if measure.unit == "share" else "number"


def named_random(*labels: str) -> np.random.Generator:
    """A generator of its own for every name, the same in every report."""
    return np.random.default_rng(int.from_bytes(hashlib.blake2b("\x1f".join(labels).encode(), digest_size=8).digest(), "little"))


def why_no_outcomes(runs: Sequence[RunRecord], measure: Measure) -> str:
    """Why the choice of examples cannot be told from the outcomes of single examples; empty where it can."""
    for run in runs:
        outcomes = run.outcomes(measure)
        if run.predictions is None:
            return f"seed {run.labels.seed} of `{run.arm}` lacks readable predictions"
        if outcomes is None:
            return f"seed {run.labels.seed} of `{run.arm}` lacks the outcomes of single {run.words.example}s"
        if not np.isfinite(outcomes).any():
            return f"seed {run.labels.seed} of `{run.arm}` has no {run.words.example} that counts"
        if measure.unit == "bits per byte" and not _is_mean(run, measure, outcomes):
            return f"{measure.wording} is no mean over {run.words.example}s"
    return ""


def sample_of(runs: Sequence[RunRecord], measure: Measure, *, counting: np.ndarray | None = None) -> Sample | None:
    """One arm's sample: from the outcomes of single examples, else from the seeds' results alone.

    Args:
        runs: of one arm and task, one for each seed; those without a result are left out.
        counting: (N,) which examples count, where fewer than the runs have themselves are to be looked at.
    """
    known = [run for run in runs if run.test(measure.name) is not None]
    if not known:
        return None
    if why_no_outcomes(known, measure):
        return from_results([run.result for run in known], measure)
    tables = [_table(run, measure) for run in known]
    same = same_examples(known)
    if same:
        counts = np.logical_and.reduce([np.isfinite(table) for table in tables])
        counts = counts if counting is None else counts & counting
        if not counts.any():
            return from_results([run.result for run in known], measure)
        tables = [table[counts] for table in tables]
    else:
        tables = [table[np.isfinite(table)] for table in tables]
    sample = from_outcomes(tables, same_examples=same, kind=kind_of(measure))
    levels = [float(run.result[measure.name]) for run in known]
    return None if sample is None else relevelled(sample, levels)  # of several completions of a problem the outcomes hold the first


def from_results(results: Sequence[Mapping[str, object]], measure: Measure) -> Sample | None:
    """A sample of results without outcomes: with the errors over examples that they recorded, or with their number of examples."""
    known = [result for result in results if number(result.get(measure.name)) is not None]
    errors = [_recorded_error(result, measure) for result in known]
    fewest = min((count for result in known if (count := examples_behind(result))), default=None)
    complete = [error for error in errors if error is not None]
    return from_levels(
        [number(result.get(measure.name)) or 0.0 for result in known],
        kind=kind_of(measure),
        examples=int(fewest) if fewest and measure.column is not None else None,
        example_errors=complete if len(complete) == len(known) else None,
    )


def examples_behind(result: Mapping[str, object]) -> float | None:
    """How many examples a result rests on, the fewest that it names."""
    counts = [known for name in ("problems", "count") if (known := number(result.get(name)))]
    return min(counts) if counts else None


def same_examples(runs: Sequence[RunRecord]) -> bool:
    """Whether all runs were tested on the same examples in the same order."""
    return len({run.predictions.digest if run.predictions else run.name for run in runs}) == 1


def counting_examples(runs: Sequence[RunRecord], measure: Measure) -> np.ndarray:
    """(N,) which of the examples that all runs share count in all of them."""
    return np.logical_and.reduce([np.isfinite(_table(run, measure)) for run in runs])


def differences(pairs: Mapping[int, tuple[RunRecord, RunRecord]], measure: Measure) -> Sample | None:
    """The sample of differences, seed by seed, and example by example where the outcomes of both are known."""
    kind: Kind = "difference of shares" if measure.unit == "share" else "number"
    levels = [float(ours.result[measure.name]) - float(theirs.result[measure.name]) for ours, theirs in pairs.values()]
    both = [run for pair in pairs.values() for run in pair]
    if why_no_outcomes(both, measure) or not all(same_examples(pair) for pair in pairs.values()):
        return from_levels(levels, kind=kind)
    tables = [_table(ours, measure) - _table(theirs, measure) for ours, theirs in pairs.values()]
    same = same_examples(both)
    if same:
        counts = np.logical_and.reduce([np.isfinite(table) for table in tables])
        tables = [table[counts] for table in tables]
    else:
        tables = [table[np.isfinite(table)] for table in tables]
    sample = from_outcomes(tables, same_examples=same, kind=kind)
    return from_levels(levels, kind=kind) if sample is None else relevelled(sample, levels)


def share_training_data(pairs: Mapping[int, tuple[RunRecord, RunRecord]]) -> bool:
    """Whether the two runs of every seed drew the same examples in the same order, as far as the record says.

    Equal orders are not enough: a network that halts early takes its next example sooner, so that at no step both see the same. Their
    initialisations differ wherever their parameters do; nothing is assumed of them.
    """
    return bool(pairs) and all(
        ours.data.get("order_hash") is not None
        and ours.data.get("order_hash") == theirs.data.get("order_hash")
        and ours.training("examples_drawn") is not None
        and ours.training("examples_drawn") == theirs.training("examples_drawn")
        for ours, theirs in pairs.values()
    )


def _table(run: RunRecord, measure: Measure) -> np.ndarray:
    outcomes = run.outcomes(measure)
    assert outcomes is not None  # why_no_outcomes was asked before
    return outcomes


def _is_mean(run: RunRecord, measure: Measure, outcomes: np.ndarray) -> bool:
    """Bits over bytes are a ratio of sums; only where they are recorded per example as such are they outcomes."""
    said = run.test(measure.name)
    return said is not None and bool(np.isclose(np.nanmean(outcomes), said, rtol=1e-4))


def _recorded_error(result: Mapping[str, object], measure: Measure) -> float | None:
    interval = result.get(f"{measure.name}_interval")
    if not isinstance(interval, list) or len(interval) != 2:
        return None
    low, high = map(number, interval)
    return None if low is None or high is None else (high - low) / (2 * _NORMAL_95)
