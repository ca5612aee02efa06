"""A user's own text or code, of any size, for language modelling."""
