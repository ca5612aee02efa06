"""Formal languages: the beginning of a word is given and the rest of it asked."""
