#!/bin/sh
# Make a virtual environment with the pinned requirements and the project itself in it.
# Usage: sh requirements/install.sh VENV REQUIREMENTS      (paths from the root of the repository)
# Quick when the environment already holds exactly these requirements. PYTHON=… names another interpreter.
set -eu
cd "$(dirname "$0")/.."
venv=$1
requirements=$2

say() { printf '%s\n' "$*" >&2; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if is_new_enough "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    return 1
}

if ! python=$(find_python); then
    found=$(${PYTHON:-python3} --version 2>&1 | head -n 1)
    say "Kifayat needs Python 3.11 or newer; ${PYTHON:-python3} says: ${found:-nothing}"
    say "On Debian 12 or newer: apt-get install python3 python3-venv. Or name another one: PYTHON=/path/to/python sh $0 …"
    exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    say "$python cannot make virtual environments: its venv module is missing."
    say "On Debian: apt-get install python3-venv, then run the same command again."
    exit 1
fi

# What the environment must be made of; where it lies counts too, as its scripts hold absolute paths.
wanted=$("$python" - "$venv" "$requirements" <<'PY'
import hashlib, pathlib, sys
venv, requirements = sys.argv[1:]
digest = hashlib.sha256(repr((sys.version_info[:3], pathlib.Path(venv).absolute())).encode())
for name in (requirements, "pyproject.toml"):
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
PY
)
stamp=$venv/kifayat-requirements.sha256
ours=$venv/made-by-kifayat
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi

# An environment of ours is made anew, so that nothing old stays in it; anybody else's is added to, never emptied.
if [ -f "$ours" ] || [ ! -e "$venv" ]; then
    say "Making $venv …"
    "$python" -m venv --clear "$venv"
    : > "$ours"
elif [ ! -x "$venv/bin/python" ]; then
    say "$venv is there but is no virtual environment. Move it away, then run the same command again."
    exit 1
fi
say "Installing $(grep -c '==' "$requirements") pinned packages into $venv (once; takes a minute or two) …"
"$venv/bin/python" -m pip --disable-pip-version-check --no-input install --quiet --require-hashes -r "$requirements"
"$venv/bin/python" -m pip --disable-pip-version-check --no-input install --quiet --no-deps --no-build-isolation -e .
printf '%s\n' "$wanted" > "$stamp"  # last: an installation that was broken off is done again
