"""Run directories, read once and sorted into what counts and what does not."""
