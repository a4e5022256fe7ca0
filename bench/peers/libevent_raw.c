/* libevent's event core, without its buffers: one persistent read event a connection, and an event
 * for writing while the kernel refuses bytes. No locks, no timeouts, nothing else that costs. */
#include <event2/event.h>

#include "stream.h"

typedef struct Connection {
    Stream stream;
    struct event *read;
    struct event *write; /* NULL unless bytes wait */
} Connection;

static struct event_base *base;
static StreamBuffers buffers;

static void connection_close(Connection *connection)
{
    event_free(connection->read);
    if (connection->write)
        event_free(connection->write);
    stream_close(&connection->stream);
    free(connection);
}

static void connection_writable(int fd, short what, void *arg);

static void connection_want(Connection *connection, StreamWant want)
{
    if (want == STREAM_CLOSE) {
        connection_close(connection);
    } else if (want == STREAM_WRITE && !connection->write) {
        connection->write = event_new(base, connection->stream.fd, EV_WRITE | EV_PERSIST,
                                      connection_writable, connection);
        event_add(connection->write, NULL);
        event_del(connection->read);
    } else if (want == STREAM_READ && connection->write) {
        event_free(connection->write);
        connection->write = NULL;
        event_add(connection->read, NULL);
    }
}

static void connection_readable(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    Connection *connection = arg;
    connection_want(connection, stream_readable(&connection->stream, &buffers));
}

static void connection_writable(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    Connection *connection = arg;
    connection_want(connection, stream_writable(&connection->stream));
}

static void accept_all(int listening, short what, void *arg)
{
    (void)what;
    (void)arg;
    int fd;
    while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        Connection *connection = calloc(1, sizeof(*connection));
        if (!connection)
            peer_fail("calloc");
        connection->stream.fd = fd;
        connection->read =
            event_new(base, fd, EV_READ | EV_PERSIST, connection_readable, connection);
        event_add(connection->read, NULL);
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        peer_fail("accept4");
}

int main(int argc, char **argv)
{
    PeerArguments arguments = peer_arguments(argc, argv);
    struct event_config *config = event_config_new();

    buffers = stream_buffers(arguments.lines, 64 * 1024);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    event_add(event_new(base, peer_listen(&arguments), EV_READ | EV_PERSIST, accept_all, NULL),
              NULL);
    return event_base_dispatch(base);
}
