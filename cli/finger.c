/* torc finger: asks one finger server and prints its answer, made safe for the terminal. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char command[] = "torc finger";

static const char help_text[] =
    "Usage: torc finger [OPTION...] [user]@host[:port]\n"
    "\n"
    "Asks a host's finger server (RFC 1288) about a user, or about all with '@host'. The port\n"
    "is 79 unless given; an IPv6 address before a port stands in brackets: ann@[::1]:7979.\n"
    "\n"
    "Options:\n"
    "  -l, --long               ask for more (/W)\n"
    "  -t, --timeout SECONDS    for everything together; 30 by default\n"
    "  -r, --reactor NAME       event loop: epoll, poll or select\n"
    "  -q, --quiet              errors only\n"
    "  -v, --verbose            log more; twice: everything\n"
    "  -h, --help               print this help\n"
    "  -V, --version            print the version\n";

typedef struct Query {
    const char *target;
    const char *backend;
    double timeout;
    bool verbose;
    int verbosity;
    TorcReactor *reactor;
    int code; /* the exit code so far */
} Query;

/* ---- the answer ---------------------------------------------------------------------------- */

static bool terminal_has_utf8(void)
{
    setlocale(LC_CTYPE, "");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* RFC 1288 section 3.3: nothing a server sends may control the terminal. */
static int print_text(const char *text, size_t length)
{
    unsigned flags = terminal_has_utf8() ? TORC_FINGER_UTF8 : 0;
    size_t size = torc_finger_filter(text, length, flags, NULL, 0);
    char *filtered = malloc(size + 2);
    if (!filtered)
        return cli_error("cannot show the answer: %s", torc_strerror(-ENOMEM));
    torc_finger_filter(text, length, flags, filtered, size + 1);
    if (size > 0 && filtered[size - 1] != '\n') {
        filtered[size] = '\n';
        filtered[size + 1] = '\0';
    }
    int code = cli_print(filtered);
    free(filtered);
    return code;
}

static void answered(const TorcFingerResult *result, void *arg)
{
    Query *query = arg;
    query->code = print_text(result->text, result->length);
    if (TorcReason_kind(result->reason) == TORC_CONNECTION_SHUTDOWN)
        return; /* by a signal */
    if (result->code < 0)
        query->code = cli_error("%s: %s", query->target, TorcReason_text(result->reason));
    else if (result->truncated)
        query->code =
            cli_error("%s: the answer is longer than this; the rest was left out", query->target);
    (void)TorcReactor_stop(query->reactor);
}

/* ---- the command --------------------------------------------------------------------------- */

static int ask(Query *query)
{
    const TorcFingerClientOptions *options =
        TORC_FINGER_CLIENT_OPTIONS(.verbose = query->verbose, .timeout = query->timeout);
    int r = TorcReactor_finger(query->reactor, query->target, options, answered, query);
    if (r == -EINVAL)
        return cli_usageError(command,
                              "cannot ask for \"%s\": write user@host, @host or "
                              "user@host:port",
                              query->target);
    if (r < 0)
        return cli_error("%s: %s", query->target, cli_advice(r));
    r = TorcReactor_run(query->reactor);
    if (r < 0)
        return cli_error("the event loop failed: %s", torc_strerror(r));
    return query->code;
}

static int read_options(int argc, char **argv, Query *query, bool *ret_done)
{
    static const struct option options[] = {
        {"long", no_argument, NULL, 'l'},          {"timeout", required_argument, NULL, 't'},
        {"reactor", required_argument, NULL, 'r'}, {"quiet", no_argument, NULL, 'q'},
        {"verbose", no_argument, NULL, 'v'},       {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},       {NULL, 0, NULL, 0},
    };
    int code = CLI_OK;
    int option;
    while (code == CLI_OK &&
           (option = getopt_long(argc, argv, ":lt:r:qvhV", options, NULL)) != -1) {
        switch (option) {
        case 'l': query->verbose = true; break;
        case 't': code = cli_readSeconds(command, optarg, &query->timeout); break;
        case 'r': code = cli_readBackend(command, optarg, &query->backend); break;
        case 'q': query->verbosity = -1; break;
        case 'v': query->verbosity++; break;
        case 'h': *ret_done = true; return cli_print(help_text);
        case 'V': *ret_done = true; return cli_printVersion();
        default: code = cli_optionError(command, option, argv); break;
        }
    }
    return code;
}

int cli_finger(int argc, char **argv)
{
    Query query = {.code = CLI_OK};
    bool done = false;
    int code = read_options(argc, argv, &query, &done);
    if (code != CLI_OK || done)
        return code;
    if (argc - optind != 1)
        return cli_usageError(command, "there must be one user@host");
    query.target = argv[optind];
    cli_startLog(query.verbosity);
    query.reactor = cli_newReactor(query.backend);
    if (!query.reactor)
        return CLI_FAILED;
    code = ask(&query);
    TorcReactor_free(query.reactor);
    return code;
}
