/* The contract of ends that are not in order, in every world: the peer's resets, abortConnection, and
 * failConnection, with which a callback that cannot go on ends its connection. */
#include "contract_close.h"

/* ---- resets -------------------------------------------------------------------------------- */

/* A UNIX peer that closes with bytes unread is a reset, so it has some. */
static void leave_unread(void)
{
    peer_stopReading(peer);
    ck_assert_int_eq(write_text("unread"), 0);
    settle();
}

START_TEST(a_reset_is_a_loss_with_its_code) /* CLOSE-9 */
{
    BEGIN_CONNECTED(SOCKET);
    leave_unread();
    peer_reset(peer);
    assert_ends("made lost:LOST");
    ck_assert_int_eq(rec.code, -ECONNRESET);
    END();
}
END_TEST

START_TEST(a_reset_in_mid_stream_is_seen_behind_the_data) /* CLOSE-9 */
{
    BEGIN_CONNECTED(SOCKET);
    leave_unread();
    peer_say(peer, "hello");
    peer_reset(peer);
    assert_ends("made data:5 lost:LOST");
    END();
}
END_TEST

START_TEST(a_reset_ends_a_close_that_waits) /* CLOSE-9 */
{
    BEGIN_CONNECTED(0);
    begin_full();
    TorcTransport_loseConnection(rec.transport);
    peer_reset(peer);
    assert_ends("made lost:LOST");
    END();
}
END_TEST

START_TEST(a_reset_shows_while_paused) /* LOOP-7 */
{
    rec.on[RECORD_MADE] = pause_reading;
    BEGIN_CONNECTED(NOTICES);
    leave_unread();
    peer_say(peer, "unread");
    settle();
    peer_reset(peer);
    assert_ends("made lost:LOST");
    END();
}
END_TEST

/* ---- abortConnection ----------------------------------------------------------------------- */

/* The peer sees no orderly end, where there is another one. */
static void assert_aborted(void)
{
    assert_ends("made lost:ABORTED");
    peer_startReading(peer);
    if (world.traits & RESETS)
        until(peer_gotReset(peer));
    else
        until(peer_gotReset(peer) || peer_gotEnd(peer));
    ck_assert_uint_lt(peer_receivedLength(peer), world.bulk);
}

START_TEST(abort_drops_what_waits_and_resets) /* CLOSE-14, WR-9 */
{
    BEGIN_CONNECTED(0);
    begin_full();
    TorcTransport_abortConnection(rec.transport);
    assert_log("made");
    ck_assert_int_eq(write_text("more"), -EPIPE);
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
    assert_aborted();
    END();
}
END_TEST

START_TEST(abort_resets_also_when_nothing_waits) /* CLOSE-14 */
{
    BEGIN_CONNECTED(0);
    TorcTransport_abortConnection(rec.transport);
    assert_aborted();
    END();
}
END_TEST

START_TEST(abort_works_while_reading_is_paused) /* CLOSE-14 */
{
    rec.on[RECORD_MADE] = pause_reading;
    BEGIN_CONNECTED(0);
    peer_say(peer, "unread");
    settle();
    TorcTransport_abortConnection(rec.transport);
    TorcTransport_resumeProducing(rec.transport); /* CLOSE-15 */
    assert_aborted();
    END();
}
END_TEST

/* The close waits for a peer that does not read. */
static void abort_while_closing(RecordingHook *close)
{
    begin_full();
    close(&rec);
    settle();
    assert_log("made");
    TorcTransport_abortConnection(rec.transport);
    assert_aborted();
}

START_TEST(abort_cuts_a_close_short) /* CLOSE-14 */
{
    BEGIN_CONNECTED(0);
    abort_while_closing(lose);
    END();
}
END_TEST

START_TEST(abort_cuts_a_half_close_short) /* CLOSE-14 */
{
    BEGIN_CONNECTED(0);
    abort_while_closing(lose_write);
    END();
}
END_TEST

START_TEST(aborted_in_dataReceived_it_gets_no_more) /* CLOSE-15 */
{
    rec.on[RECORD_DATA] = abort_now;
    BEGIN_CONNECTED(0);
    assert_first_data_ends("made data:1 lost:ABORTED");
    END();
}
END_TEST

START_TEST(several_ways_of_ending_make_one_end) /* CLOSE-16, BUG-8 */
{
    BEGIN_CONNECTED(0);
    TorcTransport_loseConnection(rec.transport);
    TorcTransport_abortConnection(rec.transport);
    TorcTransport_abortConnection(rec.transport);
    TorcTransport_loseConnection(rec.transport);
    TorcTransport_failConnection(rec.transport, NULL);
    until(rec.counts[RECORD_DESTROY]);
    settle();
    assert_log("made lost:ABORTED");
    END();
}
END_TEST

/* ---- failConnection ------------------------------------------------------------------------ */

static TorcReason *own;

static void fail_now(Recording *recording)
{
    TorcTransport_failConnection(recording->transport, own);
}

static void compare_reason(Recording *recording)
{
    ck_assert_ptr_eq(recording->reason, own);
}

START_TEST(a_callback_that_cannot_go_on_ends_its_connection_with_its_reason) /* LOOP-9, CLOSE-13 */
{
    own = TorcReason_new(TORC_CONNECTION_APPLICATION, -EPROTO, "no such verb");
    rec.on[RECORD_DATA] = fail_now;
    rec.on[RECORD_LOST] = compare_reason;
    BEGIN_CONNECTED(0);
    peer_say(peer, "x");
    assert_ends("made data:1 lost:APPLICATION");
    ck_assert_int_eq(rec.code, -EPROTO);
    ck_assert_str_eq(rec.text, "no such verb");
    TorcReason_unref(own);
    END();
}
END_TEST

START_TEST(only_that_connection_ends) /* LOOP-9 */
{
    Recording other = {0};
    rec.next = &other;
    BEGIN_CONNECTED(0);
    Peer *second = peer_open();
    until(other.counts[RECORD_MADE]);
    TorcTransport_failConnection(rec.transport, NULL);
    until(rec.counts[RECORD_LOST]);
    peer_say(second, "still here");
    until(other.received_length == 10);
    ck_assert_uint_eq(other.counts[RECORD_LOST], 0);
    peer_shutdown(second);
    until(other.counts[RECORD_DESTROY]);
    Recording_clear(&other);
    END();
}
END_TEST

CONTRACT_SUITE("contract: aborting", a_reset_is_a_loss_with_its_code,
               a_reset_in_mid_stream_is_seen_behind_the_data, a_reset_ends_a_close_that_waits,
               a_reset_shows_while_paused, abort_drops_what_waits_and_resets,
               abort_resets_also_when_nothing_waits, abort_works_while_reading_is_paused,
               abort_cuts_a_close_short, abort_cuts_a_half_close_short,
               aborted_in_dataReceived_it_gets_no_more, several_ways_of_ending_make_one_end,
               a_callback_that_cannot_go_on_ends_its_connection_with_its_reason,
               only_that_connection_ends)
