/* dataReceived: how long its bytes are good, what it does to others, and pauses around it. */
#include "../support/stream_test.h"

/* ---- the bytes ----------------------------------------------------------------------------- */

enum { ASKED = 3000 };

/* Does all it can think of first, and looks at its bytes last. */
typedef struct Late {
    TorcProtocol base;
} Late;

static int way; /* how it ends its connection */
static const void *first_bytes;
static unsigned looked;

static void end_somehow(TorcTransport *transport)
{
    static void (*const ends[])(TorcTransport *) = {TorcTransport_loseConnection,
                                                    TorcTransport_abortConnection};
    if (way < 2)
        ends[way](transport);
    else if (way == 2)
        TorcTransport_failConnection(transport, NULL);
}

static void late_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    static uint8_t big[1 << 17];
    uint8_t *copy = malloc(length);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, length);
    first_bytes = first_bytes ? first_bytes : data;
    ck_assert_int_eq(TorcTransport_write(self->transport, data, length), 0);
    ck_assert_int_eq(TorcTransport_write(self->transport, big, sizeof(big)), 0);
    TorcTransport_pauseProducing(self->transport);
    TorcTransport_resumeProducing(self->transport);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), -EDEADLK);
    end_somehow(self->transport);
    ck_assert_mem_eq(data, copy, length);
    free(copy);
    looked++;
}

static const TorcProtocolClass late_class = {
    TORC_PROTOCOL_CLASS("late", Late),
    .dataReceived = late_dataReceived,
};

static void serve_late(void)
{
    TorcFactory *factory = TorcFactory_forProtocol(&late_class);
    ck_assert_ptr_nonnull(factory);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
}

static void ask(TorcSimPeer *of)
{
    uint8_t *bytes = new_pattern(ASKED);
    TorcSimPeer_sendBytes(of, bytes, ASKED);
    free(bytes);
    settle();
}

START_TEST(the_bytes_are_good_until_dataReceived_has_returned) /* RD-4 */
{
    looked = 0;
    way = _i / WHOLE_MODES;
    begin(_i % WHOLE_MODES);
    serve_late();
    ask(connect_peer());
    ck_assert_uint_eq(looked, 1);
    end();
}
END_TEST

START_TEST(one_buffer_serves_all_connections) /* RD-4 */
{
    way = 3;
    first_bytes = NULL;
    begin(_i);
    serve_late();
    ask(connect_peer());
    const void *of_first = first_bytes;
    first_bytes = NULL;
    ask(connect_peer());
    ck_assert_ptr_eq(first_bytes, of_first); /* so nobody may keep them */
    end();
}
END_TEST

static void turn_inside(Recording *recording)
{
    unsigned calls = recording->counts[RECORD_DATA];
    TorcSimPeer_send(peer, "more");
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), -EDEADLK);
    ck_assert_int_eq(TorcReactor_run(reactor), -EDEADLK);
    ck_assert_uint_eq(recording->counts[RECORD_DATA], calls);
    recording->on[RECORD_DATA] = NULL;
}

START_TEST(dataReceived_is_not_entered_again_from_inside) /* RD-5, BUG-6 */
{
    begin_connected(_i);
    rec.on[RECORD_DATA] = turn_inside;
    TorcSimPeer_send(peer, "some ");
    settle();
    ck_assert_str_eq(Recording_received(&rec), "some more");
    end();
}
END_TEST

/* ---- two connections that are ready in one turn -------------------------------------------- */

static Recording second;

static void end_the_other(Recording *recording)
{
    Recording *neighbour = recording == &rec ? &second : &rec;
    if (neighbour->counts[RECORD_LOST] == 0)
        TorcTransport_abortConnection(neighbour->transport);
    recording->on[RECORD_DATA] = NULL;
}

/* BUG-16 */
START_TEST(who_was_ended_by_another_hears_nothing_of_what_was_reported_for_both) /* LOOP-8 */
{
    second = (Recording){.on[RECORD_DATA] = end_the_other};
    begin(_i);
    rec.next = &second;
    rec.on[RECORD_DATA] = end_the_other;
    serve(&rec, PORT);
    peer = connect_peer();
    TorcSimPeer *other = connect_peer();
    TorcSimPeer_send(peer, "a");
    TorcSimPeer_send(other, "b");
    settle();
    /* Whichever was first: the other one was ready too, and is told of its end alone. */
    bool rec_was_first = rec.counts[RECORD_DATA] == 1;
    ck_assert_str_eq(rec_was_first ? rec.log : second.log, "made data:1");
    ck_assert_str_eq(rec_was_first ? second.log : rec.log, "made lost:ABORTED");
    end();
    Recording_done(&second);
}
END_TEST

/* ---- pauses -------------------------------------------------------------------------------- */

START_TEST(two_pauses_need_one_resume) /* RD-6 */
{
    begin_connected(_i);
    TorcTransport_pauseProducing(rec.transport);
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert_str_eq(rec.log, "made");
    TorcTransport_resumeProducing(rec.transport);
    settle();
    ck_assert_str_eq(rec.log, "made data:5");
    end();
}
END_TEST

START_TEST(a_resume_too_many_delivers_nothing_twice_and_holds_off_no_pause) /* RD-6 */
{
    begin_connected(_i);
    TorcTransport_resumeProducing(rec.transport);
    TorcTransport_resumeProducing(rec.transport);
    TorcSimPeer_send(peer, "hello");
    settle();
    ck_assert_str_eq(rec.log, "made data:5");
    TorcTransport_pauseProducing(rec.transport);
    TorcSimPeer_send(peer, "held");
    settle();
    ck_assert_str_eq(rec.log, "made data:5");
    end();
}
END_TEST

RUN_LOOP_TESTS("received bytes",
               {the_bytes_are_good_until_dataReceived_has_returned, 4 * WHOLE_MODES},
               {one_buffer_serves_all_connections, WHOLE_MODES},
               {dataReceived_is_not_entered_again_from_inside, MODES},
               {who_was_ended_by_another_hears_nothing_of_what_was_reported_for_both, MODES},
               {two_pauses_need_one_resume, MODES},
               {a_resume_too_many_delivers_nothing_twice_and_holds_off_no_pause, MODES})
