"""One line of the fairness card."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["OK", "WARNING", "STATED", "NOT APPLICABLE"]


@dataclass(frozen=True)
class Check:
    """One line of the card. STATED is a fact that the reader must judge; WARNING is a comparison that is not fair or not shown to be."""

    name: str
    status: Status
    detail: str
