/* libevent's bufferevents and connection listener, as its book teaches them: bytes move from the
 * input to the output without a copy, lines come from evbuffer_readln. Reading stops while much waits
 * to be sent. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "peer.h"

enum { HIGH_MARK = 64 * 1024 };

static bool lines;

static void pause_while_full(struct bufferevent *connection)
{
    if (evbuffer_get_length(bufferevent_get_output(connection)) > HIGH_MARK)
        bufferevent_disable(connection, EV_READ);
}

static void answer_lines(struct evbuffer *input, struct evbuffer *output)
{
    size_t length;
    char *line;
    while ((line = evbuffer_readln(input, &length, EVBUFFER_EOL_LF))) {
        evbuffer_add(output, line, length);
        evbuffer_add(output, "\n", 1);
        free(line);
    }
}

static void on_read(struct bufferevent *connection, void *arg)
{
    (void)arg;
    struct evbuffer *input = bufferevent_get_input(connection);
    struct evbuffer *output = bufferevent_get_output(connection);
    if (lines)
        answer_lines(input, output);
    else
        evbuffer_add_buffer(output, input);
    pause_while_full(connection);
}

/* The output is empty. */
static void on_write(struct bufferevent *connection, void *arg)
{
    (void)arg;
    if (!(bufferevent_get_enabled(connection) & EV_READ))
        bufferevent_enable(connection, EV_READ);
}

static void on_event(struct bufferevent *connection, short what, void *arg)
{
    (void)arg;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        bufferevent_free(connection);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                      int length, void *arg)
{
    (void)peer;
    (void)length;
    (void)arg;
    struct bufferevent *connection =
        bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
    if (!connection)
        peer_fail("bufferevent_socket_new");
    bufferevent_setcb(connection, on_read, on_write, on_event, NULL);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
}

int main(int argc, char **argv)
{
    PeerArguments arguments = peer_arguments(argc, argv);
    struct event_base *base = event_base_new();

    lines = arguments.lines;
    evconnlistener_new(base, on_accept, NULL, LEV_OPT_CLOSE_ON_EXEC, -1, peer_listen(&arguments));
    return event_base_dispatch(base);
}
