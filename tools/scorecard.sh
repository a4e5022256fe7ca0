#!/usr/bin/env bash
# Writes docs/reliability.md from what has been counted (tools/scorecard.py).
#
#   tools/scorecard.sh [--output FILE] [--run [SECONDS]]     ./dev scorecard --help says more
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=tools/arguments.sh
source tools/arguments.sh

# Everything anew; each fuzz target, the calls and the swarm for so many seconds. A command that finds
# something goes into the page like one that does not.
count_everything() {
    local how where target
    for how in '' '--sanitize address,undefined' '--sanitize thread' --valgrind; do
        for where in '' '--backend poll' '--backend select'; do
            # shellcheck disable=SC2086
            ./dev test $how $where || true
        done
    done
    ./dev coverage || true
    ./dev torture || true
    ./dev torture --test --points 100 all || true
    for target in $(./dev fuzz --list); do
        ./dev fuzz "$target" "$1" || true
    done
    ./dev calls "$1" || true
    ./dev calls --sanitize address,undefined "$1" || true
    ./dev swarm "$1" || true
    ./dev hostile || true
}

takes=([--run]=flag [--output]=text)
read_arguments "$@"
pass_on --output
output=${given[--output]-docs/reliability.md}
# Looked at now, for what is counted may take hours.
[[ ! -d $output && (-w $output || ! -e $output && -w $(dirname "$output")) ]] || die "$output cannot be written"
if [[ -n ${given[--run]-} ]]; then
    read_seconds ''
    count_everything "${words[0]-60}"
elif ((${#words[@]} > 0)); then
    die "there is nothing to do with '${words[*]}'"
fi
exec tools/scorecard.py "${arguments[@]}"
