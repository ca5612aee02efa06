"""Sudoku of side 4, 6 and 9: solver, generator, symmetries, augmentation and the task."""
