"""The commands: hrm-train, hrm-eval, hrm-sweep, hrm-report. Thin: they compose, check, call and report."""
