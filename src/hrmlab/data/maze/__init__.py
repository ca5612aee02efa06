"""Shortest-path mazes up to 30 x 30: search, generator, symmetries, augmentation and the task."""
