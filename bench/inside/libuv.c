/* libuv: timers of the program's own memory, uv_timer_again for the idle ones, uv_async to wake the
 * loop. */
#include <uv.h>

#include "../samples.h"
#include "inside.h"

static uv_loop_t loop;
static uv_timer_t *timers;
static uint32_t timer_count;
static uv_async_t waking;
static uv_tcp_t listening;
static struct sockaddr_in address;

static void check(int r, const char *what)
{
    if (r < 0)
        fail("inside: libuv: %s: %s", what, uv_strerror(r));
}

static void on_wake(uv_async_t *async)
{
    (void)async;
    queue_run();
}

static void libuv_open(uint32_t count)
{
    check(uv_loop_init(&loop), "uv_loop_init");
    check(uv_async_init(&loop, &waking, on_wake), "uv_async_init");
    timers = calloc(count + 1, sizeof(*timers));
    timer_count = count;
    if (!timers)
        fail("inside: out of memory");
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void libuv_close(void)
{
    uv_walk(&loop, close_handle, NULL);
    check(uv_run(&loop, UV_RUN_DEFAULT), "uv_run");
    check(uv_loop_close(&loop), "uv_loop_close");
    free(timers);
}

static void (*first_call)(void);

static void call_first(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    first_call();
}

static void libuv_run(void (*first)(void))
{
    uv_timer_t starter;
    first_call = first;
    uv_timer_init(&loop, &starter);
    uv_timer_start(&starter, call_first, 0, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_run(&loop, UV_RUN_NOWAIT); /* the starter leaves */
}

static void libuv_stop(void)
{
    uv_stop(&loop);
}

/* ---- timers ---------------------------------------------------------------------------------- */

static void fired(uv_timer_t *timer)
{
    (void)timer;
    inside_happened();
}

static void libuv_timer_start(uint32_t timer, uint32_t microseconds)
{
    uv_timer_init(&loop, &timers[timer]);
    check(uv_timer_start(&timers[timer], fired, microseconds / 1000, 0), "uv_timer_start");
}

static void libuv_timer_cancel(uint32_t timer)
{
    check(uv_timer_stop(&timers[timer]), "uv_timer_stop");
}

static void libuv_idle_start(uint32_t timer, uint32_t microseconds)
{
    uint64_t timeout = microseconds / 1000;
    uv_timer_init(&loop, &timers[timer]);
    check(uv_timer_start(&timers[timer], fired, timeout, timeout), "uv_timer_start");
}

static void libuv_idle_reset(uint32_t timer, uint32_t microseconds)
{
    (void)microseconds;
    check(uv_timer_again(&timers[timer]), "uv_timer_again");
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void libuv_post(void)
{
    if (queue_post(inside_happened))
        check(uv_async_send(&waking), "uv_async_send");
}

/* ---- connections ----------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    static char buffer[64];
    (void)handle;
    (void)suggested;
    *ret_buffer = uv_buf_init(buffer, sizeof(buffer));
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void server_over(uv_handle_t *handle)
{
    free(handle);
    inside_happened();
}

static void server_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    (void)buffer;
    if (n != UV_EOF)
        fail("inside: libuv: the end was expected");
    uv_close((uv_handle_t *)stream, server_over);
}

static uv_tcp_t *new_tcp(void)
{
    uv_tcp_t *tcp = malloc(sizeof(*tcp));
    if (!tcp)
        fail("inside: out of memory");
    check(uv_tcp_init(&loop, tcp), "uv_tcp_init");
    return tcp;
}

static void on_connection(uv_stream_t *server, int status)
{
    check(status, "uv_listen");
    uv_stream_t *stream = (uv_stream_t *)new_tcp();
    check(uv_accept(server, stream), "uv_accept");
    check(uv_read_start(stream, on_alloc, server_read), "uv_read_start");
}

static void libuv_listen(void)
{
    int length = sizeof(address);
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(&loop, &listening);
    check(uv_tcp_bind(&listening, (struct sockaddr *)&address, 0), "uv_tcp_bind");
    check(uv_listen((uv_stream_t *)&listening, SOMAXCONN, on_connection), "uv_listen");
    check(uv_tcp_getsockname(&listening, (struct sockaddr *)&address, &length), "getsockname");
}

static void client_connected(uv_connect_t *request, int status)
{
    check(status, "uv_tcp_connect");
    uv_close((uv_handle_t *)request->handle, free_handle);
    free(request);
}

static void libuv_connect(void)
{
    uv_connect_t *request = malloc(sizeof(*request));
    if (!request)
        fail("inside: out of memory");
    check(uv_tcp_connect(request, new_tcp(), (struct sockaddr *)&address, client_connected),
          "uv_tcp_connect");
}

const Contender inside_libuv = {
    .name = "libuv",
    .open = libuv_open,
    .close = libuv_close,
    .run = libuv_run,
    .stop = libuv_stop,
    .timer_start = libuv_timer_start,
    .timer_cancel = libuv_timer_cancel,
    .idle_start = libuv_idle_start,
    .idle_reset = libuv_idle_reset,
    .post = libuv_post,
    .listen = libuv_listen,
    .connect = libuv_connect,
};
