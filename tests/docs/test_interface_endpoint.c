/* docs/interfaces/resolver.md and endpoint.md: when names are resolved, and endpoints used. */
#include "reactor_places.h"

/* ---- resolvers ----------------------------------------------------------------------------- */

static const char *call_resolve(void)
{
    TorcDeferred *addresses;
    int r = TorcReactor_resolve(reactor, "127.0.0.1", 1, NULL, &addresses);
    if (r == 0)
        TorcDeferred_release(addresses);
    return interface_code(r);
}

static const char *call_installResolver(void)
{
    TorcResolver *hosts = TorcHostsResolver_new("127.0.0.1 here", 14, NULL);
    int r = TorcReactor_installResolver(reactor, hosts, NULL);
    TorcResolver_unref(hosts);
    return interface_code(r);
}

static const InterfaceRow resolver_rows[] = {
    {"TorcReactor_resolve", call_resolve, NULL},
    {"TorcReactor_installResolver", call_installResolver, NULL},
};

static int own_resolve(TorcResolver *self, TorcReactor *of, const char *host, uint16_t port,
                       TorcAddressFamily family, TorcDeferred **ret_addresses)
{
    (void)self;
    (void)of;
    (void)host;
    (void)port;
    (void)family;
    interface_here();
    *ret_addresses = TorcDeferred_fail(TorcReason_static(TORC_CONNECTION_DNS_LOOKUP));
    return *ret_addresses ? 0 : -ENOMEM;
}

static const TorcResolverClass own_class = {
    .size = sizeof(TorcResolverClass),
    .name = "own",
    .resolve = own_resolve,
};

static void drop_failure(TorcResult *result, void *arg)
{
    (void)arg;
    interface_here();
    TorcResult_clear(result);
}

static void play_lookup(const TorcResolverClass *cls)
{
    static TorcResolver own;
    TorcDeferred *addresses;

    begin_play();
    TorcResolver_init(&own, cls);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, &own, NULL), 0);
    ck_assert_int_eq(TorcReactor_resolve(reactor, "somewhere", 1, NULL, &addresses), 0);
    TorcDeferred_addBoth(addresses, drop_failure, NULL);
    TorcDeferred_detach(addresses);
    run_play();
    end_play();
}

static void in_the_slot(void)
{
    play_lookup(&own_class);
}

static int refusing_resolve(TorcResolver *self, TorcReactor *of, const char *host, uint16_t port,
                            TorcAddressFamily family, TorcDeferred **ret_addresses)
{
    (void)self;
    (void)of;
    (void)host;
    (void)port;
    (void)family;
    *ret_addresses = TorcDeferred_fail(TorcReason_static(TORC_CONNECTION_DNS_LOOKUP));
    return *ret_addresses ? 0 : -ENOMEM;
}

static const TorcResolverClass refusing_class = {
    .size = sizeof(TorcResolverClass),
    .name = "refusing",
    .resolve = refusing_resolve,
};

static void in_a_step(void)
{
    play_lookup(&refusing_class);
}

static const InterfaceColumn resolver_columns[] = {
    {"not running", NOT_RUNNING},
    {"running", RUNNING},
    {"inside the slot `resolve`", {in_the_slot}},
    {"inside a step of the deferred", {in_a_step}},
    {"*before* shutdown", {before_shutdown}},
    {"later in the shutdown", STOPPING},
};

START_TEST(when_names_are_resolved_is_on_the_page_of_resolvers)
{
    interface_check(INTERFACE_TABLE("resolver.md", "resolver", resolver_rows, resolver_columns));
}
END_TEST

/* ---- endpoints ----------------------------------------------------------------------------- */

static TorcServerEndpoint *new_server(const char *description)
{
    TorcServerEndpoint *endpoint;
    ck_assert_int_eq(TorcServerEndpoint_fromString(reactor, description, &endpoint, NULL), 0);
    return endpoint;
}

static const char *call_listen(void)
{
    TorcServerEndpoint *endpoint = new_server("tcp:0:interface=127.0.0.1");
    int r = TorcServerEndpoint_listen(endpoint, factory, NULL);
    TorcServerEndpoint_unref(endpoint);
    return interface_code(r);
}

static int connect_to(const char *description)
{
    TorcClientEndpoint *endpoint;
    TorcDeferred *connected;
    ck_assert_int_eq(TorcClientEndpoint_fromString(reactor, description, &endpoint, NULL), 0);
    int r = TorcClientEndpoint_connect(endpoint, factory, &connected);
    if (r == 0)
        TorcDeferred_release(connected);
    TorcClientEndpoint_unref(endpoint);
    return r;
}

/* By name and by address: the one begins with a look-up. */
static const char *call_connect(void)
{
    int r = connect_to("tcp:127.0.0.1:1");
    ck_assert_int_eq(connect_to("tcp:localhost:1"), r);
    return interface_code(r);
}

static const char *call_fromString(void)
{
    TorcServerEndpoint *endpoint;
    int r = TorcServerEndpoint_fromString(reactor, "tcp:0", &endpoint, NULL);
    TorcServerEndpoint_unref(endpoint);
    return interface_code(r);
}

static const InterfaceRow endpoint_rows[] = {
    {"fromString", call_fromString, NULL},
    {"TorcServerEndpoint_listen", call_listen, NULL},
    {"TorcClientEndpoint_connect", call_connect, NULL},
};

static const InterfaceColumn endpoint_columns[] = {
    {"not running", NOT_RUNNING},
    {"running", RUNNING},
    {"*before* shutdown", {before_shutdown}},
    {"later in the shutdown", STOPPING},
};

START_TEST(when_endpoints_work_is_on_their_page)
{
    interface_check(INTERFACE_TABLE("endpoint.md", "endpoint", endpoint_rows, endpoint_columns));
}
END_TEST

INTERFACE_SUITE("interfaces: endpoints", when_names_are_resolved_is_on_the_page_of_resolvers,
                when_endpoints_work_is_on_their_page)
