/* Write queue: the bytes that a stream has still to send.
 *
 * Copied bytes are gathered in chunks lent from a pool, owned bytes are linked in as they are. A
 * stream holds a queue only while it has something to send, so an idle one costs a NULL pointer.
 * Chunks come from the pool's free list: in the steady state nothing is allocated. */
#ifndef TORC_TRANSPORTS_WRITE_QUEUE_INTERNAL_H
#define TORC_TRANSPORTS_WRITE_QUEUE_INTERNAL_H

#include <string.h>
#include <sys/uio.h>

#include "../reactor/api.h"
#include "../reactor/call.h"
#include "transport.h"

/* A piece of the queue. The first one stands for the whole and carries what is known of it, so that
 * the common case, a turn's output in one chunk, takes one object from the pool. */
typedef struct TorcSegment TorcSegment;
struct TorcSegment {
    TorcSegment *next;
    const uint8_t *data; /* the first byte not yet sent */
    size_t length;       /* bytes not yet sent; never 0 in a queue */
    size_t room;         /* bytes that can still be appended */
    /* Of the first segment only: */
    TorcSegment *last;
    size_t total; /* bytes of the whole queue */
    /* Of owned bytes: */
    TorcFunction *release;
    void *arg;
    bool chunk; /* from the pool, and goes back there */
    _Alignas(max_align_t) uint8_t bytes[];
};

typedef TorcSegment TorcWriteQueue;

static inline size_t torc__writeQueue_bytes(const TorcWriteQueue *queue)
{
    return queue ? queue->total : 0;
}

/* Lends chunks; one per reactor. {0} is empty and ready. */
typedef struct TorcWritePool {
    TorcSegment *free_chunks;
    size_t free_chunk_count;
} TorcWritePool;

/* Pieces handed to the kernel in one call. */
enum { TORC__GATHER = 64 };

/* A chunk takes 16 KiB in all: a turn's small answers fit in one, and a connection whose peer has
 * stopped reading does not hold much more than it has to say.
 *
 * Kept are as many as connections answer in one turn of a busy server, once they did: a chunk more
 * than that goes back to the C library and costs a page fault when it returns (with 64 kept and 400
 * connections that answer each turn, nearly one each, and a third of the processor's time). */
enum {
    TORC__CHUNK_SIZE = 16384,
    TORC__CHUNK_ROOM = TORC__CHUNK_SIZE - sizeof(TorcSegment),
    TORC__CHUNKS_KEPT = 1024
};

/* All take the address of the stream's queue pointer, which is NULL for an empty queue. The two
 * that add return 0 or -ENOMEM; then nothing was added, and of an owned piece release was called.
 * length > 0. */
int torc__writeQueue_addMore(TorcWritePool *pool, TorcWriteQueue **queue, const void *data,
                             size_t length);

/* The first small write of a turn into a chunk of the pool, in line. */
static inline int torc__writeQueue_add(TorcWritePool *pool, TorcWriteQueue **queue,
                                       const void *data, size_t length)
{
    TorcSegment *chunk = pool->free_chunks;
    if (*queue || !chunk || length > TORC__CHUNK_ROOM)
        return torc__writeQueue_addMore(pool, queue, data, length);
    pool->free_chunks = chunk->next;
    pool->free_chunk_count--;
    chunk->next = NULL;
    chunk->data = chunk->bytes;
    chunk->length = chunk->total = length;
    chunk->room = TORC__CHUNK_ROOM - length;
    chunk->last = chunk;
    *queue = chunk;
    memcpy(chunk->bytes, data, length);
    return 0;
}

/* Copies the pieces behind the bytes of the last segment, if all fit there: one pass for looking and
 * copying. They are the queue's when their sum is committed; until then nothing has happened. */
static inline bool torc__writeQueue_stage(TorcWriteQueue *queue, const TorcBytes *pieces,
                                          size_t count, size_t *ret_length)
{
    TorcSegment *last = queue->last;
    uint8_t *to = (uint8_t *)last->data + last->length;
    size_t room = last->room;

    for (const TorcBytes *piece = pieces; piece < pieces + count; piece++) {
        size_t length = piece->length;
        if (length > room)
            return false;
        if (length == 1) /* most delimiters: a call would cost more than the byte */
            *to = *(const uint8_t *)piece->data;
        else if (length > 0)
            memcpy(to, piece->data, length);
        to += length;
        room -= length;
    }
    *ret_length = last->room - room;
    return true;
}

static inline void torc__writeQueue_commit(TorcWriteQueue *queue, size_t length)
{
    queue->last->length += length;
    queue->last->room -= length;
    queue->total += length;
}

int torc__writeQueue_addOwned(TorcWriteQueue **queue, const void *data, size_t length,
                              TorcFunction *release, void *arg);

/* Fills in up to TORC__GATHER pieces from the front; returns how many. ret_bytes: their sum. */
size_t torc__writeQueue_gather(const TorcWriteQueue *queue, struct iovec *pieces,
                               size_t *ret_bytes);

/* The first `length` bytes were sent: lets go of them. */
void torc__writeQueue_consumeSome(TorcWritePool *pool, TorcWriteQueue **queue, size_t length);

/* All of a queue that is one chunk, in line. */
static inline void torc__writeQueue_consume(TorcWritePool *pool, TorcWriteQueue **queue,
                                            size_t length)
{
    TorcSegment *first = *queue;
    if (first->next || length < first->length || !first->chunk ||
        pool->free_chunk_count >= TORC__CHUNKS_KEPT) {
        torc__writeQueue_consumeSome(pool, queue, length);
        return;
    }
    first->next = pool->free_chunks;
    pool->free_chunks = first;
    pool->free_chunk_count++;
    *queue = NULL;
}

/* Lets go of everything. */
void torc__writeQueue_drop(TorcWritePool *pool, TorcWriteQueue **queue);

/* Frees what the pool keeps; no queue may be out. */
void torc__writePool_done(TorcWritePool *pool);

#endif
