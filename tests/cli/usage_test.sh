#!/usr/bin/env bash
# Wrong usage and bad luck: the exit status, and one line on standard error that says what to do.
# Runs in a network of its own, in which ports are free and no name can be resolved.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/lib.sh"

checks=0

# says STATUS LINE COMMAND...: all that is on standard error is this line; '*' stands for anything.
says() {
    local expected=$1 line=$2 said
    shift 2
    status "$expected" "$@"
    said=$(<"$dir/command.err")
    # shellcheck disable=SC2053 # a pattern is what is wanted
    [[ $said == $line ]] || fail "said: $said
  instead of: $line
  to: $*"
    [[ ! -s $dir/out ]] || fail "wrote to standard output: $*"
    checks=$((checks + 1))
}

# bad LINE ARGUMENT...: wrong usage of torc.
bad() {
    local line=$1
    shift
    says 2 "torc: $line" "$TORC" "$@"
}

# fails LINE ARGUMENT...: right usage that cannot be done.
fails() {
    local line=$1
    shift
    says 1 "torc: $line" "$TORC" "$@"
}

# ---- commands and options
bad 'a command is missing: serve, finger or connect (see: torc --help)'
bad 'unknown command "server" (known: serve, finger, connect) (see: torc --help)' server
bad 'unknown option --frobnicate (see: torc --help)' --frobnicate
for command in 'serve echo' 'finger a@b' 'connect tcp:h:1'; do
    read -r name argument <<<"$command"
    bad "unknown option --frobnicate (see: torc $name --help)" "$name" --frobnicate "$argument"
    bad "unknown option -Z (see: torc $name --help)" "$name" "$argument" -Z
    bad "option --reactor needs an argument (see: torc $name --help)" "$name" "$argument" --reactor
    bad "option -r needs an argument (see: torc $name --help)" "$name" "$argument" -r
    bad "option --quiet=1 takes no argument (see: torc $name --help)" "$name" --quiet=1
    bad "unknown reactor \"kqueue\" (known: epoll, poll, select) (see: torc $name --help)" \
        "$name" "$argument" --reactor kqueue
done
bad 'say what to serve: echo, line or finger (see: torc serve --help)' serve
bad 'one thing at a time can be served (see: torc serve --help)' serve echo line
bad 'cannot serve "http" (known: echo, line, finger) (see: torc serve --help)' serve http
bad 'there must be one user@host (see: torc finger --help)' finger
bad 'there must be one user@host (see: torc finger --help)' finger a@b c@d
bad 'cannot ask for "ann": write user@host, @host or user@host:port (see: *)' finger ann
bad 'cannot ask for "ann@": *' finger ann@
bad 'cannot ask for "ann@host:port": *' finger ann@host:port
bad 'with --endpoint there must be one user, or none for all (see: torc finger --help)' \
    finger --endpoint tcp:h:1 ann bob
bad 'option -e needs an argument (see: torc finger --help)' finger -e
bad 'cannot ask for "ann@": it is no finger query (see: torc finger --help)' \
    finger -e tcp:h:1 ann@
bad 'endpoint "ann@host", column 1: unknown type "ann@host" *' finger --endpoint ann@host ann
bad 'standard input and output cannot be asked (see: torc finger --help)' finger -e stdio: ann
bad 'the timeout must be seconds above 0, not "0" (see: torc finger --help)' finger -t 0 a@b
bad 'the timeout must be seconds above 0, not "nan" (see: *)' finger -t nan a@b
bad 'an endpoint is missing, such as tcp:HOST:PORT (see: torc connect --help)' connect
bad 'there must be one endpoint (see: torc connect --help)' connect tcp:h:1 tcp:h:2

# ---- endpoints
bad 'endpoint "tcp:65536", column 5: the port must be a number from 0 to 65535, not "65536" *' \
    serve echo --listen tcp:65536
bad 'endpoint "tcp:htpt", column 5: the port must be a number from 0 to 65535 or a service *' \
    serve echo --listen tcp:htpt
bad 'endpoint "tcp:1:interface=lo", column 17: "lo" is no IPv4 or IPv6 address such as *' \
    serve echo --listen tcp:1:interface=lo
bad 'endpoint "tcp:1:interface=::1", column 18: "" is here for "interface", which is given by keyword too (a '\'':'\'' inside a value is written "?:") *' \
    serve echo --listen tcp:1:interface=::1
bad 'endpoint "tcp:1:maxConnections=0", column 22: maxConnections must be a number from 1 to 2147483647, not "0" *' \
    serve echo --listen tcp:1:maxConnections=0
bad 'endpoint "unix:/x:refuseExcess=1", column 22: refuseExcess must be "yes" or "no", not "1" *' \
    serve echo --listen unix:/x:refuseExcess=1
bad 'endpoint "tcp:0:refuseExcess=yes", column 7: refuseExcess needs maxConnections *' \
    serve echo --max-connections 5 --listen tcp:0:refuseExcess=yes
bad 'endpoint "udp:1", column 1: unknown type "udp" (known: tcp, tcp6, unix, fd, systemd, stdio) *' \
    serve echo --listen udp:1
bad 'endpoint "tcp:1?", column 6: the backslash at the end quotes nothing; *' \
    serve echo --listen tcp:1\\
bad 'endpoint "": it is empty; *' serve echo --listen ''
bad 'endpoint "tcp:1:backlog=x", column 15: the backlog must be a number *' \
    serve echo --listen tcp:0 --listen tcp:1:backlog=x
bad 'endpoint "tcp:h": tcp needs a port *' connect tcp:h
bad 'endpoint "tcp:h:0", column 7: the port must be a number from 1 to 65535, not "0" *' \
    connect tcp:h:0
bad 'endpoint "?[31m", column 1: unknown type "?[31m" *' connect $'\e[31m'

# ---- serve's own options
for size in '' x -1 511K 1T 16MB 99999999999999999999 18446744073709551615G; do
    bad "the buffer limit must be at least 512K, such as 16M, or \"off\", not \"$size\" (see: *)" \
        serve echo --buffer-limit "$size"
done
for time in '' 0 -1 never nan inf 1x; do
    bad "the idle timeout must be seconds above 0, not \"$time\" (see: torc serve --help)" \
        serve echo --idle-timeout "$time"
    bad "the close timeout must be seconds above 0, not \"$time\" (see: torc serve --help)" \
        serve echo --close-timeout "$time"
    bad "the grace period must be seconds above 0, not \"$time\" (see: torc serve --help)" \
        serve echo --grace "$time"
done
bad '--refuse-excess needs --max-connections (see: torc serve --help)' serve echo --refuse-excess
bad '--refuse-excess needs --max-connections (see: *)' \
    serve echo --refuse-excess --listen tcp:0:maxConnections=1
bad '--user and --system are for finger, not for echo (see: *)' serve echo --system
bad '--user and --system are for finger, not for line (see: *)' serve line --user 'a:A'
bad '--user and --system exclude each other (see: *)' serve finger --system --user 'a:A'
bad "--user takes 'LOGIN:FULL NAME*PLAN FILE*', not \"ann\" (see: *)" serve finger --user ann
bad '"a b" cannot be a login * (see: *)' serve finger --user 'a b:A B'
fails "cannot read the plan of ann, $dir/none: No such file or directory" \
    serve finger --user "ann:Ann:$dir/none"
fails "cannot read the plan of ann, $dir: Is a directory" serve finger --user "ann:Ann:$dir"
fails 'cannot read the plan of ann, /dev/zero: File too large' \
    serve finger --user ann:Ann:/dev/zero

# ---- what cannot be done
serve echo
fails "cannot listen on tcp:$port: address already in use (*ss -ltnp)" \
    serve echo --listen tcp:0 --listen "tcp:$port"
fails 'cannot listen on tcp:0:interface=192.0.2.1: the interface is no address of this host (*)' \
    serve echo --listen tcp:0:interface=192.0.2.1
if command -v setpriv >/dev/null && [[ $(id -u) == 0 ]] && (($(id -u nobody) > 0)); then
    chmod 755 "$dir"
    cp "$TORC" "$dir/torc"
    if setpriv --reuid=nobody --bounding-set=-all "$dir/torc" --version >/dev/null 2>&1; then
        says 1 'torc: cannot listen on tcp:80: permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE, *)' \
            setpriv --reuid=nobody --bounding-set=-all --inh-caps=-all \
            "$dir/torc" serve echo --listen tcp:80
    fi
fi
fails 'cannot connect to 127.0.0.1:1: Connection refused' connect tcp:127.0.0.1:1
fails '*no-such-host.invalid*' connect tcp:no-such-host.invalid:1
fails 'ann@no-such-host.invalid: *' finger ann@no-such-host.invalid
fails 'ann@127.0.0.1:1: cannot connect to 127.0.0.1:1: Connection refused' finger ann@127.0.0.1:1
fails "cannot connect to unix:$dir/none: No such file or directory" \
    finger --endpoint "unix:$dir/none" ann
echo precious >"$dir/file"
fails "cannot listen on unix:$dir/file: the path exists and is not a socket (it is left alone)" \
    serve echo --listen "unix:$dir/file"
[[ $(<"$dir/file") == precious ]] || fail 'a file was removed'
stop

# ---- help and versions
for command in '' serve finger connect; do
    status 0 "$TORC" ${command:+"$command"} --help
    grep -q '^Usage: torc' "$dir/out" || fail "torc $command --help: $(<"$dir/out")"
    status 0 "$TORC" ${command:+"$command"} --version
    grep -qx 'torc [0-9.]*' "$dir/out" || fail "torc $command --version: $(<"$dir/out")"
done
says 1 'torc: cannot write to standard output: No space left on device' \
    sh -c "exec '$TORC' --help >/dev/full"
says 1 'torc: cannot write to standard output: No space left on device' \
    sh -c "exec '$TORC' serve echo --listen tcp:0 >/dev/full"
echo "$checks messages checked"
