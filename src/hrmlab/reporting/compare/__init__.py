"""Arm against arm: scores, paired tests, leaks, and the verdict in words."""
