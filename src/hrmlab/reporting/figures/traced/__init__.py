"""Figures of one question being answered, and of how long a model thinks."""
