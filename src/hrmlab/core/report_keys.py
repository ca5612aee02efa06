"""Root keys of a configuration that speak to the report alone."""

REPORT_KEYS = ("question", "limits", "asks", "margin")
"""They change nothing of what a run computes: no hash, no name and no comparison of configurations counts them."""
