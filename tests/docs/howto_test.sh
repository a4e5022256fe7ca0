#!/usr/bin/env bash
# Every block of C on a page stands in one of the sources, but for white space.
#
#   howto_test.sh PAGE.md SOURCE...
set -euo pipefail

page=$1
shift

squeeze() { tr -s '[:space:]' ' '; }

sources=$(cat "$@" | squeeze)
blocks=0
wrong=0
block=''
inside=''
while IFS= read -r line || [[ -n $line ]]; do
    if [[ $line == '```c' ]]; then
        inside=yes
        block=''
    elif [[ $inside && $line == '```' ]]; then
        inside=''
        blocks=$((blocks + 1))
        wanted=$(squeeze <<<"$block")
        wanted=${wanted# }
        wanted=${wanted% }
        if [[ $sources != *"$wanted"* ]]; then
            printf '%s: this block is in none of the sources:\n%s\n' "$page" "$block"
            wrong=$((wrong + 1))
        fi
    elif [[ $inside ]]; then
        block+=$line$'\n'
    fi
done <"$page"

[[ ! $inside ]] || { printf '%s: the last block has no end\n' "$page" && exit 1; }
printf '%s: %d blocks of C, %d of them not compiled\n' "$page" "$blocks" "$wrong"
[[ $blocks -gt 0 && $wrong -eq 0 ]]
