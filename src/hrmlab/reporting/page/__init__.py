"""The written report: its content, its forms, its files, its copy in W&B."""
