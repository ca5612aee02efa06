"""The fairness card as a table."""

from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.layout import Table


def fairness_table(card: tuple[Check, ...]) -> Table:
    """One row for each check, warnings in bold."""
    rows = tuple((check.name, f"**{check.status}**" if check.status == "WARNING" else check.status, check.detail) for check in card)
    return Table(("Check", "Result", "What was found"), rows, labels=3)
