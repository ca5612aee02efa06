"""Several tasks in one run, each with an id in the puzzle embedding, scored one by one."""
