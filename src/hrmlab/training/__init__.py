"""LightningModules, losses, optimizers and callbacks: thin, over the reasoner contract."""
