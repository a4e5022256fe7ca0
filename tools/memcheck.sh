#!/usr/bin/env bash
# Runs a test program under valgrind's memcheck; a test that is not a program of ours but, say, a
# compiler or a script, as it is.
#
#   tools/memcheck.sh PROGRAM [ARGUMENT...]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [[ $1 != "$root"/build*/* ]]; then
    exec "$@"
fi
export TORC_SANITIZER=memcheck # for tests that do less where each access is checked
# A thread that is still running at exit keeps its memory "possibly": only definite leaks count.
exec valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
    --suppressions="$root/tools/memcheck.supp" --error-exitcode=99 --trace-children=no "$@"
