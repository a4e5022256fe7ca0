# Finds calls that the rules of the house keep to certain files.
#
#   awk -f strip.awk -f calls.awk rules=forbidden_calls.txt rules=allowed_calls.txt FILE...
#
# Comments and literals do not count, nor do members (ops->recv(), x.send()), longer names
# (TorcTransport_connect()) and a file's own static functions. Prints file:line: and the rule;
# status 1 if there was anything.

BEGIN {
    why["seam"] = "only reactor/system_real*.c asks the operating system; go through TorcSystem"
    why["memory"] = "only reactor/memory.c allocates; use the torc__ functions of memory_internal.h"
    why["output"] = "the library never prints and never ends the program; log an event"
}

FNR == 1 { start_file() }

FILENAME ~ /forbidden_calls\.txt$/ {
    if ($0 !~ /^(#|$)/)
        for (i = 2; i <= NF; i++)
            rule_of[$i] = $1
    next
}

FILENAME ~ /allowed_calls\.txt$/ {
    if ($0 ~ /^(#|$)/)
        next
    pattern = $2
    gsub(/\./, "\\.", pattern)
    gsub(/\*/, "[^/]*", pattern)
    allowances++
    allowed_file[allowances] = "^" pattern "$"
    allowed_rule[allowances] = $1
    allowed_name[allowances] = $3
    next
}

function allowed(rule, name,    i) {
    for (i = 1; i <= allowances; i++)
        if (allowed_rule[i] == rule && FILENAME ~ allowed_file[i] &&
            (allowed_name[i] == "*" || allowed_name[i] == name))
            return 1
    return 0
}

function complain(rule, what) {
    printf "%s:%d: %s: %s\n", FILENAME, FNR, what, why[rule]
    problems++
}

{
    rest = code($0)
    if (rest ~ /^[ \t]*#[ \t]*include[ \t]*<event2\// && !allowed("seam", "event2"))
        complain("seam", "includes libevent")
    defines = rest ~ /^static /
    before = ""
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
        before = before substr(rest, 1, RSTART - 1)
        name = substr(rest, RSTART, RLENGTH - 1)
        sub(/[ \t]+$/, "", name)
        if (defines && before !~ /[(=]/)
            own[FILENAME, name] = 1
        if (name in rule_of && before !~ /(\.|->)[ \t]*$/ && !((FILENAME, name) in own) &&
            !allowed(rule_of[name], name))
            complain(rule_of[name], "calls " name "()")
        before = before substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
    }
}

END { exit problems > 0 }
