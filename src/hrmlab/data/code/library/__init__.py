"""Functions of Python's standard library: real text to train on."""
