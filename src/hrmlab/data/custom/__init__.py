"""A user's own token grids."""
