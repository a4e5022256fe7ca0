/* What several subcommands take: option errors, --reactor and the reactor made of it, times. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int cli_optionError(const char *command, int found, char **argv)
{
    const char *option = argv[optind - 1];
    char letter[] = {'-', (char)optopt, '\0'};
    bool is_long = strncmp(option, "--", 2) == 0;
    if (found == ':')
        return cli_usageError(command, "option %s needs an argument", is_long ? option : letter);
    /* optopt tells the cases apart: it is 0 for a long option that is not known. */
    if (is_long && optopt)
        return cli_usageError(command, "option %s takes no argument", option);
    return cli_usageError(command, "unknown option %s", optopt ? letter : option);
}

int cli_readBackend(const char *command, const char *argument, const char **ret_backend)
{
    static const char *const backends[] = {"epoll", "poll", "select"};
    for (size_t i = 0; i < sizeof(backends) / sizeof(*backends); i++)
        if (strcmp(argument, backends[i]) == 0) {
            *ret_backend = backends[i];
            return CLI_OK;
        }
    return cli_usageError(command, "unknown reactor \"%s\" (known: epoll, poll, select)", argument);
}

int cli_readSeconds(const char *command, const char *what, const char *argument,
                    double *ret_seconds)
{
    char *end;
    double seconds = strtod(argument, &end);
    if (end == argument || *end || !isfinite(seconds) || seconds <= 0)
        return cli_usageError(command, "%s must be seconds above 0, not \"%s\"", what, argument);
    *ret_seconds = seconds;
    return CLI_OK;
}

TorcReactor *cli_newReactor(const char *backend)
{
    TorcReactor *reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(.backend = backend));
    if (!reactor && backend && errno == EINVAL)
        cli_error("the %s reactor is not available here (leave out --reactor)", backend);
    else if (!reactor)
        cli_error("cannot set up the event loop: %s", cli_advice(-errno));
    return reactor;
}
