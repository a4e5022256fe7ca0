# Holds includes to the floors of the house: they run down only, and never in a circle.
#
#   awk -f strip.awk -f floors.awk FILE...          (files named from the root of the project)
#
# cli, examples -> endpoints -> protocols, factories -> transports -> reactor. testing may include
# everything; nothing below it includes it. Interface headers may be included from every floor and
# need nothing themselves but the ground floor and each other.

BEGIN {
    floor["reactor"] = 0
    floor["transports"] = 1
    floor["protocols"] = floor["factories"] = 2
    floor["endpoints"] = 3
    floor["cli"] = floor["examples"] = 4
    floor["testing"] = 5

    split("protocols/protocol.h factories/factory.h factories/client_factory.h " \
          "transports/transport.h transports/address.h reactor/reason.h", headers, " ")
    for (i in headers)
        is_interface[headers[i]] = 1
}

function folder(path) { return index(path, "/") ? substr(path, 1, index(path, "/") - 1) : "" }

# The path of what an #include names, from the root of the project; "" for a foreign header.
function target(line,    name, path) {
    if (match(line, /<torc\/[^>]*>/))
        return substr(line, RSTART + 6, RLENGTH - 7)
    if (!match(line, /"[^"]*"/))
        return ""
    name = substr(line, RSTART + 1, RLENGTH - 2)
    path = FILENAME
    sub(/[^\/]*$/, "", path)
    path = path name
    while (sub(/[^\/]+\/\.\.\//, "", path))
        ;
    return path
}

function complain(path, line, text) {
    printf "%s:%d: %s\n", path, line, text
    problems++
}

function check(to,    here, there) {
    here = folder(FILENAME)
    there = folder(to)
    if (is_interface[FILENAME] && there != "reactor" && !is_interface[to])
        complain(FILENAME, FNR, "includes " to ": an interface header needs nothing above reactor/ " \
                 "but other interface headers")
    else if (here != "testing" && here in floor && there in floor && floor[there] > floor[here] &&
             !is_interface[to])
        complain(FILENAME, FNR, "includes " to ": includes run down only, " here "/ is below " there "/")
    else if (to == "torc.h" && here in floor && floor[here] < floor["cli"])
        complain(FILENAME, FNR, "includes torc.h: the library itself includes what it uses")
    else if (here == "examples" && to ~ /_internal\.h$/)
        complain(FILENAME, FNR, "includes " to ": examples show the public interface")
}

FNR == 1 { start_file() }

{ line = code($0, 1) }

line ~ /^[ \t]*#[ \t]*include/ {
    to = target(line)
    if (to == "")
        next
    check(to)
    edges[FILENAME] = edges[FILENAME] " " to
    line_of[FILENAME, to] = FNR
}

# Depth first; a file met again while it is still being followed closes a circle.
function follow(file, way,    list, count, i) {
    state[file] = "open"
    count = split(edges[file], list, " ")
    for (i = 1; i <= count; i++) {
        if (state[list[i]] == "open")
            complain(file, line_of[file, list[i]], "includes run in a circle: " way " -> " list[i])
        else if (state[list[i]] == "")
            follow(list[i], way " -> " list[i])
    }
    state[file] = "done"
}

END {
    for (file in edges)
        files[++file_count] = file
    for (i = 1; i <= file_count; i++)
        if (state[files[i]] == "")
            follow(files[i], files[i])
    exit problems > 0
}
