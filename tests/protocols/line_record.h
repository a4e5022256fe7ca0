/* What the tests of line receivers of any class share: what such a one was told, written down, and the
 * simulated kernel with one peer that talks to it.
 *
 *     send_text("one\r\ntw");
 *     ck_assert_str_eq(events, "[one]"); */
#ifndef TORC_TESTS_LINE_RECORD_H
#define TORC_TESTS_LINE_RECORD_H

#include <check.h>
#include <errno.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/run_tests.h"
#include "clean_end.h"

enum { PORT = 8881 };

static char events[1 << 16];
static size_t events_length;
static TorcSim *sim;
static TorcSimPeer *peer;

static inline void record(char open, const void *data, size_t length, char close)
{
    ck_assert_uint_lt(events_length + length + 3, sizeof(events));
    events[events_length++] = open;
    memcpy(events + events_length, data, length);
    events_length += length;
    events[events_length++] = close;
    events[events_length] = '\0';
}

static inline void start_record(void)
{
    events_length = 0;
    events[0] = '\0';
}

/* A server of that class, and a peer that is connected. chunk_size 0: as much as there is. */
static inline void serve_class(const TorcProtocolClass *cls, size_t chunk_size)
{
    TorcFactory *factory = TorcFactory_forProtocol(cls);

    start_record();
    sim = TorcSim_newWith(TORC_SIM_OPTIONS(.seed = 1, .chunkSize = chunk_size));
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    peer = TorcSim_connect(sim, PORT);
    ck_assert_ptr_nonnull(peer);
    TorcSim_advance(sim, 0);
}

/* A log observer: writes the event down, too. */
static inline void record_event(const TorcLogEvent *event, void *arg)
{
    char text[256];
    size_t length = TorcLogEvent_format(event, text, sizeof(text));

    (void)arg;
    record('{', text, length < sizeof(text) ? length : sizeof(text) - 1, '}');
}

static inline void send_text(const char *text)
{
    TorcSimPeer_send(peer, text);
    TorcSim_advance(sim, 0);
}

#endif
