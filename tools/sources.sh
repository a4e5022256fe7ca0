#!/usr/bin/env bash
# Names the project's files of one kind, one a line.
#
#   tools/sources.sh c|library|public|shell
#
# c: every C source and header. library: those of the library's folders. public: the headers that
# are installed. shell: the scripts, by ending or by first line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

files() {
    find . \( -path ./.git -o -path './build' -o -path './build-*' -o -path ./subprojects \) -prune -o \
        -type f "$@" -printf '%P\n' | LC_ALL=C sort
}

library() { files -name '*.[ch]' | grep -E '^(reactor|transports|protocols|factories|endpoints|testing)/'; }

case ${1-} in
    c) files -name '*.[ch]' ;;
    library) library ;;
    public)
        echo torc.h
        library | grep '\.h$' | grep -v '_internal\.h$'
        ;;
    shell)
        files -size -200k | while IFS= read -r file; do
            { IFS= read -r line <"$file" || true; } 2>/dev/null
            if [[ $file == *.sh || $line =~ ^#!.*[/\ ](ba)?sh($|\ ) ]]; then
                printf '%s\n' "$file"
            fi
        done
        ;;
    *)
        echo 'usage: tools/sources.sh c|library|public|shell' >&2
        exit 2
        ;;
esac
