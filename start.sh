#!/bin/sh
# Set up .venv, load exports and open the dashboard. Needs Python 3.11 with venv, and a shell.
#   sh start.sh                    a company that does not exist: 36 months of bills, written into kifayat-demo/
#   sh start.sh --config FILE      your own configuration (data/samples/kifayat.toml: some small sample exports)
#   sh start.sh --no-dashboard     stop after publishing
set -eu
cd "$(dirname "$0")"

config=
dashboard=yes
while [ $# -gt 0 ]; do
    case $1 in
        --no-dashboard) dashboard=no ;;
        --config)
            [ $# -ge 2 ] || { echo "start.sh: --config needs a file" >&2; exit 2; }
            config=$2
            shift
            ;;
        -h | --help)
            sed -n '2,5s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *)
            echo "start.sh: $1 is not an option; there are --config FILE and --no-dashboard" >&2
            exit 2
            ;;
    esac
    shift
done

sh requirements/install.sh .venv requirements/runtime.txt

if [ -z "$config" ]; then
    [ "$dashboard" = yes ] || exec .venv/bin/kifayat demo --no-dashboard
    echo "The page will be at http://127.0.0.1:8501. Ctrl-C stops it." >&2
    exec .venv/bin/kifayat demo
fi

status=0
.venv/bin/kifayat --config "$config" ingest || status=$?
case $status in
    0) ;;
    3) echo "Something was refused, out of reach or does not tie: see above, and the data health page." >&2 ;;
    *) exit "$status" ;;
esac
[ "$dashboard" = yes ] || exit "$status"

echo "Opening http://127.0.0.1:8501 (or the address and port of [dashboard] in $config). Ctrl-C stops it." >&2
exec .venv/bin/kifayat --config "$config" dashboard
