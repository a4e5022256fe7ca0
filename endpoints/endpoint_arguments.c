/* From the fields of an endpoint description to typed settings: which parameter each field is for,
 * and what its value says. Also the quoting of values, and the text that tells a person what is
 * wrong.
 *
 * Pure functions, for any thread, but for the names of services, which the reactor's system knows.
 * Types and their parameters are tables (endpoint_strings.c names them all); the messages here are
 * made from them, so that they always list what is known. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../reactor/errors.h"
#include "../reactor/memory_internal.h"
#include "../transports/address.h"
#include "../transports/tcp.h"
#include "../transports/unix_internal.h"
#include "endpoint.h"
#include "endpoint_parser_internal.h"

/* What is mostly meant where there is a field too many: an IPv6 address has colons. */
#define QUOTING "(a ':' inside a value is written \"\\:\")"

/* Enough for the words of a table in a message; longer lists are cut. */
enum { LIST_SIZE = 160 };

/* ---- problems as reasons ------------------------------------------------------------------- */

/* A reason's text is one line of printable characters, whatever the description held. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static TorcReason *reason_of(const char *description, const TorcEndpointProblem *problem)
{
    char place[32] = "";
    char text[512];
    if (problem->column > 0)
        snprintf(place, sizeof(place), ", column %zu", problem->column);
    snprintf(text, sizeof(text), "endpoint \"%.100s%s\"%s: %s", description,
             strlen(description) > 100 ? "..." : "", place, problem->text);
    make_printable(text);
    return TorcReason_new(TORC_CONNECTION_FAILED, -TORC_EENDPOINT, "%s", text);
}

int torc__endpoint_failed(int code, TorcReason **ret_reason)
{
    if (ret_reason)
        *ret_reason =
            TorcReason_new(TORC_CONNECTION_FAILED, code, "endpoint: %s", torc_strerror(code));
    return code;
}

/* ---- lists for messages -------------------------------------------------------------------- */

static void list_word(char list[LIST_SIZE], const char *word)
{
    size_t length = strlen(list);
    snprintf(list + length, LIST_SIZE - length, "%s%s", length > 0 ? ", " : "", word);
}

static void list_parameters(const TorcEndpointParameter *parameters, size_t count,
                            char list[LIST_SIZE])
{
    list[0] = '\0';
    for (size_t i = 0; i < count; i++)
        list_word(list, parameters[i].name);
}

/* ---- binding ------------------------------------------------------------------------------- */

static size_t positional_count(const TorcEndpointParameter *parameters, size_t count)
{
    size_t positional = 0;
    while (positional < count && !parameters[positional].keyword_only)
        positional++;
    return positional;
}

static int bind_keyword(const TorcEndpointField *field, const TorcEndpointParameter *parameters,
                        size_t count, const TorcEndpointField **arguments,
                        TorcEndpointProblem *problem)
{
    char list[LIST_SIZE];
    size_t i = 0;
    while (i < count && strcmp(parameters[i].name, field->keyword) != 0)
        i++;
    if (i == count && count == 0)
        return torc__endpoint_fail(problem, field->column, "this type takes no arguments");
    if (i == count) {
        list_parameters(parameters, count, list);
        return torc__endpoint_fail(problem, field->column, "unknown keyword \"%.40s\" (known: %s)",
                                   field->keyword, list);
    }
    if (arguments[i])
        return torc__endpoint_fail(problem, field->column, "\"%s\" is given a second time",
                                   field->keyword);
    arguments[i] = field;
    return 0;
}

static int bind_position(const TorcEndpointField *field, size_t *position,
                         const TorcEndpointParameter *parameters, size_t count,
                         const TorcEndpointField **arguments, TorcEndpointProblem *problem)
{
    size_t positional = positional_count(parameters, count);
    size_t i = *position;
    if (count == 0)
        return torc__endpoint_fail(problem, field->column, "this type takes no arguments");
    while (i + 1 < positional && arguments[i] && parameters[i + 1].required)
        i++;
    if (i >= positional)
        return torc__endpoint_fail(problem, field->column,
                                   "one argument too many: \"%.40s\" " QUOTING, field->value);
    if (arguments[i])
        return torc__endpoint_fail(
            problem, field->column,
            "\"%.40s\" is here for \"%s\", which is given by keyword too " QUOTING, field->value,
            parameters[i].name);
    arguments[i] = field;
    *position = i + 1;
    return 0;
}

static int check_required(const TorcEndpointFields *fields, const TorcEndpointParameter *parameters,
                          size_t count, const TorcEndpointField *const *arguments,
                          TorcEndpointProblem *problem)
{
    for (size_t i = 0; i < count; i++)
        if (parameters[i].required && !arguments[i])
            return torc__endpoint_fail(problem, 0, "%s needs a %s", fields->type->value,
                                       parameters[i].name);
    return 0;
}

/* "stdio:" is "stdio": the colon belongs to the type where nothing may follow by position. */
static bool is_bare(const TorcEndpointFields *fields, const TorcEndpointParameter *parameters,
                    size_t count)
{
    return fields->count == 1 && !fields->fields[0].keyword && !*fields->fields[0].value &&
           positional_count(parameters, count) == 0;
}

int torc__endpoint_bind(const TorcEndpointFields *fields, const TorcEndpointParameter *parameters,
                        size_t count, const TorcEndpointField **ret_arguments,
                        TorcEndpointProblem *ret_problem)
{
    const TorcEndpointField *arguments[TORC__ENDPOINT_PARAMETERS] = {NULL};
    size_t position = 0;
    size_t given = is_bare(fields, parameters, count) ? 0 : fields->count;
    int r = 0;
    assert(count <= TORC__ENDPOINT_PARAMETERS);

    /* Keywords first: what they fill is not there for positions. */
    for (size_t i = 0; i < given && r == 0; i++)
        if (fields->fields[i].keyword)
            r = bind_keyword(&fields->fields[i], parameters, count, arguments, ret_problem);
    for (size_t i = 0; i < given && r == 0; i++)
        if (!fields->fields[i].keyword)
            r = bind_position(&fields->fields[i], &position, parameters, count, arguments,
                              ret_problem);
    if (r == 0)
        r = check_required(fields, parameters, count, arguments, ret_problem);
    if (r == 0)
        memcpy(ret_arguments, arguments, count * sizeof(*arguments));
    return r;
}

/* ---- values -------------------------------------------------------------------------------- */

/* Digits only: strtol would take signs and spaces. Stops counting beyond `most`. */
static bool parse_number(const char *text, int most, int *ret_value)
{
    long long value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (*text - '0');
        if (value > most)
            return false;
    }
    *ret_value = (int)value;
    return true;
}

int torc__endpoint_readNumber(const TorcEndpointField *field, const char *what, int least, int most,
                              int *ret_value, TorcEndpointProblem *ret_problem)
{
    int value;
    if (!field)
        return 0;
    if (!parse_number(field->value, most, &value) || value < least)
        return torc__endpoint_fail(ret_problem, field->value_column,
                                   "%s must be a number from %d to %d, not \"%.40s\"", what, least,
                                   most, field->value);
    *ret_value = value;
    return 0;
}

/* What is not all digits is a name, also if it only begins with them ("3com-tsmux"). */
static bool is_name(const char *text)
{
    return text[strspn(text, "0123456789")] != '\0';
}

int torc__endpoint_readPort(const TorcEndpointField *field, TorcReactor *reactor, int least,
                            int *ret_value, TorcEndpointProblem *ret_problem)
{
    if (!field || !is_name(field->value))
        return torc__endpoint_readNumber(field, "the port", least, UINT16_MAX, ret_value,
                                         ret_problem);
    int port = TorcReactor_portOfService(reactor, field->value, "tcp");
    if (port == -TORC_ESERVICE || (port >= 0 && port < least)) /* a list may have a port 0 */
        return torc__endpoint_fail(ret_problem, field->value_column,
                                   "the port must be a number from %d to %d or a service that "
                                   "this host knows, not \"%.40s\"",
                                   least, UINT16_MAX, field->value);
    if (port < 0)
        return port;
    *ret_value = port;
    return 0;
}

/* Whole seconds, then perhaps '.' and up to nine digits; a billion seconds is long enough. */
static bool parse_seconds(const char *text, double *ret_value)
{
    char whole[10 + 1];
    size_t length = strcspn(text, ".");
    int seconds = 0;
    int billionths = 0;
    if (length >= sizeof(whole))
        return false;
    memcpy(whole, text, length);
    whole[length] = '\0';
    if (!parse_number(whole, 1000000000, &seconds))
        return false;
    if (text[length]) {
        const char *fraction = text + length + 1;
        if (strlen(fraction) > 9 || !parse_number(fraction, 999999999, &billionths))
            return false;
        for (size_t digits = strlen(fraction); digits < 9; digits++)
            billionths *= 10;
    }
    *ret_value = seconds + billionths / 1e9;
    return *ret_value > 0;
}

int torc__endpoint_readSeconds(const TorcEndpointField *field, const char *what, double *ret_value,
                               TorcEndpointProblem *ret_problem)
{
    double value;
    if (!field)
        return 0;
    if (!parse_seconds(field->value, &value))
        return torc__endpoint_fail(ret_problem, field->value_column,
                                   "%s must be seconds above 0, such as 30 or 0.5, not \"%.40s\"",
                                   what, field->value);
    *ret_value = value;
    return 0;
}

int torc__endpoint_readFlag(const TorcEndpointField *field, bool *ret_value,
                            TorcEndpointProblem *ret_problem)
{
    if (!field)
        return 0;
    bool yes = strcmp(field->value, "yes") == 0;
    if (!yes && strcmp(field->value, "no") != 0)
        return torc__endpoint_fail(ret_problem, field->value_column,
                                   "%s must be \"yes\" or \"no\", not \"%.40s\"", field->keyword,
                                   field->value);
    *ret_value = yes;
    return 0;
}

int torc__endpoint_readLimits(const TorcEndpointField *max_connections,
                              const TorcEndpointField *refuse_excess, unsigned *ret_max_connections,
                              bool *ret_refuse_excess, TorcEndpointProblem *ret_problem)
{
    int most = 0;
    bool refuse = false;
    int r = torc__endpoint_readNumber(max_connections, "maxConnections", 1, INT_MAX, &most,
                                      ret_problem);
    if (r == 0)
        r = torc__endpoint_readFlag(refuse_excess, &refuse, ret_problem);
    if (r < 0)
        return r;
    if (refuse && !max_connections)
        return torc__endpoint_fail(ret_problem, refuse_excess->column,
                                   "refuseExcess needs maxConnections");
    *ret_max_connections = (unsigned)most;
    *ret_refuse_excess = refuse;
    return 0;
}

int torc__endpoint_readAddress(const TorcEndpointField *field, bool v6_only, const char **ret_value,
                               TorcEndpointProblem *ret_problem)
{
    TorcAddress address;
    if (!field || !*field->value)
        return 0;
    int r = TorcAddress_parse(field->value, 0, &address);
    if (r < 0 || (v6_only && address.family != TORC_ADDRESS_IPV6))
        return torc__endpoint_fail(ret_problem, field->value_column,
                                   "\"%.60s\" is no %s address such as %s", field->value,
                                   v6_only ? "IPv6" : "IPv4 or IPv6",
                                   v6_only ? "\"\\:\\:1\"" : "\"127.0.0.1\" or \"\\:\\:1\"");
    *ret_value = field->value;
    return 0;
}

int torc__endpoint_readMode(const TorcEndpointField *field, int *ret_value,
                            TorcEndpointProblem *ret_problem)
{
    int mode = 0;
    if (!field)
        return 0;
    const char *digit = field->value;
    for (; *digit >= '0' && *digit <= '7' && mode <= 0777; digit++)
        mode = mode * 8 + (*digit - '0');
    if (*digit || mode < 1 || mode > 0777)
        return torc__endpoint_fail(ret_problem, field->value_column,
                                   "the mode must be octal digits from 1 to 777, such as 660, not "
                                   "\"%.40s\"",
                                   field->value);
    *ret_value = mode;
    return 0;
}

int torc__endpoint_readPath(const TorcEndpointField *field, const char **ret_value,
                            TorcEndpointProblem *ret_problem)
{
    TorcAddress address;
    int r = torc__unix_address(field->value, &address);
    if (r == -ENAMETOOLONG)
        return torc__endpoint_fail(ret_problem, field->value_column,
                                   "the path of a socket has at most 107 bytes, not %zu",
                                   strlen(field->value));
    if (r < 0)
        return torc__endpoint_fail(ret_problem, field->value_column, "the path is empty");
    *ret_value = field->value;
    return 0;
}

/* ---- types --------------------------------------------------------------------------------- */

static const TorcEndpointType *find_type(const TorcEndpointType *const *types, size_t count,
                                         const TorcEndpointFields *fields,
                                         TorcEndpointProblem *problem)
{
    char list[LIST_SIZE] = "";
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(types[i]->word, fields->type->value) == 0)
            return types[i];
        list_word(list, types[i]->word);
    }
    torc__endpoint_fail(problem, fields->type->column, "unknown type \"%.40s\" (known: %s)",
                        fields->type->value, list);
    return NULL;
}

static int make_endpoint(const TorcEndpointType *type, const TorcEndpointFields *fields,
                         TorcReactor *reactor, void **ret_endpoint, TorcEndpointProblem *problem)
{
    const TorcEndpointField *arguments[TORC__ENDPOINT_PARAMETERS];
    int r =
        torc__endpoint_bind(fields, type->parameters, type->parameter_count, arguments, problem);
    return r < 0 ? r : type->make(reactor, arguments, ret_endpoint, problem);
}

int torc__endpoint_fromString(const TorcEndpointType *const *types, size_t count,
                              TorcReactor *reactor, const char *description, void **ret_endpoint,
                              TorcReason **ret_reason)
{
    TorcEndpointProblem problem = {0};
    TorcEndpointFields *fields = NULL;
    if (!reactor || !description)
        return torc__endpoint_failed(-EINVAL, ret_reason);
    int r = torc__endpoint_parse(description, strlen(description), &fields, &problem);
    if (r == 0) {
        const TorcEndpointType *type = find_type(types, count, fields, &problem);
        r = type ? make_endpoint(type, fields, reactor, ret_endpoint, &problem) : -TORC_EENDPOINT;
    }
    torc__free(fields);
    if (r == 0 && ret_reason)
        *ret_reason = NULL;
    else if (r == -TORC_EENDPOINT && ret_reason)
        *ret_reason = reason_of(description, &problem);
    else if (r < 0 && r != -TORC_EENDPOINT)
        torc__endpoint_failed(r, ret_reason);
    return r;
}

/* ---- quoting ------------------------------------------------------------------------------- */

size_t torc_quoteStringArgument(const char *argument, char *buffer, size_t size)
{
    size_t length = 0;
    size_t written = 0;
    for (; argument && *argument; argument++) {
        size_t width = strchr(":=\\", *argument) ? 2 : 1;
        /* What fits is a prefix: nothing is written behind the first that did not fit. */
        if (written == length && length + width < size) {
            if (width == 2)
                buffer[written++] = '\\';
            buffer[written++] = *argument;
        }
        length += width;
    }
    if (size > 0)
        buffer[written] = '\0';
    return length;
}
