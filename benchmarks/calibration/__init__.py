"""``make calibrate``: what the intervals and the test of ``hrmlab.statistics`` cover, simulated, as docs/calibration.md and its figure."""
