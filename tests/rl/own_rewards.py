"""Rewards of one's own, by their dotted paths."""

import math
from zlib import crc32

from hrmlab.data.written.record import CodeRecord


def lottery(record: CodeRecord, text: str) -> float:
    """A pure function of the text that a model without any skill has differences in."""
    return crc32(text.encode()) % 7 / 7


def failing(record: CodeRecord, text: str) -> float:
    """Raises."""
    raise RuntimeError("the reward's own trouble")


def not_a_number(record: CodeRecord, text: str) -> float:
    """NaN."""
    return math.nan


def sevens(record: CodeRecord, text: str) -> float:
    """The share of sevens."""
    return text.count("7") / len(text) if text else 0.0
