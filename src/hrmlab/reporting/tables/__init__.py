"""The report's tables: headings and rows of short texts."""
