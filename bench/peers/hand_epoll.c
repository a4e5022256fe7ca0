/* The floor: a server on epoll, written by hand for nothing but this. Level-triggered; interest
 * changes only when the kernel refuses bytes, and back.
 *
 *     hand_epoll echo|line tcp|unix:PATH [READ-SIZE]
 */
#include <sys/epoll.h>

#include "stream.h"

enum { EVENTS = 256, DEFAULT_READ_SIZE = 64 * 1024 };

static int epoll_fd;

static void watch(int fd, int operation, uint32_t events, void *data)
{
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(epoll_fd, operation, fd, &event) < 0)
        peer_fail("epoll_ctl");
}

static void accept_all(int listening)
{
    int fd;
    while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        Stream *stream = calloc(1, sizeof(*stream));
        if (!stream)
            peer_fail("calloc");
        stream->fd = fd;
        watch(fd, EPOLL_CTL_ADD, EPOLLIN, stream);
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        peer_fail("accept4");
}

static void serve(Stream *stream, StreamBuffers *buffers)
{
    StreamWant wanted = stream->output ? STREAM_WRITE : STREAM_READ;
    StreamWant want =
        wanted == STREAM_WRITE ? stream_writable(stream) : stream_readable(stream, buffers);
    if (want == STREAM_CLOSE) {
        stream_close(stream); /* leaves the epoll set, too */
        free(stream);
    } else if (want != wanted) {
        watch(stream->fd, EPOLL_CTL_MOD, want == STREAM_WRITE ? EPOLLOUT : EPOLLIN, stream);
    }
}

int main(int argc, char **argv)
{
    PeerArguments arguments = peer_arguments(argc, argv);
    size_t read_size = arguments.option ? (size_t)atoi(arguments.option) : DEFAULT_READ_SIZE;
    StreamBuffers buffers = stream_buffers(arguments.lines, read_size);
    struct epoll_event events[EVENTS];
    int listening = peer_listen(&arguments);

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch(listening, EPOLL_CTL_ADD, EPOLLIN, NULL);
    for (;;) {
        int n = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                serve(events[i].data.ptr, &buffers);
            else
                accept_all(listening);
        }
    }
}
