/* Peers of a world: descriptors worked without blocking, or the simulation's own.
 *
 * The test's thread, which is the reactor's: a peer moves bytes only while peers_pump runs, between
 * two turns. Peers live until the world ends. A real one reads in bounded pieces, so that one pump
 * is no longer than a turn. */
#include "contract_peer.h"

#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, PIECES = 8 };

struct Peer {
    TorcSimPeer *sim; /* NULL: the descriptors */
    int in;
    int out; /* -1: shut; else `in`, or the other of two pipes */
    bool stopped;
    bool shut_due;
    bool got_end;
    bool got_reset;
    uint8_t *received;
    size_t received_length;
    size_t received_room;
    uint8_t *unsent;
    size_t unsent_length;
};

Peer *peer;

static Peer peers[PEERS];
static int peer_count;

/* ---- life ---------------------------------------------------------------------------------- */

static Peer *peer_new(void)
{
    ck_assert_int_lt(peer_count, PEERS);
    Peer *self = &peers[peer_count++];
    *self = (Peer){.in = -1, .out = -1};
    return self;
}

Peer *peer_ofSim(TorcSimPeer *sim)
{
    ck_assert_ptr_nonnull(sim);
    Peer *self = peer_new();
    self->sim = sim;
    return self;
}

Peer *peer_of(int in, int out)
{
    Peer *self = peer_new();
    self->in = in;
    self->out = out;
    return self;
}

static void close_descriptors(Peer *self)
{
    if (self->out >= 0 && self->out != self->in)
        close(self->out);
    if (self->in >= 0)
        close(self->in);
    self->in = self->out = -1;
    self->unsent_length = 0;
    self->shut_due = false;
}

void peers_end(void)
{
    for (int i = 0; i < peer_count; i++) {
        peer_close(&peers[i]);
        free(peers[i].received);
        free(peers[i].unsent);
    }
    peer_count = 0;
    peer = NULL;
}

/* ---- moving bytes -------------------------------------------------------------------------- */

static void shut_now(Peer *self)
{
    if (self->out == self->in)
        (void)shutdown(self->out, SHUT_WR);
    else
        close(self->out);
    self->out = self->out == self->in ? self->in : -1;
    self->shut_due = false;
}

static bool pump_out(Peer *self)
{
    bool moved = false;
    while (self->out >= 0 && self->unsent_length > 0) {
        ssize_t n = write(self->out, self->unsent, self->unsent_length);
        if (n < 0) {
            if (errno != EAGAIN)
                self->unsent_length = 0; /* nobody is there */
            break;
        }
        self->unsent_length -= (size_t)n;
        memmove(self->unsent, self->unsent + n, self->unsent_length);
        moved = true;
    }
    if (self->shut_due && self->unsent_length == 0)
        shut_now(self);
    return moved;
}

static void make_room(Peer *self)
{
    if (self->received_room - self->received_length >= PIECE)
        return;
    self->received_room = 2 * self->received_room + 2 * PIECE;
    self->received = realloc(self->received, self->received_room);
    ck_assert_ptr_nonnull(self->received);
}

static bool pump_in(Peer *self)
{
    bool moved = false;
    for (int i = 0; i < PIECES && self->in >= 0 && !self->stopped; i++) {
        if (self->got_end || self->got_reset)
            break;
        make_room(self);
        ssize_t n = read(self->in, self->received + self->received_length, PIECE);
        if (n < 0 && errno == EAGAIN)
            break;
        moved = true;
        if (n > 0)
            self->received_length += (size_t)n;
        self->got_end = n == 0;
        self->got_reset = n < 0;
    }
    return moved;
}

static bool pump(Peer *self)
{
    bool sent = pump_out(self);
    return pump_in(self) || sent;
}

bool peers_pump(void)
{
    bool moved = false;
    for (int i = 0; i < peer_count; i++)
        if (!peers[i].sim && pump(&peers[i]))
            moved = true;
    return moved;
}

/* ---- what a test does ---------------------------------------------------------------------- */

void peer_send(Peer *self, const void *data, size_t length)
{
    if (self->sim) {
        TorcSimPeer_sendBytes(self->sim, data, length);
        return;
    }
    self->unsent = realloc(self->unsent, self->unsent_length + length + 1);
    ck_assert_ptr_nonnull(self->unsent);
    memcpy(self->unsent + self->unsent_length, data, length);
    self->unsent_length += length;
    (void)pump_out(self);
}

void peer_say(Peer *self, const char *text)
{
    peer_send(self, text, strlen(text));
}

void peer_shutdown(Peer *self)
{
    if (self->sim) {
        TorcSimPeer_shutdown(self->sim);
        return;
    }
    self->shut_due = self->out >= 0;
    (void)pump_out(self);
}

void peer_close(Peer *self)
{
    if (self->sim)
        TorcSimPeer_close(self->sim);
    else
        close_descriptors(self);
}

void peer_reset(Peer *self)
{
    if (self->sim) {
        TorcSimPeer_reset(self->sim);
        return;
    }
    struct linger off = {.l_onoff = 1, .l_linger = 0};
    if (self->in >= 0) /* a pipe has no such option */
        (void)setsockopt(self->in, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
    close_descriptors(self);
}

void peer_stopReading(Peer *self)
{
    if (self->sim)
        TorcSimPeer_stopReading(self->sim);
    self->stopped = true;
}

void peer_startReading(Peer *self)
{
    if (self->sim)
        TorcSimPeer_startReading(self->sim);
    self->stopped = false;
}

void peer_takeSome(Peer *self)
{
    peer_startReading(self);
    if (!self->sim)
        (void)pump_in(self);
    peer_stopReading(self);
}

/* ---- what it saw --------------------------------------------------------------------------- */

const uint8_t *peer_received(Peer *self)
{
    if (self->sim)
        return (const uint8_t *)TorcSimPeer_received(self->sim);
    make_room(self);
    return self->received;
}

size_t peer_receivedLength(Peer *self)
{
    return self->sim ? TorcSimPeer_receivedLength(self->sim) : self->received_length;
}

void peer_clear(Peer *self)
{
    if (self->sim)
        TorcSimPeer_clear(self->sim);
    self->received_length = 0;
}

bool peer_gotEnd(Peer *self)
{
    return self->sim ? TorcSimPeer_gotEnd(self->sim) : self->got_end;
}

bool peer_gotReset(Peer *self)
{
    return self->sim ? TorcSimPeer_gotReset(self->sim) : self->got_reset;
}

void assert_peer_has_pattern(Peer *self, size_t length)
{
    ck_assert_msg(peer_receivedLength(self) == length, "%s: the peer has %zu bytes of %zu",
                  world.name, peer_receivedLength(self), length);
    assert_pattern(peer_received(self), length);
}

void assert_peer_has(Peer *self, const char *text)
{
    ck_assert_msg(peer_receivedLength(self) == strlen(text) &&
                      memcmp(peer_received(self), text, strlen(text)) == 0,
                  "%s: the peer has not \"%s\" but %zu bytes", world.name, text,
                  peer_receivedLength(self));
}
