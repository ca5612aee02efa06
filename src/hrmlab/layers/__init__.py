"""Building blocks of the reasoners: plain torch, no configuration, no Lightning."""
