"""Less noise from Lightning on the terminal."""

import logging
import warnings


def quiet_lightning() -> None:
    """Keep hints about Lightning's cloud, and warnings that cannot apply here, away from the user."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Lightning 2.6 on torch 2.13 warns about its own use of torch.
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    # Data live on the device and have no worker processes.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # What is logged at the end of an evaluation has been reduced over all processes already.
    warnings.filterwarnings("ignore", message=".*recommended to use .self.log.*sync_dist=True.*")
