/* UNIX stream sockets of the simulated world, as Linux has them (net/unix/af_unix.c, whose
 * functions the comments name).
 *
 * A connection is two sockets of one host that point at each other; what one sends is in the
 * other's input at once, and counts as the sender's buffer until it is read. There are no packets,
 * so there is no RST: when one end is closed the other's `other` becomes NULL and it is shut both
 * ways, with the error ECONNRESET if something was unread. A name is a file, which outlives its
 * socket, or abstract, and then an entry in the host's list for as long as the socket lives. Handles
 * travel with the piece that they were sent with.
 *
 * As for other streams, owners are told of news as the last thing a function does with a socket. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "sim_files_internal.h"
#include "sim_handle_internal.h"

/* Most bytes that are freed, and make the sender writable, at one time: SKB_MAX_HEAD(0) +
 * UNIX_SKB_FRAGS_SZ, about. */
enum { PIECE_SIZE = 32 * 1024 };

/* A name as the kernel counts it: a path with its NUL, which sun_path itself may have no room for,
 * or all bytes of an abstract one, the first being NUL. */
typedef struct SimUnixName {
    size_t length; /* 0: none */
    char bytes[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
} SimUnixName;

/* How a part of socket->input came (struct sk_buff); it is freed when all of it is read. */
typedef struct SimPiece {
    size_t length;     /* that is left */
    SimPassed *passed; /* came with it; NULL: nothing, or it was received */
} SimPiece;

struct SimUnix {
    SimUnixName name; /* given by bind, or its listener's */
    SimUnixName peer; /* the other end's, also when that is closed */
    SimFile *file;    /* that bind has made; NULL: none */
    SimSocket *abstract_next;
    SimBytes pieces; /* SimPieces, oldest first */
    size_t carriers; /* of them, with something passed */
    SimCredentials process;
    SimCredentials peer_process;
};

static const SimCredentials nobody = {.pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1};

/* ---- names --------------------------------------------------------------------------------- */

/* unix_validate_addr and unix_mkname_bsd. A name without any byte would be one of the kernel's
 * choice for bind (unix_autobind), which is not there. */
static int read_name(const struct sockaddr *name, socklen_t length, SimUnixName *ret_name)
{
    const size_t offset = offsetof(struct sockaddr_un, sun_path);
    if (!name || length <= offset || length > sizeof(struct sockaddr_un) ||
        name->sa_family != AF_UNIX)
        return -EINVAL;
    *ret_name = (SimUnixName){.length = length - offset};
    memcpy(ret_name->bytes, (const char *)name + offset, ret_name->length);
    if (ret_name->bytes[0])
        ret_name->length = strlen(ret_name->bytes) + 1;
    return 0;
}

/* unix_getname, cut as move_addr_to_user does. */
static int write_name(const SimUnixName *name, struct sockaddr *ret_name, socklen_t *length)
{
    const size_t offset = offsetof(struct sockaddr_un, sun_path);
    unsigned char whole[sizeof(SimUnixName) + sizeof(struct sockaddr_un)] = {0};
    const sa_family_t family = AF_UNIX;
    socklen_t size = (socklen_t)(offset + name->length);
    memcpy(whole, &family, sizeof(family));
    memcpy(whole + offset, name->bytes, name->length);
    memcpy(ret_name, whole, *length < size ? *length : size);
    *length = size;
    return 0;
}

static bool same_name(const SimUnixName *a, const SimUnixName *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static SimSocket *find_abstract(const SimHost *host, const SimUnixName *name)
{
    SimSocket *socket = host->abstracts;
    while (socket && !same_name(&socket->un->name, name))
        socket = socket->un->abstract_next;
    return socket;
}

static void leave_name(SimSocket *socket)
{
    SimUnix *un = socket->un;
    SimSocket **link = &socket->host->abstracts;
    while (*link && *link != socket)
        link = &(*link)->un->abstract_next;
    if (*link)
        *link = un->abstract_next;
    if (!un->file)
        return;
    un->file->socket = NULL;
    torc__simFile_unref(un->file);
    un->file = NULL;
}

static int bind_abstract(SimSocket *socket, const SimUnixName *name)
{
    SimUnix *un = socket->un;
    if (un->name.length > 0)
        return -EINVAL;
    if (find_abstract(socket->host, name))
        return -EADDRINUSE;
    un->abstract_next = socket->host->abstracts;
    socket->host->abstracts = socket;
    return 0;
}

/* unix_bind_bsd: the file is made before anything else is looked at, and taken away again. */
static int bind_path(SimSocket *socket, const SimUnixName *name)
{
    enum { ALL_MAY = 0777 };
    SimUnix *un = socket->un;
    if (socket->host->down)
        return -EIO;
    if (torc__simFile_find(socket->host, name->bytes))
        return -EADDRINUSE;
    if (un->name.length > 0)
        return -EINVAL;
    un->file = torc__simFile_new(socket->host, name->bytes, S_IFSOCK | ALL_MAY, &un->process);
    un->file->references++;
    un->file->socket = socket;
    return 0;
}

static int unix_bind(SimSocket *socket, const struct sockaddr *given, socklen_t length)
{
    SimUnixName name;
    int r = read_name(given, length, &name);
    if (r == 0)
        r = name.bytes[0] ? bind_path(socket, &name) : bind_abstract(socket, &name);
    if (r < 0)
        return r;
    socket->un->name = name;
    if (socket->other)
        socket->other->un->peer = name;
    return 0;
}

static int unix_getsockname(const SimSocket *socket, struct sockaddr *ret_name, socklen_t *length)
{
    return write_name(&socket->un->name, ret_name, length);
}

static int unix_getpeername(const SimSocket *socket, struct sockaddr *ret_name, socklen_t *length)
{
    if (socket->state != SIM_CONNECTED)
        return -ENOTCONN;
    return write_name(&socket->un->peer, ret_name, length);
}

bool torc__simUnix_hasName(const SimSocket *socket, const struct sockaddr *name, socklen_t length)
{
    SimUnixName other;
    return socket->un && read_name(name, length, &other) == 0 &&
           same_name(&socket->un->name, &other);
}

/* ---- listening and connecting -------------------------------------------------------------- */

static int unix_listen(SimSocket *socket, int backlog)
{
    if (socket->un->name.length == 0)
        return -EINVAL;
    if (socket->state != SIM_FRESH && socket->state != SIM_LISTENING)
        return -EINVAL;
    socket->backlog = torc__simSocket_backlog(backlog);
    socket->state = SIM_LISTENING;
    socket->un->peer_process = socket->un->process; /* what who connects is told */
    return 0;
}

/* unix_find_bsd, unix_find_abstract: who has the name, listening or not. */
static int find_bound(const SimSocket *client, const SimUnixName *name, SimSocket **ret_socket)
{
    SimSocket *socket = NULL;
    if (name->bytes[0]) {
        const SimFile *file = torc__simFile_find(client->host, name->bytes);
        if (!file)
            return -ENOENT;
        if (!torc__simFile_permits(file, &client->un->process, SIM_MAY_WRITE))
            return -EACCES;
        socket = file->socket;
    } else {
        socket = find_abstract(client->host, name);
    }
    if (!socket)
        return -ECONNREFUSED;
    *ret_socket = socket;
    return 0;
}

/* The connection as the listener's side has it: with the listener's name, and nothing else of it.
 * */
static SimSocket *join(const SimSocket *listener, SimSocket *client)
{
    SimSocket *socket = torc__simUnix_new(listener->host, &listener->un->process);
    socket->state = client->state = SIM_CONNECTED;
    socket->other = client;
    client->other = socket;
    socket->un->name = client->un->peer = listener->un->name;
    socket->un->peer = client->un->name;
    socket->un->peer_process = client->un->process;
    client->un->peer_process = listener->un->peer_process;
    return socket;
}

/* unix_stream_connect: done when it returns. The queue holds one more than the backlog
 * (unix_recvq_full). */
static int unix_connect(SimSocket *socket, const struct sockaddr *given, socklen_t length)
{
    SimUnixName name;
    SimSocket *listener = NULL;
    int r = read_name(given, length, &name);
    if (r == 0)
        r = find_bound(socket, &name, &listener);
    if (r < 0)
        return r;
    if (listener->state != SIM_LISTENING || listener->shut & SIM_SHUT_READ)
        return -ECONNREFUSED;
    if (listener->queued > listener->backlog)
        return -EAGAIN;
    if (socket->state != SIM_FRESH)
        return socket->state == SIM_CONNECTED ? -EISCONN : -EINVAL;
    torc__simSocket_enqueue(listener, join(listener, socket));
    return 0;
}

/* ---- ends ---------------------------------------------------------------------------------- */

/* What becomes of a socket when the other end goes. */
static void receive_close(SimSocket *socket, bool unread)
{
    socket->other = NULL;
    socket->shut = SIM_SHUT_BOTH;
    if (unread) {
        socket->error = ECONNRESET;
        socket->was_reset = true;
    } else {
        socket->eof = true;
    }
    torc__simSocket_tell(socket, SIM_ANYTHING);
}

/* unix_release_sock. `unread`: something was, whether it is in the input or not. */
static void release(SimSocket *socket, bool unread)
{
    SimSocket *other = socket->other;
    unread = unread || torc__simBytes_length(&socket->input) > 0;
    socket->kernel->activity++;
    leave_name(socket);
    SimSocket *waiting;
    while (torc__simSocket_accept(socket, &waiting) == 0)
        release(waiting, true);
    SimKernel *kernel = socket->kernel;
    torc__simSocket_free(socket);
    if (other)
        receive_close(other, unread);
    torc__simPassed_bury(kernel);
}

static void unix_close(SimSocket *socket)
{
    release(socket, false);
}

/* There is no RST: the nearest that a program can do. */
static void unix_abort(SimSocket *socket)
{
    release(socket, true);
}

/* As if both ends had been closed with input unread. */
static void unix_sever(SimSocket *socket)
{
    SimSocket *other = socket->other;
    if (socket->state != SIM_CONNECTED || !other)
        return;
    socket->kernel->activity++;
    socket->other = NULL;
    receive_close(other, true);
    receive_close(socket, true);
}

/* unix_shutdown: what one side shuts is shut for the other, too; it never fails. */
static int unix_shutdown(SimSocket *socket, int how)
{
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    SimSocket *other = socket->other;
    if (how != SHUT_WR)
        socket->shut |= SIM_SHUT_READ;
    if (how != SHUT_RD)
        socket->shut |= SIM_SHUT_WRITE;
    if (other) {
        other->shut |= how == SHUT_RDWR ? SIM_SHUT_BOTH
                       : how == SHUT_RD ? SIM_SHUT_WRITE
                                        : SIM_SHUT_READ;
        other->eof |= how != SHUT_RD;
        torc__simSocket_tell(other, SIM_ANYTHING);
    }
    torc__simSocket_tell(socket, SIM_ANYTHING);
    return 0;
}

/* ---- bytes --------------------------------------------------------------------------------- */

static size_t unsent(const SimSocket *socket)
{
    return socket->other ? torc__simBytes_length(&socket->other->input) : 0;
}

static size_t unix_room(const SimSocket *socket)
{
    size_t used = unsent(socket);
    return used < socket->kernel->buffer_size ? socket->kernel->buffer_size - used : 0;
}

/* unix_writable: a quarter of the buffer at most is in use. */
static bool is_writable(const SimSocket *socket)
{
    return socket->state != SIM_LISTENING && unsent(socket) <= socket->kernel->buffer_size / 4;
}

/* The first piece takes along what is passed (unix_stream_sendmsg, fds_sent). */
static void add_pieces(SimSocket *to, size_t length, SimHandle *passed)
{
    SimPiece piece = {.passed = passed ? torc__simPassed_new(to, passed) : NULL};
    to->un->carriers += passed != NULL;
    for (; length > 0; length -= piece.length, piece.passed = NULL) {
        piece.length = length < PIECE_SIZE ? length : PIECE_SIZE;
        torc__simBytes_append(&to->un->pieces, &piece, sizeof(piece));
    }
}

static SimPiece *first_piece(const SimUnix *un)
{
    return (SimPiece *)(void *)(un->pieces.data + un->pieces.begin);
}

static SimPiece *end_of_pieces(const SimUnix *un)
{
    return (SimPiece *)(void *)(un->pieces.data + un->pieces.end);
}

/* One recv ends behind the piece that something was passed with: two are never merged. */
static size_t unix_unread(const SimSocket *socket)
{
    const SimUnix *un = socket->un;
    if (un->carriers == 0)
        return torc__simBytes_length(&socket->input);
    size_t count = 0;
    const SimPiece *piece = first_piece(un);
    while (!piece->passed)
        count += piece++->length;
    return count + piece->length;
}

/* Takes bytes off the pieces, and what was passed with the first byte of one. Of nothing, too
 * (unix_detach_fds). True when a piece was read to its end. */
static bool take_pieces(SimUnix *un, size_t length, SimHandle **ret_passed)
{
    bool freed = false;
    do {
        SimPiece *first = first_piece(un);
        size_t count = length < first->length ? length : first->length;
        if (first->passed) {
            *ret_passed = torc__simPassed_take(first->passed);
            first->passed = NULL;
            un->carriers--;
        }
        first->length -= count;
        length -= count;
        if (first->length > 0)
            break;
        torc__simBytes_drop(&un->pieces, sizeof(*first));
        freed = true;
    } while (length > 0);
    return freed;
}

void torc__simUnix_visitPassed(const SimSocket *socket, SimPassedVisitor *visit, void *arg)
{
    const SimUnix *un = socket->un;
    if (un->carriers == 0)
        return;
    for (const SimPiece *piece = first_piece(un); piece < end_of_pieces(un); piece++)
        if (piece->passed)
            visit(piece->passed, arg);
}

void torc__simUnix_doomPassed(SimSocket *socket)
{
    SimUnix *un = socket->un;
    if (un->carriers == 0)
        return;
    for (SimPiece *piece = first_piece(un); piece < end_of_pieces(un); piece++) {
        if (piece->passed)
            torc__simPassed_doom(piece->passed);
        piece->passed = NULL;
    }
    un->carriers = 0;
}

/* unix_stream_read_generic: what is there, then the error, once, then the end. The sender hears of
 * each piece that is freed, whether it waits for room or not (sock_wfree). */
ssize_t torc__simUnix_recv(SimSocket *socket, void *buffer, size_t size, int flags,
                           SimHandle **ret_passed)
{
    if (socket->state != SIM_CONNECTED)
        return -EINVAL;
    size_t count = unix_unread(socket);
    if (count == 0 && socket->error)
        return -torc__simSocket_takeError(socket);
    if (count == 0)
        return socket->shut & SIM_SHUT_READ ? 0 : -EAGAIN;
    if (count > size)
        count = size;
    (void)torc__simSocket_takeInput(socket, buffer, count, flags);
    bool freed = !(flags & MSG_PEEK) && take_pieces(socket->un, count, ret_passed);
    if (freed && socket->other && is_writable(socket->other))
        torc__simSocket_tell(socket->other, TORC_WRITABLE);
    return (ssize_t)count;
}

/* recv(2), which has no room for what was passed (scm_destroy). */
static ssize_t unix_recv(SimSocket *socket, void *buffer, size_t size, int flags,
                         SimAddress *ret_from)
{
    (void)ret_from; /* a stream names nobody */
    SimHandle *passed = NULL;
    ssize_t n = torc__simUnix_recv(socket, buffer, size, flags, &passed);
    if (passed)
        torc__simHandle_unref(passed);
    return n;
}

/* unix_stream_sendmsg. What waits as an error is left for recv. */
ssize_t torc__simUnix_send(SimSocket *socket, const void *data, size_t length, SimHandle *passed)
{
    if (socket->state != SIM_CONNECTED)
        return -ENOTCONN;
    SimSocket *other = socket->other;
    if (socket->shut & SIM_SHUT_WRITE)
        return -EPIPE;
    assert(other); /* who has none is shut */
    if (length > 0 && other->shut & SIM_SHUT_READ)
        return -EPIPE; /* it was before it was connected */
    size_t room = unix_room(socket);
    size_t count = length < room ? length : room;
    if (length == 0)
        return 0;
    if (count == 0)
        return -EAGAIN;
    torc__simBytes_append(&other->input, data, count);
    add_pieces(other, count, passed);
    socket->kernel->activity++;
    torc__simSocket_tell(other, TORC_READABLE);
    return (ssize_t)count;
}

static ssize_t unix_send(SimSocket *socket, const void *data, size_t length,
                         const SimAddress *address)
{
    (void)address; /* it does not ask where to */
    return torc__simUnix_send(socket, data, length, NULL);
}

/* unix_poll, seen through libevent. */
static unsigned unix_readiness(SimSocket *socket)
{
    unsigned ready = 0;
    if (socket->error)
        return TORC_READABLE | TORC_WRITABLE;
    if (torc__simBytes_length(&socket->input) > 0 || socket->queue_first)
        ready |= TORC_READABLE;
    if (socket->shut & SIM_SHUT_READ)
        ready |= TORC_READABLE | TORC_CLOSED;
    if (is_writable(socket))
        ready |= TORC_WRITABLE;
    if (socket->state == SIM_FRESH || socket->shut == SIM_SHUT_BOTH)
        ready |= SIM_HANGUP;
    return ready;
}

/* ---- the protocol -------------------------------------------------------------------------- */

static const SimProtocol unix_stream = {
    .type = SOCK_STREAM,
    .number = 0,
    .bind = unix_bind,
    .listen = unix_listen,
    .accept = torc__simSocket_accept,
    .connect = unix_connect,
    .getsockname = unix_getsockname,
    .getpeername = unix_getpeername,
    .recv = unix_recv,
    .send = unix_send,
    .shutdown = unix_shutdown,
    .close = unix_close,
    .readiness = unix_readiness,
    .unread = unix_unread,
    .room = unix_room,
    .abort = unix_abort,
    .sever = unix_sever,
};

SimSocket *torc__simUnix_new(SimHost *host, const SimCredentials *process)
{
    SimSocket *socket = torc__simSocket_new(host, AF_UNIX);
    socket->protocol = &unix_stream;
    socket->un = torc__sim_alloc(sizeof(*socket->un));
    socket->un->process = *process;
    socket->un->peer_process = nobody;
    return socket;
}

void torc__simUnix_done(SimSocket *socket)
{
    torc__simUnix_doomPassed(socket); /* release buries it */
    torc__simBytes_done(&socket->un->pieces);
    torc__sim_release(socket->un);
    socket->un = NULL;
}

SimCredentials torc__simUnix_peerCredentials(const SimSocket *socket)
{
    return socket->un ? socket->un->peer_process : nobody;
}
