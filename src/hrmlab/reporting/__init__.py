"""From run directories to a report: tables, figures, fairness card, Markdown and HTML. Nothing here imports torch."""
