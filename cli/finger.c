/* torc finger: asks one finger server and prints its answer, made safe for the terminal.
 *
 * user@host is asked at all of the host's addresses (TorcHostnameEndpoint); --endpoint names any
 * other place. One deferred runs from the attempt to the printed answer; the loop ends with it. */
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
    "       torc finger [OPTION...] --endpoint ENDPOINT [user]\n"
    "\n"
    "Asks a host's finger server (RFC 1288) about a user, or about all with '@host'. The port\n"
    "is 79 unless given; an IPv6 address before a port stands in brackets: ann@[::1]:7979.\n"
    "\n"
    "Options:\n"
    "  -e, --endpoint ENDPOINT  the server to ask, such as unix:/run/finger.sock; as for\n"
    "                           torc connect\n"
    "  -l, --long               ask for more (/W)\n"
    "  -t, --timeout SECONDS    for everything together; 30 by default\n"
    "  -r, --reactor NAME       event loop: epoll, poll or select\n"
    "  -q, --quiet              errors only\n"
    "  -v, --verbose            log more; twice: everything\n"
    "  -h, --help               print this help\n"
    "  -V, --version            print the version\n";

typedef struct Query {
    const char *target;   /* as given: user@host, or the user alone if there is an endpoint */
    const char *endpoint; /* as given, or NULL */
    const char *backend;
    double timeout; /* 0: the default */
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

static const char *server_name(const Query *query)
{
    return query->endpoint ? query->endpoint : query->target;
}

static int tell_failure(const Query *query, const TorcReason *reason)
{
    return cli_interrupted(reason) ? CLI_OK : cli_connectionError(server_name(query), reason);
}

/* Also of an answer that broke off: what came is printed first. */
static int print_answer(const Query *query, const TorcFingerReply *answer)
{
    int code = print_text(answer->text, answer->length);
    if (answer->truncated)
        return cli_error("%s: the answer is longer than this; the rest was left out",
                         server_name(query));
    int failure = answer->reason ? tell_failure(query, answer->reason) : CLI_OK;
    return failure == CLI_OK ? code : failure;
}

static void answered(TorcResult *result, void *arg)
{
    Query *query = arg;
    query->code =
        result->reason ? tell_failure(query, result->reason) : print_answer(query, result->value);
    TorcResult_clear(result);
    (void)TorcReactor_stop(query->reactor); /* it may be stopping already, by a signal */
}

/* ---- the server ---------------------------------------------------------------------------- */

static int bad_target(const Query *query)
{
    return cli_usageError(command,
                          query->endpoint ? "cannot ask for \"%s\": it is no finger query"
                                          : "cannot ask for \"%s\": write user@host, @host or "
                                            "user@host:port",
                          query->target);
}

static int endpoint_fromTarget(const Query *query, const TorcFingerTarget *target,
                               TorcClientEndpoint **ret_endpoint)
{
    *ret_endpoint = TorcHostnameEndpoint_new(query->reactor, target->host, target->port,
                                             TORC_HOSTNAME_OPTIONS(.timeout = query->timeout));
    if (*ret_endpoint)
        return CLI_OK;
    return errno == EINVAL ? bad_target(query)
                           : cli_error("%s: %s", query->target, cli_advice(-errno));
}

/* ---- the command --------------------------------------------------------------------------- */

/* The first two steps of a deferred always fit. */
static int start(Query *query, TorcClientEndpoint *endpoint, TorcFactory *question)
{
    TorcDeferred *answer;
    int r = TorcClientEndpoint_connect(endpoint, question, &answer);
    if (r < 0)
        return cli_error("%s: %s", server_name(query), cli_advice(r));
    (void)TorcDeferred_addCallback(answer, torc_finger_awaitReply, NULL);
    (void)TorcDeferred_addBoth(answer, answered, query);
    TorcDeferred_detach(answer);
    return CLI_OK;
}

static int ask(Query *query, TorcClientEndpoint *endpoint, const char *text)
{
    TorcFactory *question = TorcFingerClientFactory_new(
        query->reactor, text,
        TORC_FINGER_CLIENT_OPTIONS(.verbose = query->verbose, .timeout = query->timeout));
    if (!question)
        return errno == EINVAL ? bad_target(query)
                               : cli_error("%s: %s", server_name(query), cli_advice(-errno));
    int code = start(query, endpoint, question);
    TorcFactory_unref(question);
    if (code != CLI_OK)
        return code;
    int r = TorcReactor_run(query->reactor);
    if (r < 0)
        return cli_error("the event loop failed: %s", torc_strerror(r));
    return query->code;
}

static int run(Query *query)
{
    TorcFingerTarget target;
    TorcClientEndpoint *endpoint = NULL;
    if (!query->endpoint && torc_finger_parseTarget(query->target, &target) < 0)
        return bad_target(query);
    int code = query->endpoint
                   ? cli_readClientEndpoint(command, query->reactor, query->endpoint,
                                            "standard input and output cannot be asked", &endpoint)
                   : endpoint_fromTarget(query, &target, &endpoint);
    if (code == CLI_OK)
        code = ask(query, endpoint, query->endpoint ? query->target : target.query);
    TorcClientEndpoint_unref(endpoint);
    return code;
}

/* user@host; with --endpoint the user alone, or nothing for the list of users. */
static int read_target(int count, char **arguments, Query *query)
{
    if (query->endpoint && count > 1)
        return cli_usageError(command, "with --endpoint there must be one user, or none for all");
    if (!query->endpoint && count != 1)
        return cli_usageError(command, "there must be one user@host");
    query->target = count > 0 ? arguments[0] : "";
    return CLI_OK;
}

static int read_options(int argc, char **argv, Query *query, bool *ret_done)
{
    static const struct option options[] = {
        {"endpoint", required_argument, NULL, 'e'},
        {"long", no_argument, NULL, 'l'},
        {"timeout", required_argument, NULL, 't'},
        {"reactor", required_argument, NULL, 'r'},
        {"quiet", no_argument, NULL, 'q'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int code = CLI_OK;
    int option;
    while (code == CLI_OK &&
           (option = getopt_long(argc, argv, ":e:lt:r:qvhV", options, NULL)) != -1) {
        switch (option) {
        case 'e': query->endpoint = optarg; break;
        case 'l': query->verbose = true; break;
        case 't': code = cli_readSeconds(command, "the timeout", optarg, &query->timeout); break;
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
    code = read_target(argc - optind, argv + optind, &query);
    if (code != CLI_OK)
        return code;
    cli_startLog(query.verbosity);
    query.reactor = cli_newReactor(query.backend);
    if (!query.reactor)
        return CLI_FAILED;
    code = run(&query);
    TorcReactor_free(query.reactor);
    return code;
}
