/* What the tests of orderly and of other ends share. */
#ifndef TORC_TESTS_CONTRACT_CLOSE_H
#define TORC_TESTS_CONTRACT_CLOSE_H

#include "contract_world.h"

#define assert_log(expected) ck_assert_str_eq(world_log(), expected)

/* The connection ends, and this is what its protocol was told of it. */
static inline void assert_ends(const char *log)
{
    until(rec.counts[RECORD_LOST]);
    assert_log(log);
}

/* The same for a protocol whose hook ends the connection at the first data. */
static inline void assert_first_data_ends(const char *log)
{
    peer_say(peer, "1");
    until(rec.counts[RECORD_DATA]);
    peer_say(peer, "2");
    assert_ends(log);
}

/* The marks are another matter: no words of theirs in the log. */
static inline void write_bulk(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_setWriteMarks(recording->transport, world.bulk, 0), 0);
    ck_assert_int_eq(write_pattern(world.bulk), 0);
}

/* More waits than a peer that does not read leaves room for. */
static inline void begin_full(void)
{
    peer_stopReading(peer);
    write_bulk(&rec);
    settle();
    ck_assert_uint_gt(TorcTransport_bufferedBytes(rec.transport), 0);
}

#endif
