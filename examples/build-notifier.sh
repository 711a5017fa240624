#!/bin/sh
# Runs a command, and tells somebody how it ended:
#
#   examples/build-notifier.sh Bob make test
#
# The output goes to the terminal as ever; its last lines go with the message.
# Ends as the command did, whether or not the message got through.
set -u
who=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# A pipe would hide the status of the command, so it is written down.
{ "$@" 2>&1; echo $? >"$log.status"; } | tee "$log"
status=$(cat "$log.status")
rm -f "$log.status"

if [ "$status" -eq 0 ]; then result='✓ done'; else result="✗ failed with $status"; fi
{
  echo "$result: $*"
  tail -n 5 "$log"
} | p2p-chat send "$who" >/dev/null || echo "$who was not told." >&2
exit "$status"
