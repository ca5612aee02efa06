"""Checks whose results belong in every report: what could make a comparison unfair or a score meaningless."""
