/* Places of a connection, for the tables of what may be called on it (interface_table.h).
 *
 * One conversation, which comes through all slots of a protocol if it is left alone; it is played
 * once for each call and place. Two connections: `rec` is the one that it is about, `other` is there
 * to be joined with it. */
#ifndef TORC_TESTS_TRANSPORT_PLACES_H
#define TORC_TESTS_TRANSPORT_PLACES_H

#include "reactor/reactor_internal.h"

#include <signal.h>
#include <stdio.h>

#include "../support/stream_test.h"

#include <torc/testing/sim_files.h>

#include "interface_table.h"

static Recording other;
static RecordedEvent slot; /* the place is in this one */
static TorcProtocol *protocol;
static TorcConnectionId id;

/* ---- the conversation ---------------------------------------------------------------------- */

enum { BUFFER = 1000, MUCH = 3 * BUFFER, HIGH_MARK = 500 };

static inline void arrive(RecordedEvent in)
{
    if (in == slot)
        interface_here();
}

static inline void made(Recording *recording)
{
    protocol = recording->protocol;
    id = TorcTransport_getConnectionId(recording->transport);
    ck_assert_int_eq(TorcTransport_setWriteMarks(recording->transport, HIGH_MARK, 0), 0);
    arrive(RECORD_MADE);
}

static inline void write_much(void)
{
    static const char bytes[MUCH];
    if (rec.transport)
        (void)TorcTransport_write(rec.transport, bytes, sizeof(bytes));
}

/* The first time only. */
static inline void data(Recording *recording)
{
    if (recording->received_length != recording->chunk)
        return;
    write_much();
    arrive(RECORD_DATA);
}

static inline void in_pause(Recording *recording)
{
    (void)recording;
    arrive(RECORD_PAUSE);
}

static inline void in_resume(Recording *recording)
{
    (void)recording;
    arrive(RECORD_RESUME);
}

static inline void in_eof(Recording *recording)
{
    (void)recording;
    arrive(RECORD_EOF);
}

static inline void in_write_shut(Recording *recording)
{
    (void)recording;
    arrive(RECORD_WRITE_SHUT);
}

static inline void in_lost(Recording *recording)
{
    (void)recording;
    arrive(RECORD_LOST);
}

static inline void in_destroy(Recording *recording)
{
    (void)recording;
    arrive(RECORD_DESTROY);
}

static inline void begin_play(RecordedEvent place)
{
    slot = place;
    rec = (Recording){.half_closeable = true};
    rec.on[RECORD_MADE] = made;
    rec.on[RECORD_DATA] = data;
    rec.on[RECORD_PAUSE] = in_pause;
    rec.on[RECORD_RESUME] = in_resume;
    rec.on[RECORD_EOF] = in_eof;
    rec.on[RECORD_WRITE_SHUT] = in_write_shut;
    rec.on[RECORD_LOST] = in_lost;
    rec.on[RECORD_DESTROY] = in_destroy;
    other = (Recording){.next = &rec};
    begin_with(EDGE, TORC_SIM_OPTIONS(.seed = 1, .bufferSize = BUFFER));
    ck_assert_int_eq(TorcSim_writeFile(sim, "/file", "some bytes", 10), 0);
    serve(&other, PORT);
    (void)connect_peer();
    peer = connect_peer();
}

/* What nobody has ended ends with a reason that no call makes. What comes before the '-' is not made
 * up for by the help behind it. */
static inline void end_play(void)
{
    Recording_note(&rec, "-");
    TorcTransport_resumeProducing(rec.transport);
    TorcTransport_unregisterProducer(rec.transport);
    settle();
    TorcTransport_failConnection(rec.transport, TorcReason_static(TORC_CONNECTION_SHUTDOWN));
    settle();
    interface_came(rec.log);
    end();
    Recording_done(&other);
}

static inline void say_hello(void)
{
    TorcSimPeer_stopReading(peer);
    TorcSimPeer_send(peer, "hello");
    settle();
    TorcSimPeer_startReading(peer);
    settle();
}

static inline void say_more(void)
{
    TorcSimPeer_send(peer, "more");
    settle();
}

static inline void play_to(RecordedEvent place)
{
    begin_play(place);
    say_hello();
    say_more();
    TorcSimPeer_shutdown(peer);
    settle();
    end_play();
}

/* ---- places -------------------------------------------------------------------------------- */

static inline void in_connectionMade(void)
{
    play_to(RECORD_MADE);
}

static inline void in_dataReceived(void)
{
    play_to(RECORD_DATA);
}

static inline void in_pauseProducing(void)
{
    play_to(RECORD_PAUSE);
}

static inline void in_resumeProducing(void)
{
    play_to(RECORD_RESUME);
}

static inline void in_readConnectionLost(void)
{
    play_to(RECORD_EOF);
}

static inline void in_connectionLost(void)
{
    play_to(RECORD_LOST);
}

/* Of a connection that was reset. */
static inline void in_connectionLost_reset(void)
{
    begin_play(RECORD_LOST);
    TorcSimPeer_reset(peer);
    settle();
    end_play();
}

static inline void in_the_destroy_slot(void)
{
    play_to(RECORD_DESTROY);
}

static inline void between_turns(void)
{
    begin_play(RECORD_EVENTS);
    interface_here();
    say_more();
    end_play();
}

static inline void in_a_delayed_call(void)
{
    begin_play(RECORD_EVENTS);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, interface_hereCalled, NULL, NULL), 0);
    settle();
    say_more();
    end_play();
}

static inline void in_a_posted_call(void)
{
    begin_play(RECORD_EVENTS);
    ck_assert_int_eq(TorcReactor_callFromThread(reactor, interface_hereCalled, NULL), 0);
    settle();
    say_more();
    end_play();
}

static inline void in_a_signal_handler(void)
{
    begin_play(RECORD_EVENTS);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGHUP, interface_hereCalled, NULL), 0);
    TorcSim_raise(sim, SIGHUP);
    settle();
    say_more();
    end_play();
}

static inline void while_paused(void)
{
    begin_play(RECORD_EVENTS);
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "hello");
    settle();
    interface_here();
    settle();
    end_play();
}

static inline void begin_closing(void)
{
    begin_play(RECORD_EVENTS);
    TorcSimPeer_stopReading(peer);
    settle();
    write_much();
    settle();
    ck_assert_uint_gt(TorcTransport_bufferedBytes(rec.transport), 0);
    TorcTransport_loseConnection(rec.transport);
}

static inline void end_closing(void)
{
    settle();
    TorcSimPeer_send(peer, "more");
    TorcSimPeer_startReading(peer);
    settle();
    end_play();
}

static inline void in_the_turn_of_loseConnection(void)
{
    begin_closing();
    interface_here();
    end_closing();
}

static inline void while_output_waits(void)
{
    begin_closing();
    settle();
    ck_assert(rec.transport);
    interface_here();
    end_closing();
}

static inline void begin_write_closed(RecordedEvent place)
{
    begin_play(place);
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
}

static inline void in_the_turn_of_loseWriteConnection(void)
{
    begin_write_closed(RECORD_EVENTS);
    interface_here();
    settle();
    say_more();
    end_play();
}

static inline void in_writeConnectionLost(void)
{
    begin_write_closed(RECORD_WRITE_SHUT);
    settle();
    say_more();
    end_play();
}

/* ---- places that are alike ------------------------------------------------------------------- */

#define CONNECTED                                                                                  \
    {                                                                                              \
        between_turns, in_a_delayed_call, in_a_posted_call, in_a_signal_handler,                   \
            in_connectionMade, in_dataReceived, in_pauseProducing, in_resumeProducing              \
    }
#define CLOSING                                                                                    \
    {                                                                                              \
        in_the_turn_of_loseConnection, while_output_waits                                          \
    }
#define WRITE_CLOSED                                                                               \
    {                                                                                              \
        in_the_turn_of_loseWriteConnection, in_writeConnectionLost                                 \
    }
#define LOST                                                                                       \
    {                                                                                              \
        in_connectionLost, in_connectionLost_reset                                                 \
    }

#endif
