"""The fairness card as a table."""

from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.layout import Table


def fairness_table(card: tuple[Check, ...]) -> Table:
    """One row for each check that applies, warnings in bold."""
    applying = [check for check in card if check.status != "NOT APPLICABLE"]
    rows = tuple((check.name, f"**{check.status}**" if check.status == "WARNING" else check.status, check.detail) for check in applying)
    return Table(("Check", "Result", "What was found"), rows, labels=3)
