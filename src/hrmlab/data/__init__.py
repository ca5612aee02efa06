"""Tasks: where examples come from, how they become tokens, how they are split, augmented and scored."""
