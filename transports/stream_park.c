/* Parking: descriptors that wake the loop again and again, and nothing comes of it.
 *
 * Reactor's thread. A descriptor that the kernel reports ready although no byte can be moved (a
 * driver's fault, a socket that somebody else reads from, an error that does not go away) would take
 * a processor for itself. Wake-ups without a byte are counted, for each stream in the bits that its
 * peer's family leaves; a byte, in or out, clears TORC__SPURIOUS together with what it clears
 * anyhow, so messages pay nothing for it. After the bound the descriptor is logged and not watched
 * for a while, which doubles as long as it goes on. Invariant: while park_call is active the stream
 * is not watched; what was written still leaves, as far as the kernel takes it.
 *
 * Not counted are wake-ups by input that nobody wants now (reading is paused): they are the peer's
 * doing, and end when the kernel's buffer is full. */
#include <string.h>

#include "stream_internal.h"

/* Wake-ups in a row, within one second. Healthy descriptors have one or two between bytes. */
enum { SPURIOUS_BOUND = 1000 };

static const int64_t shortest = TORC__SECOND / 100;
static const int64_t longest = TORC__SECOND;

/* Who has behaved for so long since the last time begins with the shortest again. */
static const int64_t forgiven = 10 * TORC__SECOND;

/* ---- counting, for all that is watched ----------------------------------------------------- */

bool torc__spurious_count(unsigned *count, unsigned *second, int64_t now)
{
    unsigned present = (unsigned)(now / TORC__SECOND) % TORC__SPURIOUS_SECONDS;

    if (present != *second)
        *count = 0;
    *second = present;
    return ++*count >= SPURIOUS_BOUND;
}

void torc__spurious_report(TorcReactor *reactor, int fd, const char *class_name, const char *events,
                           int64_t pause)
{
    reactor->counters.parkedDescriptors++;
    TORC__LOG(reactor, TORC_LOG_WARNING, "descriptor.parked",
              TORC_LOG_BYTES("class", class_name, strlen(class_name)),
              TORC_LOG_NUMBER("descriptor", fd), TORC_LOG_BYTES("events", events, strlen(events)),
              TORC_LOG_NUMBER("milliseconds", pause / (TORC__SECOND / 1000)));
}

/* ---- streams ------------------------------------------------------------------------------- */

static void watch_again(void *arg)
{
    torc__stream_watch(arg);
}

/* While it lingers the protocol is gone. */
static const char *name_of(const TorcStream *stream)
{
    return stream->base.protocol ? stream->base.protocol->cls->name
                                 : stream->owner->factory->cls->name;
}

static int64_t next_pause(TorcStreamExtras *extras, int64_t now)
{
    if (extras->park_pause == 0 || now - extras->parked_at > forgiven)
        extras->park_pause = shortest;
    else if (extras->park_pause < longest)
        extras->park_pause = extras->park_pause * 2 < longest ? extras->park_pause * 2 : longest;
    extras->parked_at = now;
    return extras->park_pause;
}

/* Without memory it goes on as before, and is tried again at the bound. */
static void park(TorcStream *stream, const char *events, int64_t now)
{
    TorcStreamExtras *extras = torc__stream_extras(stream);
    TorcReactor *reactor = torc__stream_reactor(stream);

    stream->flags &= ~TORC__SPURIOUS;
    if (!extras)
        return;
    int64_t pause = next_pause(extras, now);
    int r = torc__ownCallLater(reactor, pause, "parked descriptor", watch_again, stream,
                               &extras->park_call);
    if (r < 0)
        return;
    torc__stream_watch(stream); /* no more */
    torc__spurious_report(reactor, stream->fd, name_of(stream), events, pause);
}

/* The first since a byte moved is not worth a look at the clock: after each read whose answer was
 * not sent at once comes another that finds nothing. */
void torc__stream_spurious(TorcStream *stream, const char *events)
{
    if (!(stream->flags & TORC__SPURIOUS)) {
        stream->flags |= TORC__SPURIOUS;
        stream->spurious = 0;
        return;
    }
    int64_t now = torc__now(torc__stream_reactor(stream));
    unsigned count = stream->spurious;
    unsigned second = stream->spurious_second;
    bool beyond = torc__spurious_count(&count, &second, now);
    stream->spurious = count & TORC__SPURIOUS_MOST;
    stream->spurious_second = second & (TORC__SPURIOUS_SECONDS - 1);
    if (beyond)
        park(stream, events, now);
}
