/* What the tests of the finger server share: a server in a simulation, and a client that asks. */
#ifndef TORC_TESTS_FINGER_FIXTURE_H
#define TORC_TESTS_FINGER_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "clean_end.h"
#include "finger_ask.h"

static const char unavailable[] = "Finger information is not available now, try again later\r\n";

static inline void listen_with(const TorcFingerOptions *options)
{
    TorcFingerFactory *factory = TorcFingerFactory_new(options);
    ck_assert_ptr_nonnull(factory);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), PORT, &factory->base, NULL, NULL),
                     0);
    TorcFactory_unref(&factory->base);
}

static inline void set_up(void)
{
    sim = TorcSim_new(1);
}

static inline void tear_down(void)
{
    end_clean(sim);
}

static inline void check_starts(const char *query, size_t length, const char *start)
{
    TorcSimPeer *peer = ask_bytes(query, length);
    ck_assert_msg(strncmp(TorcSimPeer_received(peer), start, strlen(start)) == 0, "%s",
                  TorcSimPeer_received(peer));
    ck_assert(TorcSimPeer_gotEnd(peer));
    ck_assert(!TorcSimPeer_gotReset(peer));
}

static const char ann[] = "Login: ann                      Name: Ann Smith\r\n"
                          "Project: Strands\r\n"
                          "Plan:\r\n"
                          "Out until Monday.\r\n";

static const char bob[] = "Login: bob                      Name: Bob Smith\r\n"
                          "No Plan.\r\n";

static inline TCase *add_case(Suite *suite, const char *name)
{
    return add_case_with(suite, name, set_up, tear_down);
}

#endif
