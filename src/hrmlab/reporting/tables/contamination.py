"""What the training text has in common with the evaluation sets, as a table and as examples."""

from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.contamination import found_overlaps
from hrmlab.reporting.layout import Table


def contamination_table(study: Study) -> Table | None:
    """Evaluation sets x kinds of coincidence, in problems; None where nothing was audited."""
    found = [item for task in study.tasks for item in found_overlaps(task)]
    if not found:
        return None
    rows = [
        (
            item.task,
            item.name,
            text.count(item.problems),
            " / ".join(text.count(item.counts[kind]) for kind in ("exact_prompt", "exact_solution", "exact_whole")),
            *(text.count(item.counts[kind]) for kind in ("ast", "ngram_solution", "ngram_prompt")),
            item.verdict,
        )
        for item in found
    ]
    columns = (
        "Task",
        "Set",
        "Problems",
        "Exact prompt / solution / both",
        "Same syntax tree",
        "13 tokens of the solution",
        "13 words of the prompt",
        "Verdict",
    )
    return Table(columns, tuple(rows), labels=2)


def contamination_examples(study: Study) -> list[str]:
    """A few coincidences of every set, in inline Markdown: each once, with the tasks in which it was found."""
    tasks: dict[tuple[str, str], list[str]] = {}
    for task in study.tasks:
        for item in found_overlaps(task):
            for example in item.examples:
                tasks.setdefault((item.name, example), []).append(item.task)
    return [f"{text.listing(labels)}, {name}: {example}" for (name, example), labels in tasks.items()]
