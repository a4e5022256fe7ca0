#!/usr/bin/env bash
# Every function of a header is named on the page of its interface.
#
#   interfaces_test.sh PAGES ROOT
#
# Which headers belong to a page, and which how-tos share its work, is said by the links of the
# paragraph there that begins with "Manual:". Left out are the long forms (callLaterWith), what fills in
# tables and options (_init), and results as steps see them (TorcResult_), whose page is deferreds.md.
# Then the index must lead to every page.
set -euo pipefail

pages=$1
root=$2
wrong=0
functions=0

manual() { sed -n '/^Manual:/,/^$/p' "$1"; }
links() { grep -oE '\]\([^)#]*\.'"$1" | sed 's/^](//'; }

without_comments() { tr '\n' ' ' <"$1" | sed -E 's#/\*[^*]*\*+([^/*][^*]*\*+)*/##g'; }

functions_of() {
    without_comments "$1" | grep -oE '\b(Torc[A-Z][A-Za-z]*|torc)_[A-Za-z]+\(' | tr -d '(' |
        grep -vE '(With|_init)$|^TorcResult_' | sort -u || true
}

# All words of a text, each between spaces.
words() { printf ' %s ' "$(grep -oE '[A-Za-z_]+' | LC_ALL=C sort -u | tr '\n' ' ')"; }

complain() {
    printf '%s\n' "$1"
    wrong=$((wrong + 1))
}

for page in "$pages"/*.md; do
    name=${page##*/}
    text=$(cat "$page")
    while IFS= read -r howto; do
        text+=$(cat "$pages/$howto")
    done < <(manual "$page" | links md || true)
    text=$(words <<<"$text")
    while IFS= read -r header; do
        while IFS= read -r function; do
            functions=$((functions + 1))
            [[ $text == *" $function "* || $text == *" ${function#*_} "* ]] ||
                complain "$name: $function of ${header##*/} is not there"
        done < <(functions_of "$pages/$header")
    done < <(manual "$page" | links h || true)
    grep -qF "(interfaces/$name)" "$root/docs/README.md" ||
        complain "docs/README.md does not lead to $name"
done

printf '%d functions, %d complaints\n' "$functions" "$wrong"
[[ $functions -gt 100 && $wrong -eq 0 ]]
