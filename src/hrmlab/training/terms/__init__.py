"""Further losses of a segment, one in each file, and what they have in common. Training knows none of them by name."""
