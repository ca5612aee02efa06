"""How well a reasoner answers: correctness per example, metrics, halting analysis."""
