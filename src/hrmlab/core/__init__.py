"""Shared types that every other layer speaks: batches, predictions, the task specification, named random streams."""
