#!/bin/sh
# Every check of the project, in an environment of its own. Needs Python 3.11 with venv, and a shell.
# All steps run, also after a failure; the exit code is 1 if one of them failed.
# KIFAYAT_SKIP_BROWSER=1 leaves out the browser tests where there is no chromium, and says so.
set -eu
cd "$(dirname "$0")"

say() { printf '%s\n' "$*" >&2; }

find_chromium() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name"; then
            return
        fi
    done
    return 1
}

without_browser=
if [ "${KIFAYAT_SKIP_BROWSER:-}" = 1 ]; then
    say "WARNING: the browser tests are left out (KIFAYAT_SKIP_BROWSER=1): nobody looked at the pages in a browser."
    without_browser=" and not browser"
elif [ -z "${KIFAYAT_CHROMIUM:-}" ] && ! KIFAYAT_CHROMIUM=$(find_chromium); then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Installing chromium for the browser tests …"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-core >/dev/null
    fi
    if ! KIFAYAT_CHROMIUM=$(find_chromium); then
        say "The browser tests need chromium. On Debian: apt-get install chromium fonts-noto-core."
        say "To leave them out on purpose: KIFAYAT_SKIP_BROWSER=1 sh test.sh"
        exit 1
    fi
fi
export KIFAYAT_CHROMIUM="${KIFAYAT_CHROMIUM:-}"

sh requirements/install.sh .venv-test requirements/dev.txt
bin=.venv-test/bin

# DuckDB 2 in a folder of its own, put before the pinned 1.5 for the second leg.
if ! cmp -s requirements/duckdb2.txt .duckdb2/requirements.txt; then
    rm -rf .duckdb2
    "$bin/python" -m pip --disable-pip-version-check --no-input install --quiet \
        --require-hashes --no-deps --target .duckdb2 -r requirements/duckdb2.txt
    cp requirements/duckdb2.txt .duckdb2/requirements.txt
fi

passed=0
failed=0
failures=
step() {
    name=$1
    shift
    say ""
    say "== $name"
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        failures="$failures $name;"
    fi
}

# Rooms that speak SQL, on DuckDB 2.
on_duckdb_2() {
    PYTHONPATH=$PWD/.duckdb2 "$bin/python" -c '
import duckdb, sys
if not duckdb.__version__.startswith("2."):
    sys.exit(f"the second leg found DuckDB {duckdb.__version__}, not 2: remove .duckdb2 and run again")
' && PYTHONPATH=$PWD/.duckdb2 "$bin/python" -m pytest -m "not slow and not pure and not browser and not validator" \
        tests/conformance tests/warehouse tests/models/test_cost_forecast.py tests/models/test_unit_cost.py \
        tests/models/test_anomalies.py tests/recommender/test_plan.py tests/dashboard/test_pages.py tests/kifayat/report \
        tests/ingest/test_aws_cur.py tests/ingest/test_con*.py tests/ingest/test_derive.py tests/ingest/test_*feeds.py \
        tests/ingest/test_load.py tests/ingest/test_persons.py tests/ingest/test_r*.py tests/ingest/test_source.py
}

companies="tests/demo tests/test_samples.py tests/test_focus_conformance.py"
on_whole_companies() { "$bin/python" -m pytest -m "company" && "$bin/python" -m pytest -m "not company" $companies; }

# They run beside the others: each keeps one core busy most of the time.
beside=$(mktemp -d)
run_beside() {
    for name in on_duckdb_2 on_whole_companies; do
        result=0
        "$name" >"$beside/$name" 2>&1 || result=$?
        printf '%s\n' "$result" >"$beside/$name.result"
    done
}
trap 'kill "$second" 2>/dev/null || true; rm -rf "$beside"' EXIT
run_beside &
second=$!

what_ran_beside() {
    wait "$second" || true
    cat "$beside/$1"
    return "$(cat "$beside/$1.result")"
}

step "ruff check" "$bin/ruff" check .
step "ruff format" "$bin/ruff" format --check .
step "mypy" "$bin/mypy"
step "imports" "$bin/lint-imports"
step "tests" "$bin/python" -m pytest -m "not company$without_browser" $(printf -- "--ignore=%s " $companies)
step "tests on DuckDB 2" what_ran_beside on_duckdb_2
step "tests on whole companies" what_ran_beside on_whole_companies

if [ "$failed" -gt 0 ]; then
    say ""
    say "Failed:$failures"
    echo "steps: $passed passed, $failed failed"
    exit 1
fi
