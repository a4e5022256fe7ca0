/* What the tests of the string transport share: one, a recording protocol that is connected to it, or
 * not yet, and a main of several cases that begin differently. */
#ifndef TORC_TESTS_STRING_TRANSPORT_FIXTURE_H
#define TORC_TESTS_STRING_TRANSPORT_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/recorder.h"
#include "test_suite.h"

static Recording rec;
static TorcStringTransport *wire;

static inline void connect_recorder(void)
{
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcStringTransport_connect(wire, &factory->base), 0);
    TorcFactory_unref(&factory->base);
}

static inline void set_up(void)
{
    rec = (Recording){0};
    wire = TorcStringTransport_new();
}

static inline void set_up_connected(void)
{
    set_up();
    connect_recorder();
}

static inline void set_up_half_closeable(void)
{
    set_up();
    rec.half_closeable = true;
    connect_recorder();
}

static inline void tear_down(void)
{
    TorcStringTransport_free(wire);
    Recording_done(&rec);
}

static inline int write_text(const char *text)
{
    return TorcTransport_write(rec.transport, text, strlen(text));
}

static inline void lose(Recording *recording)
{
    TorcTransport_loseConnection(recording->transport);
}

static inline void pause_reading(Recording *recording)
{
    TorcTransport_pauseProducing(recording->transport);
}

static inline void assert_write(size_t number, const char *text)
{
    TorcStringWrite write = TorcStringTransport_writeAt(wire, number);

    ck_assert_uint_eq(write.length, strlen(text));
    ck_assert_mem_eq(write.data, text, write.length);
}

/* ---- the program --------------------------------------------------------------------------- */

#define ADD_CASE(suite, name, up, down, ...)                                                       \
    do {                                                                                           \
        const TTest *const tests_[] = {__VA_ARGS__, NULL};                                         \
        suite_add_tcase(suite, plain_case(name, up, down, tests_));                                \
    } while (0)

/* Tests that must end by abort; left out without fork (CK_FORK=no). */
#define ADD_FATAL(suite, runner, ...)                                                              \
    do {                                                                                           \
        const TTest *const tests_[] = {__VA_ARGS__, NULL};                                         \
        if (srunner_fork_status(runner) == CK_FORK)                                                \
            suite_add_tcase(suite, fatal_case(set_up, tear_down, tests_));                         \
    } while (0)

#endif
