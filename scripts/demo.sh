#!/usr/bin/env bash
# demo.sh [options of serve]: the coordinator and 25 simulated sites that come in as soon as a briefing is opened.
set -euo pipefail
data=${COORDINATOR_DATA:-var}
config=${COORDINATOR_CONFIG:-config/sites.yaml}
url=http://127.0.0.1:${COORDINATOR_PORT:-8080}
coordinator=.venv/bin/coordinator

"$coordinator" serve "$@" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT

.venv/bin/python - "$url/healthz" "$server" <<'PYTHON'
import os, sys, time, urllib.request
url, pid = sys.argv[1], int(sys.argv[2])
for _ in range(300):
    try:
        urllib.request.urlopen(url, timeout=2)
        break
    except OSError:
        os.kill(pid, 0)  # gives up where the server has ended
        time.sleep(0.1)
PYTHON

echo "Log in, create a briefing, press open: the simulated sites come in." >&2
"$coordinator" simulate --url "$url" --data "$data" --config "$config"
