/* A connection served by hand: what hand_epoll and libevent_raw have in common, which is all but the
 * events. It says after each step what to wait for.
 *
 * An idle connection holds no buffer: all read into one and gather their answers in another. What
 * the kernel does not take is kept, and until it is gone nothing is read, so that a slow reader costs
 * one buffer at most. A part of a line is kept until the rest comes. */
#ifndef TORC_BENCH_STREAM_H
#define TORC_BENCH_STREAM_H

#include "peer.h"

typedef enum StreamWant { STREAM_READ, STREAM_WRITE, STREAM_CLOSE } StreamWant;

typedef struct Kept {
    size_t begin;
    size_t length;
    char bytes[];
} Kept;

typedef struct Stream {
    int fd;
    Kept *output; /* refused by the kernel; else NULL */
    Kept *line;   /* the beginning of a line; else NULL */
} Stream;

/* Shared by all connections. */
typedef struct StreamBuffers {
    bool lines;
    size_t read_size;
    char *input;  /* PEER_MAX_LINE + read_size: room for what was kept of a line */
    char *output; /* as large, since answers are as long as what they answer */
    size_t output_length;
} StreamBuffers;

static inline StreamBuffers stream_buffers(bool lines, size_t read_size)
{
    StreamBuffers buffers = {.lines = lines, .read_size = read_size};
    buffers.input = malloc(PEER_MAX_LINE + read_size);
    buffers.output = malloc(PEER_MAX_LINE + read_size);
    if (!buffers.input || !buffers.output)
        peer_fail("malloc");
    return buffers;
}

static inline Kept *stream_keep(const char *bytes, size_t length)
{
    Kept *kept = malloc(sizeof(*kept) + length);
    if (!kept)
        peer_fail("malloc");
    kept->begin = 0;
    kept->length = length;
    memcpy(kept->bytes, bytes, length);
    return kept;
}

static inline StreamWant stream_send(Stream *stream, const char *bytes, size_t length)
{
    ssize_t sent = length > 0 ? send(stream->fd, bytes, length, MSG_NOSIGNAL) : 0;
    if (sent < 0 && errno != EAGAIN)
        return STREAM_CLOSE;
    if (sent < 0)
        sent = 0;
    if ((size_t)sent == length)
        return STREAM_READ;
    stream->output = stream_keep(bytes + sent, length - (size_t)sent);
    return STREAM_WRITE;
}

/* What an application is called with; it answers with the line. */
static inline void stream_line(StreamBuffers *buffers, const char *line, size_t length)
{
    char *end = buffers->output + buffers->output_length;
    memcpy(end, line, length);
    end[length] = '\n';
    buffers->output_length += length + 1;
}

/* Calls with each line; what is left is the beginning of another. */
static inline size_t stream_split(StreamBuffers *buffers, size_t length)
{
    const char *line = buffers->input;
    const char *end = line + length;
    const char *newline;
    while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
        stream_line(buffers, line, (size_t)(newline - line));
        line = newline + 1;
    }
    return (size_t)(end - line);
}

static inline StreamWant stream_answer_lines(Stream *stream, StreamBuffers *buffers, size_t length)
{
    buffers->output_length = 0;
    size_t left = stream_split(buffers, length);
    if (left > PEER_MAX_LINE)
        return STREAM_CLOSE;
    if (left > 0)
        stream->line = stream_keep(buffers->input + length - left, left);
    return stream_send(stream, buffers->output, buffers->output_length);
}

/* To the front of the input buffer; its length. */
static inline size_t stream_take_line(Stream *stream, StreamBuffers *buffers)
{
    if (!stream->line)
        return 0;
    size_t length = stream->line->length;
    memcpy(buffers->input, stream->line->bytes, length);
    free(stream->line);
    stream->line = NULL;
    return length;
}

static inline StreamWant stream_readable(Stream *stream, StreamBuffers *buffers)
{
    size_t before = stream_take_line(stream, buffers);
    ssize_t n = recv(stream->fd, buffers->input + before, buffers->read_size, 0);
    if (n <= 0 && (n == 0 || errno != EAGAIN))
        return STREAM_CLOSE;
    size_t length = before + (n > 0 ? (size_t)n : 0);
    return buffers->lines ? stream_answer_lines(stream, buffers, length)
                          : stream_send(stream, buffers->input, length);
}

static inline StreamWant stream_writable(Stream *stream)
{
    Kept *output = stream->output;
    ssize_t sent = send(stream->fd, output->bytes + output->begin, output->length - output->begin,
                        MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN ? STREAM_WRITE : STREAM_CLOSE;
    output->begin += (size_t)sent;
    if (output->begin < output->length)
        return STREAM_WRITE;
    free(output);
    stream->output = NULL;
    return STREAM_READ;
}

static inline void stream_close(Stream *stream)
{
    free(stream->output);
    free(stream->line);
    close(stream->fd);
}

#endif
