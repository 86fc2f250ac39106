#!/usr/bin/env bash
# Trains a preset under PBS (OpenPBS, PBS Pro, Torque), one rank for each line of the job's node file. Stops before its
# walltime with a checkpoint, submits itself again and goes on from there, as long as it gets further each time.
#
#   cluster/pbs.sh [qsub option …] -- PRESET DATA.h5 RUN [train option …]
#
#   cluster/pbs.sh -l select=1:ncpus=16:mpiprocs=16 -l walltime=4:00:00 -- celeba-rvae noisy.h5 runs/faces --set lanes=16
#   cluster/pbs.sh -l nodes=2:ppn=16 -l walltime=4:00:00 -- celeba-rvae noisy.h5 runs/faces --set lanes=32     (Torque)
#   cluster/pbs.sh -l select=2:ncpus=16:mpiprocs=4 -l walltime=4:00:00 -- … --threads 4
#
# Nodes are reached by ssh, and need Cleave, data and run under the same path; SCRATCH=/local copies the data set to that
# folder of each node and reads it there. After `qdel`, the same line again goes on with the run.
set -euo pipefail
script=$(cd "$(dirname "$0")" && pwd)/pbs.sh

options=() arguments=("$@")
while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1") && shift; done
if [ $# -lt 4 ]; then
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$script" >&2
  exit 64
fi
shift

# The job is this script again, with the same words, in this folder.
submit() {
  qsub -N cleave -j oe -r y ${options[@]+"${options[@]}"} <<JOB
#!/bin/bash
cd $(printf %q "$PWD") && SCRATCH=$(printf %q "${SCRATCH:-}") exec $(printf '%q ' "$script" "${arguments[@]}")
JOB
}
if [ -z "${PBS_JOBID:-}" ]; then
  submit
  exit
fi

preset=$1 data=$2 run=$3
shift 3
if [ -n "${SCRATCH:-}" ]; then
  copy=$SCRATCH/${data##*/}
  # By a rename, for another job may read what is there.
  copying=$(printf 'cd %q && { cmp -s %q %q || { cp %q %q && mv %q %q; }; }' "$PWD" "$data" "$copy" "$data" \
    "$copy.$PBS_JOBID" "$copy.$PBS_JOBID" "$copy")
  # shellcheck disable=SC2029 # the names are those of this side
  sort -u "$PBS_NODEFILE" | while read -r host; do ssh -n "$host" "$copying"; done
  data=$copy
fi
# What is left of the walltime, in minutes, less two for starting ranks and for what PBS is late; a job without one has no limit.
left=$(qstat -f "$PBS_JOBID" | awk -F'[ =:]+' -v gone="$SECONDS" '/Resource_List.walltime/ {
  minutes = $(NF - 2) * 60 + $(NF - 1) + ($NF - gone) / 60
  print (minutes > 4 ? minutes - 2 : minutes / 2)
}')
if [ -n "$left" ]; then set -- "$@" --time-limit "$left"; fi
reached() {
  local name
  # A run in the first of two stages has a checkpoint of that stage alone.
  name=$(readlink "$run/checkpoints/latest") || name="stage 1 $(readlink "$run/first/checkpoints/latest")" || name=''
  printf '%s' "$name"
}

before=$(reached)
"${script%/cluster/pbs.sh}/launch/cleave" --continue train "$preset" --data "$data" --out "$run" "$@" &
child=$!
# PBS asks a job to end by SIGTERM: a checkpoint then, and no new job.
stopped=false
trap 'stopped=true; kill -USR1 "$child"' TERM USR1
while :; do
  status=0
  wait "$child" || status=$?
  kill -0 "$child" 2>/dev/null || break
done
case $status in 0 | 64 | 65) exit "$status" ;; esac
if $stopped || [ "$(reached)" = "$before" ]; then
  echo "cluster/pbs.sh: status $status, $(reached): not submitted again"
  exit "$status"
fi
echo "cluster/pbs.sh: status $status at $(reached): submitted again"
submit
