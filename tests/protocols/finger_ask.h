/* Asking a finger server on the simulated kernel. */
#ifndef TORC_TESTS_FINGER_ASK_H
#define TORC_TESTS_FINGER_ASK_H

#include <check.h>
#include <string.h>

#include <torc/torc.h>

enum { PORT = 79 };

static TorcSim *sim;

static inline TorcSimPeer *connect_peer(void)
{
    TorcSimPeer *peer = TorcSim_connect(sim, PORT);
    ck_assert_ptr_nonnull(peer);
    return peer;
}

static inline TorcSimPeer *ask_bytes(const void *query, size_t length)
{
    TorcSimPeer *peer = connect_peer();
    TorcSimPeer_sendBytes(peer, query, length);
    TorcSim_advance(sim, 0.1);
    return peer;
}

static inline TorcSimPeer *ask(const char *query)
{
    return ask_bytes(query, strlen(query));
}

/* A query and what the server answers before it closes in order. */
static inline void check_answer(const char *query, const char *expected)
{
    TorcSimPeer *peer = ask(query);
    ck_assert_str_eq(TorcSimPeer_received(peer), expected);
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}

static inline TCase *add_case_with(Suite *suite, const char *name, SFun before, SFun after)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, before, after);
    suite_add_tcase(suite, tests);
    return tests;
}

#endif
