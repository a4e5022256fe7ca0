/* Files: a pull producer that reads a file and writes it, or lets the kernel do both.
 *
 * Reactor's thread, also for reading from the disk: a thread would cost more than the page cache's
 * answer, and the size of a piece bounds what a slow disk can hold up. The sender owns itself and a
 * duplicate of the descriptor; it is freed when the file is through, cancelled, or the connection
 * gone, always in the same breath as it leaves its transport. Invariant: it is asked only when nothing
 * waits, so a piece that the kernel sends comes behind all that was written before. */
#include <errno.h>

#include "../reactor/reactor_internal.h"
#include "producer_internal.h"
#include "transport_internal.h"

/* What is read at once, and the kernel's share of a turn: so much that a system call more does not
 * matter, and not so much that other connections wait. */
enum { PIECE = 64 * 1024, KERNEL_PIECE = 512 * 1024 };

typedef struct FileSender {
    TorcTransport *transport;
    TorcSystem *system; /* the reactor's, whose descriptor it is */
    TorcDeferred *done; /* NULL: nobody asked, or it was cancelled */
    uint64_t *sent;     /* the result */
    uint64_t offset;    /* of the next byte */
    uint64_t left;      /* UINT64_MAX: up to the end */
    int fd;
    bool by_hand; /* the kernel cannot do it */
} FileSender;

/* ---- the end ------------------------------------------------------------------------------- */

static void sender_free(FileSender *sender)
{
    (void)sender->system->ops->close(sender->system, sender->fd);
    torc__free(sender->sent);
    torc__free(sender);
}

/* Leaves first: the steps of the deferred may well send the next file. */
static void sender_fail(FileSender *sender, TorcReason *reason)
{
    TorcDeferred *done = sender->done;

    torc__transport_leave(sender->transport);
    sender_free(sender);
    if (done)
        (void)TorcDeferred_errback(done, reason);
    TorcReason_unref(reason);
}

static void sender_finish(FileSender *sender)
{
    TorcDeferred *done = sender->done;
    uint64_t *sent = sender->sent;

    torc__transport_leave(sender->transport);
    sender->sent = NULL;
    sender_free(sender);
    if (done)
        (void)TorcDeferred_callback(done, sent, torc__free);
    else
        torc__free(sent);
}

/* The connection is gone, or an application has unregistered us. */
static void sender_ended(void *producer, const TorcReason *reason)
{
    FileSender *sender = producer;
    TorcDeferred *done = sender->done;

    sender_free(sender);
    if (done)
        (void)TorcDeferred_errback(done, reason);
}

static void sender_cancel(TorcDeferred *done, void *arg)
{
    FileSender *sender = arg;

    (void)done; /* fails by itself */
    torc__transport_leave(sender->transport);
    sender_free(sender);
}

/* ---- pieces -------------------------------------------------------------------------------- */

static size_t at_most(const FileSender *sender, size_t size)
{
    return sender->left < size ? (size_t)sender->left : size;
}

static void account(FileSender *sender, size_t length)
{
    sender->offset += length;
    *sender->sent += length;
    if (sender->left != UINT64_MAX)
        sender->left -= length;
}

/* True when the kernel does it. Whatever it cannot do is done by hand from now on, and who is to
 * blame shows there. */
static bool send_by_kernel(FileSender *sender)
{
    TorcTransport *transport = sender->transport;
    ssize_t n = transport->cls->sendFile
                    ? transport->cls->sendFile(transport, sender->fd, sender->offset,
                                               at_most(sender, KERNEL_PIECE))
                    : -ENOSYS;

    if (n > 0)
        account(sender, (size_t)n);
    else if (n == 0)
        sender_finish(sender);
    if (n >= 0 || n == -EAGAIN || n == -EPIPE)
        return true;
    sender->by_hand = true;
    return false;
}

/* A piece must not pass the buffer limit, which would end the connection. */
static size_t piece_size(const FileSender *sender)
{
    TorcFlow flow;

    sender->transport->cls->getFlow(sender->transport, &flow);
    return at_most(sender,
                   flow.buffer_limit > 0 && flow.buffer_limit < PIECE ? flow.buffer_limit : PIECE);
}

static void cannot_read(FileSender *sender, int code)
{
    sender_fail(sender, TorcReason_new(TORC_OPERATION_FAILED, code,
                                       "the file cannot be read beyond byte %llu: %s",
                                       (unsigned long long)sender->offset, torc_strerror(code)));
}

/* When it cannot be written the connection is ending, and says so by itself. */
static void send_by_hand(FileSender *sender)
{
    TorcSystem *system = sender->system;
    size_t size = piece_size(sender);
    void *piece = torc__malloc(size);
    ssize_t n =
        piece ? system->ops->pread(system, sender->fd, piece, size, sender->offset) : -ENOMEM;

    if (n > 0) {
        account(sender, (size_t)n);
        (void)TorcTransport_writeOwned(sender->transport, piece, (size_t)n, torc__free, piece);
        return;
    }
    torc__free(piece);
    if (n == 0)
        sender_finish(sender);
    else
        cannot_read(sender, (int)n);
}

static void sender_resume(void *producer)
{
    FileSender *sender = producer;

    if (sender->left == 0)
        sender_finish(sender);
    else if (sender->by_hand || !send_by_kernel(sender))
        send_by_hand(sender);
}

static const TorcProducerClass sender_class = {
    .size = sizeof(TorcProducerClass),
    .resumeProducing = sender_resume,
};

/* ---- the beginning ------------------------------------------------------------------------- */

/* Reading nothing tells what the descriptor is good for. */
static int open_copy(TorcSystem *system, int fd)
{
    char nothing;
    ssize_t n = fd < 0 ? -EBADF : system->ops->pread(system, fd, &nothing, 0, 0);

    return n < 0 ? (int)n : system->ops->duplicate(system, fd);
}

static int sender_new(TorcTransport *transport, TorcSystem *system, int fd, FileSender **ret_sender)
{
    int copy = open_copy(system, fd);
    if (copy < 0)
        return copy;
    FileSender *sender = torc__zalloc(sizeof(FileSender));
    uint64_t *sent = torc__zalloc(sizeof(uint64_t));
    if (!sender || !sent) {
        torc__free(sent);
        torc__free(sender);
        (void)system->ops->close(system, copy);
        return -ENOMEM;
    }
    *sender = (FileSender){.transport = transport, .system = system, .sent = sent, .fd = copy};
    *ret_sender = sender;
    return 0;
}

static int sender_start(FileSender *sender, TorcDeferred **ret_done)
{
    const TorcProducing producing = {
        .cls = &sender_class, .producer = sender, .ended = sender_ended};
    int r = torc__transport_register(sender->transport, &producing);
    if (r < 0 || !ret_done)
        return r;
    sender->done = TorcDeferred_new(sender_cancel, sender);
    if (!sender->done) {
        torc__transport_leave(sender->transport);
        return -ENOMEM;
    }
    *ret_done = sender->done;
    return 0;
}

int TorcTransport_sendFile(TorcTransport *transport, int fd, uint64_t offset, uint64_t length,
                           TorcDeferred **ret_done)
{
    TORC__REQUIRE(transport && offset <= INT64_MAX);
    TORC__REQUIRE(length == UINT64_MAX || length <= INT64_MAX - offset);
    TorcReactor *reactor = TorcTransport_getReactor(transport);
    FileSender *sender;
    if (!transport->cls->registerProducer || !reactor)
        return -EOPNOTSUPP;
    int r = sender_new(transport, reactor->system, fd, &sender);
    if (r < 0)
        return r;
    sender->offset = offset;
    sender->left = length;
    r = sender_start(sender, ret_done);
    if (r < 0)
        sender_free(sender);
    return r;
}
