#!/bin/bash
# One job of hrm-sweep under Slurm: starts its processes with srun, tells them to save before the time limit, and puts itself back
# into the queue where it can go on later.
#
# usage: job.sh REQUEUES RETRIES DEATHS [SRUN OPTION ...] COMMAND ...
#   REQUEUES  most times that the job goes back into the queue at its time limit
#   RETRIES   most times that it does so after one of its processes was killed
#   DEATHS    a file with a line for each time that happened
requeues=$1 retries=$2 deaths=$3
shift 3

# `sbatch --signal=B:USR1@...` signals this shell alone; srun hands on to all processes of the job what it receives.
limit=no stopped=no
trap 'limit=yes; kill -USR1 "$step" 2> /dev/null' USR1
trap 'stopped=yes; kill -TERM "$step" 2> /dev/null' TERM

# What Slurm's versions pass on from sbatch to srun by themselves differs. One process that ends badly ends the others.
srun --kill-on-bad-exit=1 --ntasks="$SLURM_NTASKS" --cpus-per-task="$SLURM_CPUS_PER_TASK" "$@" &
step=$!
wait "$step"
code=$?
while kill -0 "$step" 2> /dev/null; do  # a signal ends `wait` before srun has ended
    wait "$step"
    code=$?
done

again=no
restarts=${SLURM_RESTART_COUNT:-0}
if [ "$code" -eq 0 ] || [ "$stopped" = yes ]; then  # done; or Slurm or a person ends the job, and knows whether it comes back
    :
elif [ "$limit" = yes ]; then
    [ "$restarts" -lt "$requeues" ] && again=yes
elif [ "$code" -ge 128 ]; then
    echo "$(date -u +%FT%TZ) job $SLURM_JOB_ID exit code $code" >> "$deaths"
    [ "$(wc -l < "$deaths")" -le "$retries" ] && again=yes
fi
# Slurm ends this script as soon as it has taken the job back; scontrol must live to hear that it has.
if [ "$again" = yes ] && (trap '' TERM; exec scontrol requeue "$SLURM_JOB_ID"); then
    echo "job $SLURM_JOB_ID goes back into the queue (restart $((restarts + 1)))"
    sleep 60
fi
exit "$code"
