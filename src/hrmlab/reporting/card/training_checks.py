"""The lines of the fairness card about training: what was drawn, how often, how far it came, whether it ended, what was chosen from it."""

from collections.abc import Iterator

from hrmlab.core.measures import Measure
from hrmlab.reporting import text
from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns, flat
from hrmlab.reporting.compare.finished import finished
from hrmlab.reporting.compare.scores import over_seeds, value_of

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
    short = [f"{item.arm} on {item.task}: {item.counts}" for item in found if item.state != "converged"]
    if short:
        more = f" and {len(short) - _MOST_NAMED} more" if len(short) > _MOST_NAMED else ""
        return Check(name, "WARNING", f"{'; '.join(short[:_MOST_NAMED])}{more}")
    runs = [run for item in found for run in item.runs.values()]
    one_by_one = sum(run.state == "converged" for run in runs)
    return Check(name, "OK", f"every arm on every task, {one_by_one} of {text.plural(len(runs), 'run')} also one by one")


def selection(study: Study) -> Check:
    """Which checkpoint was scored, chosen on which split, among how many."""
    name = "Selection"
    rules = sorted({str((run.summary.get("checkpoint") or {}).get("rule") or "not recorded") for run in study.runs})
    best = {measure.wording: None for task in study.tasks if (measure := _selected_by(task))}
    meaning = {
        "best": f"the checkpoint with the best {' or '.join(best)} on the validation split",
        "last": "the last checkpoint, nothing chosen",
    }
    detail = f"{text.listing([meaning.get(rule, rule) for rule in rules])}, scored once on the test split"
    if "best" not in rules:
        return Check(name, "OK" if rules == ["last"] else "WARNING", detail)
    told, unequal = [], []
    for task in study.tasks:
        counts = {task.plain_name(arm): sorted({_validations(run, task) for run in task.runs(arm)}) for arm in task.arms}
        different = len({tuple(values) for values in counts.values()}) > 1 or any(len(values) > 1 for values in counts.values())
        unequal += [task.label] if different else []
        shown = {arm: "/".join(map(str, values)) for arm, values in counts.items()}
        told.append(
            f"{task.label} {', '.join(f'{arm} {value}' for arm, value in shown.items())}"
            if different
            else f"{task.label} {next(iter(shown.values()))}"
        )
    detail += f"; chosen among so many validations: {'; '.join(told)}"
    detail += f", unequal on {text.listing(unequal)}" if unequal else ", the same for all arms"
    return Check(name, "OK" if rules == ["best"] and not unequal else "WARNING", detail)


def _validations(run: RunRecord, task: TaskRuns) -> int:
    curve = run.curves.get(f"val/{_selected_by(task).name}")
    return 0 if curve is None else len(curve.steps)


def _selected_by(task: TaskRuns) -> Measure:
    """The measure that chooses a checkpoint: what counts, or where validation does not measure that, the next that could."""
    ordered = sorted(task.measures, key=lambda measure: (measure.name != task.measure.name, not measure.counts))
    validated = [measure for measure in ordered if any((run.summary.get("validation") or {}).get(measure.name) is not None for run in task)]
    return next(iter(validated), task.measure)


def tuning(study: Study) -> Check:
    """What was tried for the learning rate of each arm, where its configuration says."""
    name = "Learning-rate tuning"
    told = [f"{task.label}: {'; '.join(_tuned(task))}" for task in study.tasks]
    recorded = [bool(run.config.get("tuning")) for run in study.runs]
    if not any(recorded):
        return Check(name, "STATED", "not recorded: the runs do not say what was tried for each arm")
    trials = [
        {str(flat(run.config["tuning"]).get("trials")) for run in task if isinstance(run.config.get("tuning"), dict)}
        for task in study.tasks
    ]
    if any(len(counts) > 1 for counts in trials) or not all(recorded):
        return Check(name, "WARNING", f"not the same effort for every arm, or not recorded for all: {' | '.join(told)}")
    return Check(name, "STATED", " | ".join(told))


def _tuned(task: TaskRuns) -> Iterator[str]:
    """``hrm learning_rate 0.003 (trials 3, values 0.0015/0.003/0.006)``."""
    for arm in task.arms:
        run = task.runs(arm)[0]
        found = run.config.get("tuning")
        rate = run.configured("optimizer.learning_rate")
        values = flat(found) if isinstance(found, dict) else {"tuning": found} if found else {}
        said = ", ".join(f"{text.words(key)} {_listed(value)}" for key, value in values.items()) or "not recorded"
        yield f"{task.plain_name(arm)} learning rate {rate} ({said})"


def _listed(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)


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
