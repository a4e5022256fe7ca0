/* Two threads that block on standard input and output so that the loop need not.
 *
 * Input has a fixed set of chunks: the thread reads into a free one and hands it to the reactor's
 * thread, which gives it back when the connection has taken the bytes; while none is free nothing
 * is read. Output has a queue that the writer empties; its length is what output_write answers by.
 *
 * The threads are detached and never joined: one that is blocked in read or write ends with the
 * process. They touch the reactor only under their lock and only while it is `open`, so after
 * input_stop and output_stop the reactor can be freed. Everything lives in static memory, except
 * the queued pieces, which belong to the queue. */
#include "stdio_pump.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    CHUNK_SIZE = 64 * 1024, /* what a Linux pipe holds */
    CHUNKS = 8,
    OUTPUT_HIGH = 512 * 1024,
    OUTPUT_LOW = 64 * 1024
};

struct InputChunk {
    InputChunk *next;
    ptrdiff_t length;
    unsigned char data[CHUNK_SIZE];
};

typedef struct OutputPiece {
    struct OutputPiece *next;
    size_t length;
    unsigned char data[];
} OutputPiece;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    TorcReactor *reactor;
    bool open;
    InputFunction *received;
    void *arg;
    InputChunk *free;
    InputChunk chunks[CHUNKS];
} input = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    TorcReactor *reactor;
    bool open;
    bool full;  /* `drained` is owed */
    bool ended; /* output_end was called */
    int result;
    OutputFunctions functions;
    OutputPiece *first;
    OutputPiece **last;
    size_t queued; /* memory, the piece being written included */
} output = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- both ---------------------------------------------------------------------------------- */

/* A detached thread on which no signal is handled: signals are the reactor's. */
static int start_thread(void *(*function)(void *))
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&thread, NULL, function, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r == 0)
        pthread_detach(thread);
    return -r;
}

/* With the lock held. Posting fails only for want of memory; waiting for some is all that can be
 * done without losing bytes. False when the reactor is not to be used any more. */
static bool post(pthread_mutex_t *lock, const bool *open, TorcReactor *reactor,
                 TorcFunction *function, void *arg)
{
    static const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    while (*open && TorcReactor_callFromThread(reactor, function, arg) < 0) {
        pthread_mutex_unlock(lock);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(lock);
    }
    return *open;
}

/* The streams may have come to us non-blocking: they are shared with other programs. Then wait. */
static bool try_again(int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return false;
    (void)poll(&poll_fd, 1, -1); /* if it fails, so does the next attempt */
    return true;
}

/* ---- standard input ------------------------------------------------------------------------ */

static void deliver(void *as_chunk)
{
    InputChunk *chunk = as_chunk;
    if (chunk->length > 0)
        input.received(input.arg, chunk->data, chunk->length, chunk);
    else
        input.received(input.arg, NULL, chunk->length, NULL);
}

static InputChunk *take_free_chunk(void)
{
    pthread_mutex_lock(&input.lock);
    while (input.open && !input.free)
        pthread_cond_wait(&input.changed, &input.lock);
    InputChunk *chunk = input.open ? input.free : NULL;
    if (chunk)
        input.free = chunk->next;
    pthread_mutex_unlock(&input.lock);
    return chunk;
}

static void read_chunk(InputChunk *chunk)
{
    do
        chunk->length = read(STDIN_FILENO, chunk->data, sizeof(chunk->data));
    while (chunk->length < 0 && try_again(STDIN_FILENO, POLLIN));
    if (chunk->length < 0)
        chunk->length = -errno;
}

static void *read_input(void *unused)
{
    (void)unused;
    for (bool more = true; more;) {
        InputChunk *chunk = take_free_chunk();
        if (!chunk)
            return NULL;
        read_chunk(chunk);
        more = chunk->length > 0;
        pthread_mutex_lock(&input.lock);
        more = post(&input.lock, &input.open, input.reactor, deliver, chunk) && more;
        pthread_mutex_unlock(&input.lock);
    }
    return NULL;
}

int input_start(TorcReactor *reactor, InputFunction *received, void *arg)
{
    assert(!input.open);
    input.reactor = reactor;
    input.received = received;
    input.arg = arg;
    for (size_t i = 0; i < CHUNKS; i++)
        input_release(&input.chunks[i]);
    input.open = true;
    return start_thread(read_input);
}

void input_release(void *as_chunk)
{
    InputChunk *chunk = as_chunk;
    pthread_mutex_lock(&input.lock);
    chunk->next = input.free;
    input.free = chunk;
    pthread_cond_signal(&input.changed);
    pthread_mutex_unlock(&input.lock);
}

void input_stop(void)
{
    pthread_mutex_lock(&input.lock);
    input.open = false;
    pthread_cond_signal(&input.changed);
    pthread_mutex_unlock(&input.lock);
}

/* ---- standard output ----------------------------------------------------------------------- */

static void tell_drained(void *unused)
{
    (void)unused;
    output.functions.drained(output.functions.arg);
}

static void tell_finished(void *unused)
{
    (void)unused;
    output.functions.finished(output.functions.arg, output.result);
}

/* Waits for a piece; it stays in the queue. NULL: there will be no more. */
static OutputPiece *first_piece(void)
{
    while (output.open && !output.first && !output.ended)
        pthread_cond_wait(&output.changed, &output.lock);
    return output.open ? output.first : NULL;
}

static void drop_piece(OutputPiece *piece)
{
    output.first = piece->next;
    if (!output.first)
        output.last = &output.first;
    output.queued -= sizeof(*piece) + piece->length;
    free(piece);
    if (output.full && output.queued <= OUTPUT_LOW) {
        output.full = false;
        post(&output.lock, &output.open, output.reactor, tell_drained, NULL);
    }
}

static int write_piece(const OutputPiece *piece)
{
    for (size_t done = 0; done < piece->length;) {
        ssize_t n = write(STDOUT_FILENO, piece->data + done, piece->length - done);
        if (n < 0 && !try_again(STDOUT_FILENO, POLLOUT))
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static void *write_output(void *unused)
{
    (void)unused;
    OutputPiece *piece;
    pthread_mutex_lock(&output.lock);
    while (output.result == 0 && (piece = first_piece())) {
        pthread_mutex_unlock(&output.lock);
        int r = write_piece(piece);
        pthread_mutex_lock(&output.lock);
        output.result = r;
        drop_piece(piece);
    }
    while (output.first)
        drop_piece(output.first);
    post(&output.lock, &output.open, output.reactor, tell_finished, NULL);
    pthread_mutex_unlock(&output.lock);
    return NULL;
}

int output_start(TorcReactor *reactor, const OutputFunctions *functions)
{
    assert(!output.open);
    output.reactor = reactor;
    output.functions = *functions;
    output.last = &output.first;
    output.open = true;
    return start_thread(write_output);
}

static OutputPiece *new_piece(const void *data, size_t length)
{
    OutputPiece *piece = malloc(sizeof(*piece) + length);
    if (!piece)
        return NULL;
    *piece = (OutputPiece){.length = length};
    memcpy(piece->data, data, length);
    return piece;
}

int output_write(const void *data, size_t length)
{
    OutputPiece *piece = new_piece(data, length);
    if (!piece)
        return -ENOMEM;
    pthread_mutex_lock(&output.lock);
    if (output.result < 0) {
        free(piece);
        pthread_mutex_unlock(&output.lock);
        return 0;
    }
    *output.last = piece;
    output.last = &piece->next;
    output.queued += sizeof(*piece) + length;
    if (output.queued > OUTPUT_HIGH)
        output.full = true;
    bool full = output.full;
    pthread_cond_signal(&output.changed);
    pthread_mutex_unlock(&output.lock);
    return full;
}

void output_end(void)
{
    pthread_mutex_lock(&output.lock);
    output.ended = true;
    pthread_cond_signal(&output.changed);
    pthread_mutex_unlock(&output.lock);
}

void output_stop(void)
{
    pthread_mutex_lock(&output.lock);
    output.open = false;
    pthread_cond_signal(&output.changed);
    pthread_mutex_unlock(&output.lock);
}
