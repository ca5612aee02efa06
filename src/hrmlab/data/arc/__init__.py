"""ARC-AGI: tasks that a few pairs of grids demonstrate."""
