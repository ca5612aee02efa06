"""Tuning with equal effort: every arm gets the same number of trials on every task, and the best on the validation split is written down.

The run directories are the record: a trial is done when its runs have ended there, and one that failed, such as by diverging, is a trial
too. ``tuned.yaml`` holds the chosen values as ``per_arm`` of each experiment, and all trials; ``tuning=<that file>`` uses it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hrmlab.config.composition import Composer, SweepPlan
from hrmlab.config.naming import is_of_an_arm
from hrmlab.config.search import Search
from hrmlab.core.errors import UserError
from hrmlab.core.yaml_text import parse_yaml
from hrmlab.reporting.collect.records import RunRecord, read_record
from hrmlab.runs.files import write_text
from hrmlab.sweeping.choosing import SELECTION, all_levels, best, score
from hrmlab.sweeping.jobs import Job, composed_jobs, decide, listed_jobs
from hrmlab.sweeping.trials import Point, Tried, check_sampler, following, known_beforehand
from hrmlab.sweeping.tuned_page import write_page

NAME = "tuned.yaml"


@dataclass(frozen=True)
class Trial:
    """One point for one arm on one task.

    Attributes:
        jobs: one for each tuning seed.
    """

    point: Point
    jobs: tuple[Job, ...]

    @property
    def ended(self) -> bool:
        """Whether every run has come to an end, good or bad."""
        return all(decide(job, retry_failed=False)[0] in ("completed", "failed") for job in self.jobs)


@dataclass
class Group:
    """One arm on one task at one size.

    Attributes:
        arm: as a name under ``per_arm``.
        bases: the overrides of its runs without the point, one for each tuning seed.
    """

    arm: str
    bases: tuple[tuple[str, ...], ...]
    trials: list[Trial] = field(default_factory=list)


class Tuning:
    """A search over all arms and tasks of a sweep.

    Args:
        composing: stays open while trials are asked for.
        overrides: of the command line.
        plan: what the sweep file asks for, with a search.

    Raises:
        UserError: whatever is wrong with any job, before any has started.
    """

    def __init__(self, composing: Composer, overrides: Sequence[str], plan: SweepPlan) -> None:
        assert plan.search is not None
        self.search: Search = plan.search
        self._composing = composing
        check_sampler(self.search)
        bases = listed_jobs(composing, overrides, plan)
        parsed = [{item.key_or_group: item.input_line or "" for item in composing.parse(words)} for words in bases]
        if double := sorted({key for words in parsed for key in words} & set(self.search.space)):
            raise UserError(f"{double[0]} is given and searched for; leave it out, or change search.space in the sweep file")
        self.groups = _groups(bases, parsed)
        self._add({id(group): known_beforehand(self.search) for group in self.groups})
        self._check_tasks()

    @property
    def jobs(self) -> list[Job]:
        """All jobs so far, trial by trial over all arms and tasks."""
        rounds = max(len(group.trials) for group in self.groups)
        found = [job for number in range(rounds) for group in self.groups for job in group.trials[number].jobs]
        return list(dict.fromkeys(found))

    def next(self) -> list[Job]:
        """The jobs of one more trial for every arm and task, once all before have ended; empty when there are none or something is left."""
        done = min(len(group.trials) for group in self.groups)
        if done >= self.search.trials or not all(trial.ended for group in self.groups for trial in group.trials):
            return []
        points = {}
        for group in self.groups:
            tried = [Tried(trial.point, _larger_is_better(trial)) for trial in group.trials]
            points[id(group)] = [following(self.search, tried, name=" ".join(group.bases[0]))]
        self._add(points)
        return [job for group in self.groups for job in group.trials[-1].jobs]

    def _add(self, points: Mapping[int, Sequence[Point]]) -> None:
        """One composition of all, so that names and clashes are told over all of them."""
        words = [
            [*base, *(f"{key}={value}" for key, value in point.items())]
            for group in self.groups
            for point in points[id(group)]
            for base in group.bases
        ]
        jobs = iter(composed_jobs(self._composing, words, told=self.search.space))
        for group in self.groups:
            group.trials += [Trial(point, tuple(next(jobs) for _ in group.bases)) for point in points[id(group)]]

    def _check_tasks(self) -> None:
        tasks: dict[str, str] = {}
        for job in self.jobs:
            other = tasks.setdefault(job.experiment, job.labels.task)
            if other != job.labels.task:
                raise UserError(
                    f"{other} and {job.labels.task} are both tuned under {job.experiment}; tuned values belong to an experiment, so give "
                    "each task a file in experiments/"
                )


def _groups(bases: Sequence[Sequence[str]], parsed: Sequence[Mapping[str, str]]) -> list[Group]:
    """The jobs by arm and task: those that differ in nothing but the seed belong together."""
    telling = {key for words in parsed for key in words if len({other.get(key) for other in parsed}) > 1}
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    arms: dict[tuple[str, ...], str] = {}
    for base, words in zip(bases, parsed, strict=True):
        group = tuple(line for key, line in words.items() if key != "seed")
        found.setdefault(group, []).append(tuple(base))
        own = [line for key, line in words.items() if key in telling and key != "model" and (key == "size" or is_of_an_arm(key))]
        arms[group] = " ".join([words.get("model", "model=hrm").partition("=")[2], *own])
    return [Group(arms[group], tuple(own)) for group, own in found.items()]


def _larger_is_better(trial: Trial) -> float | None:
    records = _records(trial)
    level = score(records)
    return level if level is None or records[0].measure.larger_is_better else -level


def _records(trial: Trial) -> list[RunRecord]:
    """The records of a trial's runs; empty where one did not complete or does not verify."""
    found = []
    for job in trial.jobs:
        action, run = decide(job, retry_failed=False)
        if action != "completed" or run is None:
            return []
        try:
            found.append(read_record(run, output_root=job.config.output_root))
        except (UserError, OSError, ValueError):
            return []
    return found


def write_tuned(tuning: Tuning, path: Path) -> list[str]:
    """Write tuned.yaml, and tuned.md to be read, from the run directories. One sentence for each arm.

    Entries of other arms and experiments of the same study stay.

    Raises:
        UserError: the folder cannot be written.
    """
    first = tuning.groups[0].trials[0].jobs[0]
    study = first.labels.study
    experiments = _kept(path, study, tuning.search)
    sentences = []
    for group in tuning.groups:
        job = group.trials[0].jobs[0]
        block = experiments.setdefault(job.experiment, {"task": job.labels.task, "measure": None, "per_arm": {}, "arms": {}})
        told, measure = _told(group, tuning.search)
        block["measure"] = measure or block["measure"]
        block["arms"][group.arm] = told
        block["per_arm"].pop(group.arm, None)
        if "chosen" in told:
            block["per_arm"][group.arm] = _nested(told["chosen"])
        sentences.append(_sentence(group, job, told, tuning.search))
    content = {
        "study": study,
        "selection": SELECTION,
        "sampler": tuning.search.sampler,
        "space": dict(tuning.search.written),
        "trials": tuning.search.trials,
        "seeds": sorted({job.labels.seed for group in tuning.groups for trial in group.trials for job in trial.jobs}),
        "experiments": experiments,
    }
    heading = "# Values chosen by tuning with equal effort; written by hrm-sweep from run directories. tuning=<this file> uses them.\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, heading + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=140))
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); choose another folder with --reports DIR") from None
    write_page(content, path.with_suffix(".md"), question=first.config.question or "")
    return sentences


def _kept(path: Path, study: str, search: Search) -> dict[str, Any]:
    """What an earlier part of the same search found, for arms and experiments that are not asked for now."""
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    same = isinstance(content, dict) and content.get("study") == study and content.get("space") == dict(search.written)
    same = same and content.get("trials") == search.trials and isinstance(content.get("experiments"), dict)
    return content["experiments"] if same else {}


def _told(group: Group, search: Search) -> tuple[dict[str, Any], str | None]:
    """All trials of an arm and the chosen one, as tuned.yaml holds them; and the measure."""
    rows, measure = [], None
    found = [_records(trial) for trial in group.trials]
    for trial, records in zip(group.trials, found, strict=True):
        level, values = score(records), _values(trial.point)
        if level is not None:
            measure = records[0].measure.name
            steps = trial.jobs[0].config.training.steps
            rows.append({**values, "state": "completed", "score": level, "steps": steps, "validation": all_levels(records)})
            continue
        states = {decide(job, retry_failed=False)[0] for job in trial.jobs}
        failed = states <= {"completed", "failed"}
        runs = [run for job in trial.jobs if (run := decide(job, retry_failed=False)[1]) is not None and run.failure]
        why = str(runs[0].failure.get("error") or "") if runs else ""
        rows.append({**values, "state": "failed" if failed else "not ended", **({"reason": why} if why else {})})
    chosen = best(found)
    ended = len(rows) == search.trials and not any(row["state"] == "not ended" for row in rows)
    if not ended or chosen is None:
        return {"trials": rows}, measure
    trial = group.trials[chosen]
    edges = [key for key, value in trial.point.items() if _at_the_edge(key, value, group, search)]
    return {"chosen": _values(trial.point), "score": score(found[chosen]), "at_the_edge": edges, "trials": rows}, measure


def _at_the_edge(key: str, value: str, group: Group, search: Search) -> bool:
    """Whether a number is the smallest or largest that was tried, so that a better one may lie outside."""
    try:
        tried = sorted({float(trial.point[key]) for trial in group.trials})
        return len(tried) > 1 and float(value) in (tried[0], tried[-1])
    except ValueError:
        return False


def _values(point: Point) -> dict[str, Any]:
    return {key: _plain(value) for key, value in point.items()}


def _plain(text: str) -> Any:
    """A value of Hydra's grammar as YAML has it: 1e-3 is a number."""
    try:
        return float(text) if not text.lstrip("+-").isdigit() else int(text)
    except ValueError:
        return parse_yaml(text)


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in values.items():
        *parents, last = key.split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return result


def _sentence(group: Group, job: Job, told: Mapping[str, Any], search: Search) -> str:
    where = f"{group.arm} on {job.experiment}"
    failed = sum(row["state"] == "failed" for row in told["trials"])
    if "chosen" not in told:
        done = sum(row["state"] != "not ended" for row in told["trials"])
        return f"{where}: nothing chosen; {done} of {search.trials} trials have ended, {failed} of them failed"
    chosen = ", ".join(f"{key}={value}" for key, value in told["chosen"].items())
    edge = f"; {', '.join(told['at_the_edge'])} at the edge of what was tried" if told["at_the_edge"] else ""
    return f"{where}: {chosen} (validation {told['score']:.4f}, {search.trials} trials{f', {failed} failed' if failed else ''}{edge})"
