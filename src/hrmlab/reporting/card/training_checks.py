"""The lines of the fairness card about training: what was drawn, how often, how far it came, and whether it ended."""

from hrmlab.reporting import text
from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.finished import IN_WORDS, finished
from hrmlab.reporting.compare.scores import over_seeds, value_of
from hrmlab.statistics.convergence import ENDED

_MOST_NAMED = 6


def same_order(study: Study) -> Check:
    """Whether the arms of a seed drew the same examples in the same order, as far as all of them drew."""
    name = "Same example order"
    runs_of = [(task, [run for run in task if run.labels.seed == seed]) for task in study.tasks for seed in task.seeds]
    orders = [(task, {run.data.get("order_hash") for run in runs}) for task, runs in runs_of]
    differing = list(dict.fromkeys(task.label for task, hashes in orders if len(hashes - {None, ""}) > 1))
    shares = {run.configured("training.curriculum_share") or 0 for run in study.runs}
    if differing:
        cause = " (training.curriculum_share differs between arms)" if len(shares) > 1 else ""
        return Check(name, "WARNING", f"the arms of a seed drew examples in different orders on {text.listing(differing)}{cause}")
    if any(None in hashes or "" in hashes for _, hashes in orders):
        return Check(name, "WARNING", "some runs did not record the order in which they drew examples")
    if any(run.training("examples_drawn") is None for run in study.runs):
        return Check(
            name, "WARNING", "the order is the same within each seed, but some runs did not record how many examples they drew of it"
        )
    told = [_common_prefix(task) for task in study.tasks]
    whole = all(furthest <= common for task in study.tasks for common, furthest in _drawn_by_seed(task))
    detail = f"within each seed all arms drew from one sequence, the same examples as far as all of them came: {'; '.join(told)}"
    if shares != {0}:
        detail += "; while the curriculum widens, which example it is also depends on the step at which an arm draws it"
    return Check(name, "OK" if whole and shares == {0} else "STATED", detail)


def _drawn_by_seed(task: TaskRuns) -> list[tuple[float, float]]:
    """(fewest, most) examples that any arm drew, for each seed."""
    found = []
    for seed in task.seeds:
        drawn = [known for run in task if run.labels.seed == seed and (known := run.training("examples_drawn")) is not None]
        found.append((min(drawn), max(drawn)))
    return found


def _common_prefix(task: TaskRuns) -> str:
    """``sudoku: the first 10,225 (hrm 10,225, transformer 28,800)``, the shortest of all seeds and means over seeds."""
    common = min(fewest for fewest, _ in _drawn_by_seed(task))
    means = {task.plain_name(arm): value_of(over_seeds(task.runs(arm), lambda run: run.training("examples_drawn"))) for arm in task.arms}
    return f"{task.label}: the first {text.count(common)} ({', '.join(f'{arm} {text.count(mean)}' for arm, mean in means.items())})"


def exposures(study: Study) -> Check:
    """How often each arm saw a training example: examples drawn over distinct training examples."""
    name, told = "Exposures per example", []
    for task in study.tasks:
        means = {task.plain_name(arm): value_of(over_seeds(task.runs(arm), _exposures)) for arm in task.arms}
        if any(mean is None for mean in means.values()):
            return Check(name, "WARNING", "some runs did not record how many examples they drew, or of how many")
        told.append(f"{task.label}: {', '.join(f'{arm} {_times(mean)}' for arm, mean in means.items())}")
    varied = any(run.configured("data.augment") for run in study.runs)
    drawn = "examples drawn / distinct training examples" + (
        ", each time in a fresh augmentation where data.augment is on" if varied else ""
    )
    return Check(name, "STATED", f"{drawn}: {'; '.join(told)}")


def _exposures(run: RunRecord) -> float | None:
    drawn, distinct = run.training("examples_drawn"), number((run.data.get("splits") or {}).get("train", {}).get("count"))
    return drawn / distinct if drawn is not None and distinct else None


def _times(value: float | None) -> str:
    return text.NOT_AVAILABLE if value is None else f"{value:.1f}" if value < 100 else text.count(value)


def converged(study: Study) -> Check:
    """Whether the runs of every arm are shown to have finished learning."""
    name, found = "Converged", finished(study)
    short = [f"{item.arm} on {item.task}: {item.counts}" for item in found if item.state not in ENDED]
    if short:
        more = f" and {len(short) - _MOST_NAMED} more" if len(short) > _MOST_NAMED else ""
        return Check(name, "WARNING", f"{'; '.join(short[:_MOST_NAMED])}{more}")
    runs = [run for item in found for run in item.runs.values()]
    one_by_one = sum(run.state in ENDED for run in runs)
    detail = f"every arm on every task by its mean gain over seeds, {one_by_one} of {text.plural(len(runs), 'run')} also one by one"
    for state in ENDED - {"converged"}:
        if such := [f"{item.arm} on {item.task}" for item in found if item.state == state]:
            detail += f"; {IN_WORDS[state]}: {', '.join(such)}"
    return Check(name, "OK", detail if one_by_one else f"{detail}: single curves are too noisy to show it")


def steps_done(study: Study) -> Check:
    """Whether every run made its planned steps."""
    short = []
    for run in study.runs:
        planned, done = number(run.configured("training.steps")), run.training("steps")
        if planned is None or done is None:
            return Check("Steps carried out", "WARNING", "some runs did not record how many steps they made")
        if done < planned:
            short.append(f"{run.name} made {done:.0f} of {planned:.0f}")
    if short:
        return Check(
            "Steps carried out",
            "WARNING",
            f"stopped early: {'; '.join(short[:4])}{f' and {len(short) - 4} more' if len(short) > 4 else ''}",
        )
    return Check("Steps carried out", "OK", "every run made all of its planned steps")
