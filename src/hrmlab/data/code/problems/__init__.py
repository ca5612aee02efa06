"""Problem sets to evaluate on: HumanEval, HumanEval+, MBPP, or a file of one's own."""
