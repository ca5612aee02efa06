"""The generators of the package reasoning-gym, with its own scorers."""
