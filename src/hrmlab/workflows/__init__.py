"""What a command, a notebook or a server does with runs: prepare, fit, score, summarise, open."""
