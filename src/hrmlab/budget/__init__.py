"""What a model costs, and how wide it must be to cost what the comparison allows."""
