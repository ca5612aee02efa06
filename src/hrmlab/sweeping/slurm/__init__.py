"""Jobs of a sweep as jobs of Slurm."""
