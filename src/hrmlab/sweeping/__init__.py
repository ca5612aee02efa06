"""The parts of hrm-sweep: which jobs, on what, one after the other or side by side, and what a person sees of it."""
