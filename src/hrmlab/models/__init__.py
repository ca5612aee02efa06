"""Reasoners: one architecture per file, pure ``nn.Module``, no Lightning, no configuration."""
