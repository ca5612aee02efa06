"""The fairness card: what must be equal, checked on the run directories."""
