/* Write queue: segments of copied or owned bytes, sent from the front. See the header.
 *
 * Reactor's thread. A chunk is a segment with room behind its bytes; an owned segment has none. The
 * pool keeps a bounded number of chunks, the rest goes back to the allocator. Invariant: a queue
 * holds at least one segment, and no segment is empty. */
#include "write_queue_internal.h"

#include <assert.h>
#include <errno.h>

#include "../reactor/memory_internal.h"

/* ---- segments ------------------------------------------------------------------------------ */

static TorcSegment *chunk_new(void)
{
    TorcSegment *chunk = torc__malloc(TORC__CHUNK_SIZE);
    if (chunk) {
        chunk->release = NULL;
        chunk->chunk = true;
    }
    return chunk;
}

/* With `length` bytes in it already. */
static TorcSegment *chunk_take(TorcWritePool *pool, const void *data, size_t length)
{
    TorcSegment *chunk = pool->free_chunks;
    if (chunk) {
        pool->free_chunks = chunk->next;
        pool->free_chunk_count--;
    } else if (!(chunk = chunk_new())) {
        return NULL;
    }
    chunk->next = NULL;
    chunk->data = chunk->bytes;
    chunk->length = length;
    chunk->room = TORC__CHUNK_ROOM - length;
    memcpy(chunk->bytes, data, length);
    return chunk;
}

/* One allocation of the exact size, for bytes that would fill more than a chunk. */
static TorcSegment *block_new(const void *data, size_t length)
{
    if (length > SIZE_MAX - sizeof(TorcSegment))
        return NULL;
    TorcSegment *block = torc__malloc(sizeof(TorcSegment) + length);
    if (!block)
        return NULL;
    *block = (TorcSegment){.data = block->bytes, .length = length};
    memcpy(block->bytes, data, length);
    return block;
}

static void segment_free(TorcWritePool *pool, TorcSegment *segment)
{
    if (segment->chunk && pool->free_chunk_count < TORC__CHUNKS_KEPT) {
        segment->next = pool->free_chunks;
        pool->free_chunks = segment;
        pool->free_chunk_count++;
        return;
    }
    if (segment->release)
        segment->release(segment->arg);
    torc__free(segment);
}

/* ---- queues -------------------------------------------------------------------------------- */

static void link_segment(TorcWriteQueue **queue, TorcSegment *segment)
{
    if (*queue) {
        (*queue)->last->next = segment;
    } else {
        *queue = segment;
        segment->total = 0;
    }
    (*queue)->last = segment;
    (*queue)->total += segment->length;
}

static void append(TorcWriteQueue *queue, const void *data, size_t length)
{
    memcpy((uint8_t *)queue->last->data + queue->last->length, data, length);
    torc__writeQueue_commit(queue, length);
}

/* What does not fit behind the last segment gets one of its own, which is made first, so that
 * running out of memory leaves the queue as it was. */
static int add_segment(TorcWritePool *pool, TorcWriteQueue **queue, const uint8_t *data,
                       size_t length, size_t fits)
{
    size_t rest = length - fits;
    TorcSegment *segment = rest <= TORC__CHUNK_ROOM ? chunk_take(pool, data + fits, rest)
                                                    : block_new(data + fits, rest);
    if (!segment)
        return -ENOMEM;
    if (fits > 0)
        append(*queue, data, fits);
    link_segment(queue, segment);
    return 0;
}

int torc__writeQueue_addMore(TorcWritePool *pool, TorcWriteQueue **queue, const void *data,
                             size_t length)
{
    size_t room = *queue ? (*queue)->last->room : 0;
    if (!*queue || length > room)
        return add_segment(pool, queue, data, length, room);
    append(*queue, data, length);
    return 0;
}

int torc__writeQueue_addOwned(TorcWriteQueue **queue, const void *data, size_t length,
                              TorcFunction *release, void *arg)
{
    TorcSegment *segment = torc__malloc(sizeof(TorcSegment));
    if (!segment) {
        if (release)
            release(arg);
        return -ENOMEM;
    }
    *segment = (TorcSegment){.data = data, .length = length, .release = release, .arg = arg};
    link_segment(queue, segment);
    return 0;
}

size_t torc__writeQueue_gather(const TorcWriteQueue *queue, struct iovec *pieces, size_t *ret_bytes)
{
    size_t count = 0;
    size_t bytes = 0;
    for (const TorcSegment *s = queue; s && count < TORC__GATHER; s = s->next) {
        pieces[count++] = (struct iovec){(void *)s->data, s->length};
        bytes += s->length;
    }
    *ret_bytes = bytes;
    return count;
}

/* The next segment stands for the queue from now on. */
static void drop_first(TorcWritePool *pool, TorcWriteQueue **queue)
{
    TorcSegment *first = *queue;
    TorcSegment *next = first->next;
    if (next) {
        next->last = first->last;
        next->total = first->total - first->length;
    }
    *queue = next;
    segment_free(pool, first);
}

void torc__writeQueue_consumeSome(TorcWritePool *pool, TorcWriteQueue **queue, size_t length)
{
    assert(length <= torc__writeQueue_bytes(*queue));
    while (*queue && length >= (*queue)->length) {
        length -= (*queue)->length;
        drop_first(pool, queue);
    }
    if (length == 0)
        return;
    (*queue)->data += length;
    (*queue)->length -= length;
    (*queue)->total -= length;
}

void torc__writeQueue_drop(TorcWritePool *pool, TorcWriteQueue **queue)
{
    while (*queue)
        drop_first(pool, queue);
}

void torc__writePool_done(TorcWritePool *pool)
{
    while (pool->free_chunks) {
        TorcSegment *chunk = pool->free_chunks;
        pool->free_chunks = chunk->next;
        torc__free(chunk);
    }
}
