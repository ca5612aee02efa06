#!/usr/bin/env bash
# Install Slurm's daemons and commands where they are missing and can be installed; the tests say what they miss and are skipped otherwise.
command -v slurmctld slurmd sbatch srun munged > /dev/null && [ "$(command -v slurmctld slurmd sbatch srun munged | wc -l)" -eq 5 ] && exit 0
[ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null || exit 0
export DEBIAN_FRONTEND=noninteractive
packages=(slurmctld slurmd slurm-client munge)
timeout 300 bash -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' - "${packages[@]}" < /dev/null > /dev/null \
    || echo "Slurm could not be installed (apt-get install ${packages[*]}): its tests are skipped"
exit 0
