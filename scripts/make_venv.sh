#!/usr/bin/env bash
# make_venv.sh DIR: a virtual environment in DIR, with Python 3.11 or newer, also where Debian's python3-venv is missing.
set -euo pipefail
target=$1
source "$(dirname "$0")/as_root.sh"

python=
for candidate in "${PYTHON3:-python3}" python3.11 python3.12 python3.13; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Python 3.11 or newer is needed (Debian 12: apt-get install python3 python3-venv)." >&2
    exit 1
fi

make_it() { rm -rf "$target" && "$python" -m venv "$target" 2>/dev/null; }

if ! make_it; then
    echo "Python's venv module is not complete here; installing python3-venv." >&2
    install_packages python3-venv || {
        echo "Please run: sudo apt-get install python3-venv" >&2
        exit 1
    }
    make_it
fi
