/* Hostname endpoints: a host by name, all of its addresses (connect_race.c), and the descriptions
 * "tcp:" and "tcp6:" of clients.
 *
 * Reactor's thread. The endpoint owns copies of its texts; races hold a reference to it. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "../reactor/resolver_internal.h"
#include "connect_race_internal.h"
#include "endpoint_types_internal.h"

/* RFC 8305 §8: recommended is a quarter of a second, and less than 10 ms never. */
static const double delay_default = 0.25;
static const double delay_least = 0.01;

enum { TIMEOUT_DEFAULT = 30 }; /* seconds, as of connectTCP */

typedef struct Hostname {
    TorcClientEndpoint base;
    char *host;
    char *bind_address;
    TorcRaceSettings settings;
} Hostname;

static int hostname_connect(TorcClientEndpoint *self, TorcFactory *factory,
                            TorcDeferred **ret_connected)
{
    return torc__race_begin(self, &((Hostname *)self)->settings, factory, ret_connected);
}

static void hostname_destroy(TorcClientEndpoint *self)
{
    Hostname *hostname = (Hostname *)self;
    torc__free(hostname->host);
    torc__free(hostname->bind_address);
    torc__free(hostname);
}

static const TorcClientEndpointClass hostname_class = {
    .size = sizeof(TorcClientEndpointClass),
    .name = "hostname",
    .connect = hostname_connect,
    .destroy = hostname_destroy,
};

/* ---- making one ---------------------------------------------------------------------------- */

void TorcHostnameOptions_init(TorcHostnameOptions *options)
{
    if (options)
        *options = (TorcHostnameOptions){.size = sizeof(TorcHostnameOptions)};
}

/* An address to connect from leaves only addresses of its own family to connect to. */
static int narrow_family(TorcHostnameOptions *options)
{
    TorcAddress from;
    if (!options->bindAddress || !*options->bindAddress) {
        options->bindAddress = NULL;
        return 0;
    }
    TORC__REQUIRE(TorcAddress_parse(options->bindAddress, 0, &from) == 0);
    TORC__REQUIRE(options->family == TORC_ADDRESS_NONE || options->family == from.family);
    options->family = from.family;
    return 0;
}

static int read_options(const TorcHostnameOptions *given, TorcHostnameOptions *ret_options)
{
    TorcHostnameOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(!isnan(options.timeout) && options.attemptDelay >= 0);
    TORC__REQUIRE(options.family == TORC_ADDRESS_NONE || options.family == TORC_ADDRESS_IPV4 ||
                  options.family == TORC_ADDRESS_IPV6);
    TORC__REQUIRE(narrow_family(&options) == 0);
    if (options.timeout == 0)
        options.timeout = TIMEOUT_DEFAULT;
    if (options.attemptDelay == 0)
        options.attemptDelay = delay_default;
    else if (options.attemptDelay < delay_least)
        options.attemptDelay = delay_least;
    *ret_options = options;
    return 0;
}

static bool copy_texts(Hostname *hostname, const char *host, const char *bind_address)
{
    hostname->host = torc__strdup(host);
    hostname->bind_address = bind_address ? torc__strdup(bind_address) : NULL;
    return hostname->host && (hostname->bind_address || !bind_address);
}

/* The race has a deadline of its own: without one each attempt may last as long as the system
 * lets it. */
static void set_up(Hostname *hostname, uint16_t port, const TorcHostnameOptions *options)
{
    hostname->settings = (TorcRaceSettings){
        .host = hostname->host,
        .port = port,
        .family = options->family,
        .timeout = options->timeout,
        .attemptDelay = options->attemptDelay,
        .options = *TORC_CONNECT_OPTIONS(.timeout = -1, .bindAddress = hostname->bind_address,
                                         .nagle = options->nagle),
    };
}

TorcClientEndpoint *TorcHostnameEndpoint_new(TorcReactor *reactor, const char *host, int port,
                                             const TorcHostnameOptions *options)
{
    TorcHostnameOptions read;
    size_t length = host ? strlen(host) : 0;
    if (!reactor || length < 1 || length > TORC__HOST_LENGTH || port < 1 || port > UINT16_MAX ||
        read_options(options, &read) < 0) {
        errno = EINVAL;
        return NULL;
    }
    Hostname *hostname = torc__zalloc(sizeof(*hostname));
    if (!hostname || !copy_texts(hostname, host, read.bindAddress)) {
        if (hostname)
            hostname_destroy(&hostname->base);
        errno = ENOMEM;
        return NULL;
    }
    TorcClientEndpoint_init(&hostname->base, &hostname_class, reactor);
    set_up(hostname, (uint16_t)port, &read);
    return &hostname->base;
}

/* ---- from text ----------------------------------------------------------------------------- */

enum { HOST, PORT, TIMEOUT, BIND_ADDRESS, ATTEMPT_DELAY, PARAMETERS };

static const TorcEndpointParameter parameters[PARAMETERS] = {
    [HOST] = {.name = "host", .required = true},
    [PORT] = {.name = "port", .required = true},
    [TIMEOUT] = {.name = "timeout", .keyword_only = true},
    [BIND_ADDRESS] = {.name = "bindAddress", .keyword_only = true},
    [ATTEMPT_DELAY] = {.name = "attemptDelay", .keyword_only = true},
};

static int read_host(const TorcEndpointField *field, const char **ret_host,
                     TorcEndpointProblem *ret_problem)
{
    size_t length = strlen(field->value);
    if (length == 0)
        return torc__endpoint_fail(ret_problem, field->value_column, "the host is empty");
    if (length > TORC__HOST_LENGTH)
        return torc__endpoint_fail(ret_problem, field->value_column,
                                   "a host has at most %d bytes, not %zu", TORC__HOST_LENGTH,
                                   length);
    *ret_host = field->value;
    return 0;
}

static int make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                TorcAddressFamily family, void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    TorcHostnameOptions options = *TORC_HOSTNAME_OPTIONS(.family = family);
    const char *host = NULL;
    int port = 0;
    int r = read_host(arguments[HOST], &host, ret_problem);
    if (r == 0)
        r = torc__endpoint_readPort(arguments[PORT], reactor, 1, &port, ret_problem);
    if (r == 0)
        r = torc__endpoint_readSeconds(arguments[TIMEOUT], "the timeout", &options.timeout,
                                       ret_problem);
    if (r == 0)
        r = torc__endpoint_readAddress(arguments[BIND_ADDRESS], family == TORC_ADDRESS_IPV6,
                                       &options.bindAddress, ret_problem);
    if (r == 0)
        r = torc__endpoint_readSeconds(arguments[ATTEMPT_DELAY], "the attemptDelay",
                                       &options.attemptDelay, ret_problem);
    if (r < 0)
        return r;
    return torc__endpoint_made(TorcHostnameEndpoint_new(reactor, host, port, &options),
                               ret_endpoint);
}

static int tcp_make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                    void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    return make(reactor, arguments, TORC_ADDRESS_NONE, ret_endpoint, ret_problem);
}

static int tcp6_make(TorcReactor *reactor, const TorcEndpointField *const *arguments,
                     void **ret_endpoint, TorcEndpointProblem *ret_problem)
{
    return make(reactor, arguments, TORC_ADDRESS_IPV6, ret_endpoint, ret_problem);
}

const TorcEndpointType torc__endpoint_tcpClient = {"tcp", tcp_make, PARAMETERS, parameters};
const TorcEndpointType torc__endpoint_tcp6Client = {"tcp6", tcp6_make, PARAMETERS, parameters};
