# For the scripts behind ./dev: reads their command lines, so that whatever is wrong with one is said
# in one line, and before anything is built. To be sourced.
# shellcheck shell=bash

# As ./dev calls it.
tool=$(basename "$0" .sh)

# What each option takes: flag (nothing), text, list (a word, and the option may come again), seed (up to
# 64 bits, 0x too), decimal (above 0), or the range of a whole number, such as 1-100 or 1-. That of "--" is
# rest: what follows is for somebody else.
declare -A takes=()

# What was given: the options, the other words, and what follows "--".
declare -A given=()
words=()
rest=()

# A command line for another program.
arguments=()

die() {
    printf '%s: %s; ./dev %s --help\n' "$tool" "$*" "$tool" >&2
    exit 2
}

# check_value NAME VALUE KIND
check_value() {
    local least=${3%-*} most=${3#*-}
    case $3 in
        text | list) [[ -n $2 ]] || die "$1 takes a value" ;;
        seed) [[ $2 =~ ^([0-9]{1,20}|0x[0-9a-fA-F]{1,16})$ ]] || die "$1 is a number, not '$2'" ;;
        decimal) [[ $2 =~ ^[0-9]+([.][0-9]+)?$ && $2 =~ [1-9] ]] || die "$1 is a number above 0, not '$2'" ;;
        *)
            # As many digits as the shell can compare.
            if ! [[ $2 =~ ^(0|[1-9][0-9]{0,17})$ ]] || (($2 < least || $2 > ${most:-$2})); then
                die "$1 is a number from $least${most:+ to $most}, not '$2'"
            fi
            ;;
    esac
}

# read_arguments WORD...: as takes says; --name=value is --name value.
read_arguments() {
    local kind
    while (($# > 0)); do
        [[ $1 != --?*=* || ${takes[${1%%=*}]-} == flag ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
        kind=word
        [[ $1 != -* ]] || kind=${takes[$1]-unknown}
        case $kind in
            unknown) die "there is no option $1" ;;
            word) words+=("$1") ;;
            flag) given[$1]=yes ;;
            rest) rest=("${@:2}") && return ;;
            *)
                (($# > 1)) || die "$1 takes a value"
                check_value "$1" "$2" "$kind"
                if [[ $kind == list ]]; then given[$1]+=" $2"; else given[$1]=$2; fi
                shift
                ;;
        esac
        shift
    done
}

# pass_on OPTION...: those that were given go to arguments.
pass_on() {
    local name
    for name; do
        [[ -n ${given[$name]-} ]] || continue
        arguments+=("$name")
        [[ ${takes[$name]} == flag ]] || arguments+=("${given[$name]}")
    done
}

# read_seconds OPTION: beside options there may be a number of seconds, unless this one says how long.
read_seconds() {
    ((${#words[@]} > 0)) || return 0
    ((${#words[@]} == 1)) || die "SECONDS is one number, not '${words[*]}'"
    check_value SECONDS "${words[0]}" 1-
    [[ -z $1 || -z ${given[$1]-} ]] || die "SECONDS and $1 do not go together"
}
