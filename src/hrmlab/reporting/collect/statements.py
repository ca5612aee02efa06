"""What a study says of itself in words: its question, and what it cannot say."""

from collections import Counter
from collections.abc import Sequence

import yaml

from hrmlab.config.location import config_file
from hrmlab.reporting.collect.records import RunRecord


def question_of(runs: Sequence[RunRecord]) -> str:
    """The question as most runs have it, for it was asked before there was an answer; empty where none has one."""
    return _said(runs, "question")


def limits_of(runs: Sequence[RunRecord], studies: Sequence[str]) -> str:
    """The limits of these studies, empty where no run declares any.

    A limit that is seen afterwards has to be told too, and one that turned out otherwise has to go: where a study is that of a sweep
    file, the file's present sentence stands for the one that its runs were started with.
    """
    if not (recorded := _said(runs, "limits")):
        return ""
    present = [sentence for study in studies if (sentence := _of_file(study))]
    return " ".join(dict.fromkeys(present)) or recorded


def _of_file(study: str) -> str:
    file = config_file("sweeps", study)
    found = yaml.safe_load(file.read_text(encoding="utf-8")) if file is not None else None
    return str(found.get("limits") or "") if isinstance(found, dict) and found.get("study") == study else ""


def _said(runs: Sequence[RunRecord], key: str) -> str:
    """As most of the runs have it; empty where no run says."""
    found = Counter(str(sentence) for run in runs if (sentence := run.config.get(key)))
    return max(found, key=lambda sentence: (found[sentence], sentence)) if found else ""
