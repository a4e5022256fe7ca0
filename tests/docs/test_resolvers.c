/* The code of docs/resolvers.md. Every block of C on that page stands in this file (howto_test.sh sees
 * to that). */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <torc/torc.h>

/* What the page prints is looked at here. */
static char printed[1000];

#define printf(...)                                                                                \
    (void)snprintf(printed + strlen(printed), sizeof(printed) - strlen(printed), __VA_ARGS__)

static void show_addresses(TorcResult *result, void *arg)
{
    const char *host = arg;
    if (result->reason) {
        printf("%s\n", TorcReason_text(result->reason));
        TorcResult_clear(result); /* it has been dealt with */
        return;
    }
    const TorcAddressList *list = result->value;
    for (size_t i = 0; i < list->count; i++) {
        char text[TORC_ADDRESS_TEXT_SIZE];
        printf("%s is %s\n", host, TorcAddress_format(&list->addresses[i], text, sizeof(text)));
    }
}

static int look_up(TorcReactor *reactor, const char *host)
{
    TorcDeferred *addresses;
    int r = TorcReactor_resolve(reactor, host, 79, TORC_RESOLVE_OPTIONS(.timeout = 10), &addresses);
    if (r < 0)
        return r;
    TorcDeferred_addBoth(addresses, show_addresses, (void *)host);
    TorcDeferred_detach(addresses);
    return 0;
}

static int install_resolvers(TorcReactor *reactor, const char *hosts, size_t length)
{
    TorcResolver *dns = TorcDNSResolver_new(reactor, NULL);
    TorcResolver *cache = TorcCachingResolver_new(dns, TORC_CACHE_OPTIONS(.lifetime = 300));
    TorcResolver *names = TorcHostsResolver_new(hosts, length, cache);
    int r = names ? TorcReactor_installResolver(reactor, names, NULL) : -errno;

    TorcResolver_unref(names); /* the reactor and the ones in front hold them now */
    TorcResolver_unref(cache);
    TorcResolver_unref(dns);
    return r;
}

typedef struct TestNames {
    TorcResolver base;
    TorcAddress address;
} TestNames;

static bool ends_in_test(const char *host)
{
    size_t length = strlen(host);
    return length > 5 && strcasecmp(host + length - 5, ".test") == 0;
}

static int test_names_resolve(TorcResolver *self, TorcReactor *reactor, const char *host,
                              uint16_t port, TorcAddressFamily family, TorcDeferred **ret_addresses)
{
    (void)reactor;
    (void)family; /* the caller picks out what it wants */
    if (!ends_in_test(host)) {
        TorcReason *reason = TorcReason_new(TORC_CONNECTION_DNS_LOOKUP, -TORC_ELOOKUP,
                                            "%s is not one of the test's names", host);
        *ret_addresses = TorcDeferred_fail(reason);
        TorcReason_unref(reason);
        return *ret_addresses ? 0 : -ENOMEM;
    }
    TorcAddress address = ((TestNames *)self)->address;
    address.port = port;
    TorcAddressList *list = TorcAddressList_new(&address, 1);
    TorcDeferred *found = list ? TorcDeferred_succeed(list, TorcAddressList_free) : NULL;
    if (!found)
        return -ENOMEM;
    *ret_addresses = found;
    return 0;
}

static const TorcResolverClass test_names_class = {
    .size = sizeof(TorcResolverClass),
    .name = "test names",
    .resolve = test_names_resolve,
};

static TorcSim *sim;
static TorcReactor *reactor;

static void begin(void)
{
    static const char *const addresses[] = {"2001:db8::1", "192.0.2.1"};
    sim = TorcSim_new(1);
    reactor = TorcSim_reactor(sim);
    TorcSim_setAddresses(sim, "home.example", addresses, 2);
    *printed = '\0';
}

static void end(void)
{
    ck_assert_uint_eq(TorcSim_checkClean(sim, NULL, 0), 0);
    TorcSim_free(sim);
}

START_TEST(a_name_is_looked_up)
{
    ck_assert_int_eq(look_up(reactor, "home.example"), 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(printed, "home.example is [2001:db8::1]:79\n"
                              "home.example is 192.0.2.1:79\n");
}
END_TEST

START_TEST(a_failure_is_told)
{
    ck_assert_int_eq(look_up(reactor, "none.example"), 0);
    TorcSim_advance(sim, 1);
    ck_assert_ptr_eq(strstr(printed, "cannot resolve \"none.example\": "), printed);
}
END_TEST

START_TEST(resolvers_stack)
{
    static const char hosts[] = "192.0.2.7 printer\n";
    ck_assert_int_eq(install_resolvers(reactor, hosts, strlen(hosts)), 0);
    ck_assert_int_eq(look_up(reactor, "printer"), 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(printed, "printer is 192.0.2.7:79\n");
}
END_TEST

START_TEST(a_resolver_of_the_programs_own)
{
    TestNames names;
    ck_assert_int_eq(TorcAddress_parse("192.0.2.9", 0, &names.address), 0);
    TorcResolver_init(&names.base, &test_names_class);
    ck_assert_int_eq(TorcReactor_installResolver(reactor, &names.base, NULL), 0);
    ck_assert_int_eq(look_up(reactor, "any.TEST"), 0);
    ck_assert_int_eq(look_up(reactor, "home.example"), 0);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(printed, "any.TEST is 192.0.2.9:79\n"
                              "home.example is not one of the test's names\n");
    ck_assert_int_eq(TorcReactor_installResolver(reactor, NULL, NULL), 0);
    TorcResolver_unref(&names.base);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docs/resolvers.md");
    TCase *tcase = tcase_create("resolvers");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_name_is_looked_up);
    tcase_add_test(tcase, a_failure_is_told);
    tcase_add_test(tcase, resolvers_stack);
    tcase_add_test(tcase, a_resolver_of_the_programs_own);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
