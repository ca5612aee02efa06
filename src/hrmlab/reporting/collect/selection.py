"""Which part of one or several studies a report is about, and names that tell equal arms of several studies apart."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from hrmlab.config.values import nearest
from hrmlab.core.errors import UserError
from hrmlab.runs.directory import RunLabels


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Names as a report shows them; empty means all. A comma within a name is written as a space: ``hrm segments=1``."""

    arms: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()

    @classmethod
    def of(cls, *, arms: str | None = None, tasks: str | None = None, sizes: str | None = None) -> "Selection":
        """From texts with names between commas."""
        return cls(arms=_names(arms), tasks=_names(tasks), sizes=_names(sizes))

    @property
    def words(self) -> tuple[str, ...]:
        """As words of the command; empty where all is selected."""
        return tuple(f"{field.name}={','.join(names)}" for field in fields(self) if (names := getattr(self, field.name)))

    def keeps(self, labels: RunLabels) -> bool:
        """Whether a run with these labels belongs to it."""
        return all(
            not names or _shown(label) in names
            for names, label in ((self.arms, labels.arm), (self.tasks, labels.task), (self.sizes, labels.size))
        )

    def check(self, labels: Sequence[RunLabels]) -> None:
        """Refuse a name that no run has, and a selection of nothing.

        Raises:
            UserError: the first such name, with the nearest.
        """
        for key, names, known in (
            ("arms", self.arms, {_shown(item.arm) for item in labels}),
            ("tasks", self.tasks, {_shown(item.task) for item in labels}),
            ("sizes", self.sizes, {_shown(item.size) for item in labels}),
        ):
            for name in names:
                if name not in known:
                    guess = nearest(name, sorted(known))
                    hint = f"did you mean {guess}? " if guess else ""
                    raise UserError(f"{key}={name} is in no run; {hint}there are {', '.join(sorted(known))}")
        if labels and not any(self.keeps(item) for item in labels):
            raise UserError(f"no run has all of {' '.join(self.words)}; leave one of them out")

    def told(self, names: Sequence[str]) -> str:
        """What a reader must know of it before any number; empty where all of one study is shown."""
        sentences = [f"Several studies side by side: {', '.join(names)}."] if len(names) > 1 else []
        if self.words:
            sentences.append(
                f"Only a part is shown, and corrections for several comparisons count this part alone: {'; '.join(self.words)}."
            )
        return " ".join(sentences)

    def folder(self, names: Sequence[str]) -> str:
        """Of its report: the study's own only where all of it is shown."""
        return ",".join(["+".join(names), *(word.replace(",", "+").replace(" ", "-") for word in self.words)])


EVERYTHING = Selection()


def studies_of(text: str) -> list[str]:
    """``a,b`` as names of studies.

    Raises:
        UserError: a name is empty or given twice.
    """
    names = [name.strip() for name in text.split(",")]
    if not all(names) or len(set(names)) < len(names):
        raise UserError(f"study={text} holds an empty name or one twice; write for example study=quick,mine")
    return names


def shown_arms(labels: Iterable[RunLabels]) -> dict[tuple[str, str], str]:
    """(study, arm) -> the arm as a report shows it: with its study's name where another study has the arm on the same task and size."""
    places: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    found: dict[tuple[str, str], str] = {}
    for item in labels:
        places[item.task, item.size, item.arm].add(item.study)
        found[item.study, item.arm] = _shown(item.arm)
    double = {arm for (_, _, arm), studies in places.items() if len(studies) > 1}
    return {(study, arm): f"{name} ({study})" if arm in double else name for (study, arm), name in found.items()}


def _names(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _shown(label: str) -> str:
    return label.replace(",", " ")
