/* libuv: one buffer to read into, since what was read is used up in the callback; uv_try_write at
 * once, and uv_write for what the kernel refuses, while reading is stopped.
 *
 * Each line is answered by a write of its own, and libuv makes a system call of each. With the option
 * "gather" the program collects the answers to what was read itself, and writes them at once. */
#include <uv.h>

#include "peer.h"

enum { BUFFER_SIZE = 64 * 1024 };

typedef struct Connection {
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle;
    char *line; /* the beginning of one; else NULL */
    size_t line_length;
} Connection;

/* What the kernel refused. */
typedef struct Rest {
    uv_write_t request;
    char bytes[];
} Rest;

static uv_loop_t *loop;
static bool lines;
static bool gather;
static bool local;
static char input[PEER_MAX_LINE + BUFFER_SIZE]; /* behind the beginning of a line */
static char output[PEER_MAX_LINE + BUFFER_SIZE];
static size_t output_length;

static void check(int r, const char *what)
{
    if (r < 0) {
        fprintf(stderr, "peer: %s: %s\n", what, uv_strerror(r));
        exit(EXIT_FAILURE);
    }
}

static void on_close(uv_handle_t *handle)
{
    Connection *connection = (Connection *)handle;
    free(connection->line);
    free(connection);
}

static void connection_close(Connection *connection)
{
    uv_handle_t *handle = (uv_handle_t *)&connection->handle.stream;
    if (!uv_is_closing(handle))
        uv_close(handle, on_close);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    (void)suggested;
    Connection *connection = (Connection *)handle;
    *ret_buffer = uv_buf_init(input + connection->line_length, BUFFER_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer);

static void on_written(uv_write_t *request, int status)
{
    Connection *connection = (Connection *)request->handle;
    free(request);
    if (status < 0)
        connection_close(connection);
    else if (uv_stream_get_write_queue_size(&connection->handle.stream) == 0)
        uv_read_start(&connection->handle.stream, on_alloc, on_read);
}

static void write_rest(Connection *connection, const char *bytes, size_t length)
{
    Rest *rest = malloc(sizeof(*rest) + length);
    if (!rest)
        peer_fail("malloc");
    memcpy(rest->bytes, bytes, length);
    uv_buf_t buffer = uv_buf_init(rest->bytes, (unsigned)length);
    uv_read_stop(&connection->handle.stream);
    check(uv_write(&rest->request, &connection->handle.stream, &buffer, 1, on_written), "uv_write");
}

static void write_bytes(Connection *connection, const char *bytes, size_t length)
{
    uv_buf_t buffer = uv_buf_init((char *)bytes, (unsigned)length);
    int sent = length > 0 ? uv_try_write(&connection->handle.stream, &buffer, 1) : 0;
    if (sent == UV_EAGAIN)
        sent = 0;
    if (sent < 0)
        connection_close(connection);
    else if ((size_t)sent < length)
        write_rest(connection, bytes + sent, length - (size_t)sent);
}

/* length counts the newline. */
static void answer(Connection *connection, const char *line, size_t length)
{
    if (!gather) {
        write_bytes(connection, line, length);
        return;
    }
    memcpy(output + output_length, line, length);
    output_length += length;
}

static void keep_line(Connection *connection, const char *line, size_t length)
{
    if (length > 0 && length <= PEER_MAX_LINE)
        connection->line = malloc(length);
    if (length > 0 && !connection->line) {
        connection_close(connection);
        return;
    }
    if (length > 0)
        memcpy(connection->line, line, length);
    connection->line_length = length;
}

static void answer_lines(Connection *connection, size_t n)
{
    const char *line = input;
    const char *end = input + connection->line_length + n;
    const char *newline;
    if (connection->line)
        memcpy(input, connection->line, connection->line_length);
    free(connection->line);
    connection->line = NULL;
    output_length = 0;
    while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
        answer(connection, line, (size_t)(newline + 1 - line));
        line = newline + 1;
    }
    write_bytes(connection, output, output_length);
    keep_line(connection, line, (size_t)(end - line));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    Connection *connection = (Connection *)stream;
    if (n < 0)
        connection_close(connection);
    else if (lines)
        answer_lines(connection, (size_t)n);
    else
        write_bytes(connection, buffer->base, (size_t)n);
}

static void on_connection(uv_stream_t *server, int status)
{
    Connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        peer_fail("calloc");
    check(status, "uv_listen");
    if (local)
        uv_pipe_init(loop, &connection->handle.pipe, 0);
    else
        uv_tcp_init(loop, &connection->handle.tcp);
    check(uv_accept(server, &connection->handle.stream), "uv_accept");
    check(uv_read_start(&connection->handle.stream, on_alloc, on_read), "uv_read_start");
}

int main(int argc, char **argv)
{
    PeerArguments arguments = peer_arguments(argc, argv);
    static uv_tcp_t tcp;
    static uv_pipe_t pipe;
    uv_stream_t *server = arguments.path ? (uv_stream_t *)&pipe : (uv_stream_t *)&tcp;

    lines = arguments.lines;
    local = arguments.path != NULL;
    gather = arguments.option && strcmp(arguments.option, "gather") == 0;
    loop = uv_default_loop();
    int fd = peer_listen(&arguments);
    if (local) {
        uv_pipe_init(loop, &pipe, 0);
        check(uv_pipe_open(&pipe, fd), "uv_pipe_open");
    } else {
        uv_tcp_init(loop, &tcp);
        check(uv_tcp_open(&tcp, fd), "uv_tcp_open");
    }
    check(uv_listen(server, SOMAXCONN, on_connection), "uv_listen");
    return uv_run(loop, UV_RUN_DEFAULT);
}
