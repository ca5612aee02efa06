"""Runs that do not count, one by one."""

from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.layout import Table


def listed_table(study: Study) -> Table:
    """Runs that do not count, with the reason."""
    also = "; another launch with the same labels was completed and counts"
    rows = [
        (f"`{item.name}`", item.state, item.reason + (also if item.replaced and item.state not in ("duplicate", "superseded") else ""))
        for item in study.listed
    ]
    return Table(("Run", "State", "Reason"), tuple(rows), labels=3)
