/* How the torc command speaks: errors and the log on standard error, results on standard output,
 * every message one line and one write, so that lines of several threads and processes do not mix.
 *
 * cli_error may be called on any thread; so may the log observer, which keeps no state but its
 * arguments. Nothing a peer sent reaches the terminal unescaped. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

enum { LINE_SIZE = 1024 };

/* ---- errors -------------------------------------------------------------------------------- */

/* Makes the text one printable line; "..." tells that it was cut. */
static void finish_line(char line[LINE_SIZE], size_t length)
{
    if (length >= LINE_SIZE - 1) {
        length = LINE_SIZE - 2;
        memcpy(line + length - 3, "...", 3);
    }
    for (size_t i = 0; i < length; i++)
        if (line[i] < ' ' || line[i] > '~')
            line[i] = '?';
    line[length] = '\n';
    line[length + 1] = '\0';
}

int cli_error(const char *format, ...)
{
    static const char prefix[] = "torc: ";
    enum { PREFIX = sizeof(prefix) - 1 };
    char line[LINE_SIZE];
    va_list arguments;
    memcpy(line, prefix, PREFIX);
    va_start(arguments, format);
    int length = vsnprintf(line + PREFIX, sizeof(line) - PREFIX, format, arguments);
    va_end(arguments);
    finish_line(line, PREFIX + (length > 0 ? (size_t)length : 0));
    fputs(line, stderr);
    return CLI_FAILED;
}

int cli_usageError(const char *command, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    cli_error("%s (see: %s --help)", text, command);
    return CLI_USAGE;
}

/* ---- results ------------------------------------------------------------------------------- */

int cli_print(const char *text)
{
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return CLI_OK;
    return cli_error("cannot write to standard output: %s", strerror(errno));
}

int cli_printVersion(void)
{
    return cli_print("torc " TORC_VERSION "\n");
}

const char *cli_advice(int code)
{
    switch (code) {
    case -EACCES:
        return "permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE, a path needs "
               "a directory that can be written)";
    case -EADDRINUSE:
        return "address already in use (another program has it; to see which: ss -lxp for a path, "
               "else ss -ltnp)";
    case -EEXIST: return "the path exists and is not a socket (it is left alone)";
    case -EADDRNOTAVAIL:
        return "the interface is no address of this host (to see which it has: ip address)";
    case -EMFILE: return "too many open files (raise the limit: ulimit -n)";
    default: return torc_strerror(code);
    }
}

/* ---- log ----------------------------------------------------------------------------------- */

static void observe(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    char text[LINE_SIZE];
    TorcLogEvent_format(event, text, sizeof(text));
    fprintf(stderr, "torc: %s: %s\n", TorcLogLevel_name(event->level), text);
}

void cli_startLog(int verbosity)
{
    static const TorcLogLevel levels[] = {TORC_LOG_ERROR, TORC_LOG_WARNING, TORC_LOG_INFO,
                                          TORC_LOG_DEBUG};
    int index = verbosity < -1 ? 0 : verbosity > 2 ? 3 : verbosity + 1;
    torc_setLogObserver(observe, NULL, levels[index]);
}
