"""Run directories: the one record of a run, which everything else (resume, evaluation, sweep, report) reads."""
