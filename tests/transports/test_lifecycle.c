/* What builds with assertions see to: objects are not freed while they live, and what is free is
 * not touched. Release builds do not look. */
#include "transports/stream_internal.h"

#include <signal.h>

#include "../support/stream_test.h"

#ifndef NDEBUG

/* ---- objects that live --------------------------------------------------------------------- */

START_TEST(a_port_that_listens_is_not_freed)
{
    begin_connected(EDGE);
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 10);
    TorcPort_unref(port); /* the reactor's own */
}
END_TEST

START_TEST(a_connector_that_connects_is_not_freed)
{
    TorcConnector *connector;
    begin(EDGE);
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcReactor_connectTCP(reactor, "127.0.0.1", PORT, factory, NULL, &connector),
                     0);
    TorcConnector_unref(connector);
}
END_TEST

START_TEST(a_reference_that_is_none_is_not_given_back)
{
    TorcStreamOwner owner = {.references = 0};
    torc__streamOwner_unref(&owner);
}
END_TEST

START_TEST(connectionLost_is_not_told_before_the_connection_is_lost)
{
    begin_connected(EDGE);
    torc__stream_tellLost((TorcStream *)rec.transport);
}
END_TEST

START_TEST(a_stream_in_use_is_not_given_back)
{
    begin_connected(EDGE);
    torc__stream_release((TorcStream *)rec.transport);
}
END_TEST

/* ---- memory that is free ------------------------------------------------------------------- */

#ifdef TORC__ADDRESS_SANITIZER
static bool is_poisoned(const void *memory)
{
    return __asan_address_is_poisoned(memory) != 0;
}
#else
static bool is_poisoned(const void *memory)
{
    return *(const uint8_t *)memory == TORC__POISON;
}
#endif

/* What an id may ask is not; its own members are. */
START_TEST(the_memory_of_a_connection_that_is_gone_is_poisoned)
{
    begin_connected(EDGE);
    const TorcStream *stream = (const TorcStream *)rec.transport;
    TorcConnectionId id = TorcTransport_getConnectionId(rec.transport);
    ck_assert(!is_poisoned(&stream->watch));
    TorcSimPeer_close(peer);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made lost:DONE");
    ck_assert(is_poisoned(&stream->base.protocol));
    ck_assert(is_poisoned(&stream->owner));
    ck_assert(is_poisoned(&stream->watch));
    ck_assert(is_poisoned(&stream->peer_ip[15]));
    ck_assert_ptr_null(TorcConnectionId_protocol(id));

    connect_peer();
    ck_assert_ptr_eq(rec.transport, stream);
    ck_assert(!is_poisoned(&stream->watch));
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
    end();
}
END_TEST

#ifndef TORC__ADDRESS_SANITIZER

/* The allocator of the tests keeps what is given back to it. */
static void *kept;

static void keep(void *memory)
{
    kept = memory;
}

START_TEST(only_the_c_librarys_memory_is_filled_when_it_is_freed)
{
    static const TorcMemory keeping = {malloc, realloc, keep};
    torc__setMemory(&keeping);
    char *text = torc__strdup("whose size nobody knows");
    torc__free(text);
    torc__setMemory(NULL);
    ck_assert_ptr_eq(kept, text);
    ck_assert_str_eq(kept, "whose size nobody knows");
    free(kept);
}
END_TEST

#endif
#endif

static Suite *suite(void)
{
    Suite *s = suite_create("lifecycle");
    TCase *t = tcase_create("assertions");
#ifndef NDEBUG
    const char *forks = getenv("CK_FORK");
    if (!forks || strcmp(forks, "no") != 0) {
        tcase_add_test_raise_signal(t, a_port_that_listens_is_not_freed, SIGABRT);
        tcase_add_test_raise_signal(t, a_connector_that_connects_is_not_freed, SIGABRT);
        tcase_add_test_raise_signal(t, a_reference_that_is_none_is_not_given_back, SIGABRT);
        tcase_add_test_raise_signal(t, connectionLost_is_not_told_before_the_connection_is_lost,
                                    SIGABRT);
        tcase_add_test_raise_signal(t, a_stream_in_use_is_not_given_back, SIGABRT);
    }
    tcase_add_test(t, the_memory_of_a_connection_that_is_gone_is_poisoned);
#ifndef TORC__ADDRESS_SANITIZER
    tcase_add_test(t, only_the_c_librarys_memory_is_filled_when_it_is_freed);
#endif
#endif
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
