"""hrmlab: fair, leak-checked comparisons of Hierarchical Reasoning Models with budget-matched baselines."""

__version__ = "0.1.0"
