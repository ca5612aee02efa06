"""Calibrated intervals and tests, corrections: NumPy and SciPy only, every random number from a generator that the caller passes in.

What cannot be said from the data is None, never a guess: one seed has no interval, one arm has no difference.
"""
