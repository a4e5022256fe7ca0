# code(line): the line without comments and with empty literals, for scripts that look for calls.
# code(line, 1) leaves string literals as they are. Remembers an open comment from line to line, so
# it wants every line of a file, in order; call start_file() at the first one.

function start_file() { in_comment = 0 }

function code(line, keep_strings,    out, two, quote, end) {
    out = ""
    while (line != "") {
        if (in_comment) {
            end = index(line, "*/")
            if (!end)
                return out
            line = substr(line, end + 2)
            in_comment = 0
            continue
        }
        if (!match(line, /["'\/]/))
            return out line
        out = out substr(line, 1, RSTART - 1)
        line = substr(line, RSTART)
        two = substr(line, 1, 2)
        quote = substr(line, 1, 1)
        if (two == "//")
            return out
        if (two == "/*") {
            in_comment = 1
            out = out " "
            line = substr(line, 3)
        } else if (quote == "/") {
            out = out "/"
            line = substr(line, 2)
        } else {
            if (quote == "\"")
                match(line, /^"([^"\\]|\\.)*"/)
            else
                match(line, /^'([^'\\]|\\.)*'/)
            if (RLENGTH < 0)
                return out
            out = out (keep_strings ? substr(line, 1, RLENGTH) : quote quote)
            line = substr(line, RLENGTH + 1)
        }
    }
    return out
}
