/* libevent's event core: events of the program's own memory, a common timeout for the idle ones, an
 * eventfd to wake the loop. */
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../samples.h"
#include "inside.h"

static struct event_base *base;
static struct event *timers;
static struct event waking;
static struct event listening;
static const struct timeval *idle_timeout;
static struct sockaddr_in address;
static bool listens;

static void check(bool right, const char *what)
{
    if (!right)
        fail("inside: libevent: %s: %s", what, strerror(errno));
}

static void on_wake(int fd, short what, void *arg)
{
    (void)what;
    (void)arg;
    eventfd_t value;
    eventfd_read(fd, &value);
    queue_run();
}

static void libevent_open(uint32_t count)
{
    struct event_config *config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    event_config_free(config);
    timers = calloc(count + 1, sizeof(*timers));
    check(base && timers, "open");
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    event_assign(&waking, base, fd, EV_READ | EV_PERSIST, on_wake, NULL);
    check(fd >= 0 && event_add(&waking, NULL) == 0, "eventfd");
    idle_timeout = NULL;
    listens = false;
}

static void libevent_close(void)
{
    event_del(&waking);
    close(event_get_fd(&waking));
    if (listens) {
        event_del(&listening);
        close(event_get_fd(&listening));
    }
    event_base_free(base);
    free(timers);
}

static void call_first(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    void (**first)(void) = arg;
    (*first)();
}

static void libevent_run(void (*first)(void))
{
    static const struct timeval now = {0};
    check(event_base_once(base, -1, EV_TIMEOUT, call_first, &first, &now) == 0, "event_base_once");
    check(event_base_dispatch(base) >= 0, "event_base_dispatch");
}

static void libevent_stop(void)
{
    event_base_loopbreak(base);
}

/* ---- timers ---------------------------------------------------------------------------------- */

static void fired(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    inside_happened();
}

static struct timeval timeval_of(uint32_t microseconds)
{
    return (struct timeval){.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000};
}

static void libevent_timer_start(uint32_t timer, uint32_t microseconds)
{
    struct timeval delay = timeval_of(microseconds);
    evtimer_assign(&timers[timer], base, fired, NULL);
    check(evtimer_add(&timers[timer], &delay) == 0, "evtimer_add");
}

static void libevent_timer_cancel(uint32_t timer)
{
    check(evtimer_del(&timers[timer]) == 0, "evtimer_del");
}

static void libevent_idle_reset(uint32_t timer, uint32_t microseconds)
{
    (void)microseconds;
    check(evtimer_add(&timers[timer], idle_timeout) == 0, "evtimer_add");
}

static void libevent_idle_start(uint32_t timer, uint32_t microseconds)
{
    struct timeval delay = timeval_of(microseconds);
    if (!idle_timeout)
        idle_timeout = event_base_init_common_timeout(base, &delay);
    evtimer_assign(&timers[timer], base, fired, NULL);
    libevent_idle_reset(timer, microseconds);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void libevent_post(void)
{
    if (queue_post(inside_happened))
        check(eventfd_write(event_get_fd(&waking), 1) == 0, "eventfd_write");
}

/* ---- connections ----------------------------------------------------------------------------- */

static void connection_over(struct event *event)
{
    int fd = event_get_fd(event);
    event_free(event);
    close(fd);
}

static void server_readable(int fd, short what, void *arg)
{
    (void)what;
    struct event **event = arg;
    char buffer[64];
    if (recv(fd, buffer, sizeof(buffer), 0) != 0)
        fail("inside: libevent: the end was expected");
    connection_over(*event);
    free(event);
    inside_happened();
}

static void watch_new(int fd, short what, event_callback_fn callback)
{
    struct event **event = malloc(sizeof(*event));
    check(event != NULL, "malloc");
    *event = event_new(base, fd, what, callback, event);
    check(*event && event_add(*event, NULL) == 0, "event_add");
}

static void on_accept(int listener, short what, void *arg)
{
    (void)what;
    (void)arg;
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        watch_new(fd, EV_READ | EV_PERSIST, server_readable);
}

static void libevent_listen(void)
{
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address = (struct sockaddr_in){.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, SOMAXCONN) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &length) == 0,
          "listen");
    event_assign(&listening, base, fd, EV_READ | EV_PERSIST, on_accept, NULL);
    event_add(&listening, NULL);
    listens = true;
}

static void client_connected(int fd, short what, void *arg)
{
    (void)what;
    struct event **event = arg;
    int error = 0;
    socklen_t length = sizeof(error);
    check(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0, "connect");
    connection_over(*event);
    free(event);
}

static void libevent_connect(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r = connect(fd, (struct sockaddr *)&address, sizeof(address));
    check(r == 0 || errno == EINPROGRESS, "connect");
    watch_new(fd, EV_WRITE, client_connected);
}

const Contender inside_libevent = {
    .name = "libevent",
    .open = libevent_open,
    .close = libevent_close,
    .run = libevent_run,
    .stop = libevent_stop,
    .timer_start = libevent_timer_start,
    .timer_cancel = libevent_timer_cancel,
    .idle_start = libevent_idle_start,
    .idle_reset = libevent_idle_reset,
    .post = libevent_post,
    .listen = libevent_listen,
    .connect = libevent_connect,
};
