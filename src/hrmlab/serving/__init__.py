"""Trained runs behind HTTP: puzzles, code, reports, and a page to watch it on (extra ``serve``)."""
