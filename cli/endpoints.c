/* What the subcommands do with endpoints and their failures alike. */
#include <string.h>

#include "cli.h"

int cli_endpointError(const char *command, int code, TorcReason *reason)
{
    const char *text = TorcReason_text(reason);
    int exit_code =
        code == -TORC_EENDPOINT ? cli_usageError(command, "%s", text) : cli_error("%s", text);
    TorcReason_unref(reason);
    return exit_code;
}

int cli_readClientEndpoint(const char *command, TorcReactor *reactor, const char *description,
                           const char *why_not, TorcClientEndpoint **ret_endpoint)
{
    TorcClientEndpoint *endpoint;
    TorcReason *reason;
    int r = TorcClientEndpoint_fromString(reactor, description, &endpoint, &reason);
    if (r < 0)
        return cli_endpointError(command, r, reason);
    if (TorcStandardIOClientEndpoint_isInstance(endpoint)) {
        TorcClientEndpoint_unref(endpoint);
        return cli_usageError(command, "%s", why_not);
    }
    *ret_endpoint = endpoint;
    return CLI_OK;
}

bool cli_interrupted(const TorcReason *reason)
{
    TorcReasonKind kind = TorcReason_kind(reason);
    return kind == TORC_CONNECTION_SHUTDOWN || kind == TORC_CONNECTION_CANCELLED;
}

int cli_connectionError(const char *target, const TorcReason *reason)
{
    const char *text = TorcReason_text(reason);
    return strstr(text, target) ? cli_error("%s", text) : cli_error("%s: %s", target, text);
}
