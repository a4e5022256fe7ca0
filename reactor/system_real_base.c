/* How libevent is set up: its memory, its log, an event base that fits a reactor, and events.
 *
 * The set-up is for the whole process and happens once, before the first base; a lock guards it,
 * because reactors may be created on several threads at a time. The bases themselves are not locked:
 * each belongs to the thread of its reactor. libevent can end the process when it makes a base
 * without descriptors left (its signal.c), so we make sure of them first. */
#include "system_real_internal.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "memory_internal.h"

/* libevent 2.1 has at most evport, kqueue, epoll, devpoll, poll and select in one build. */
enum { MOST_METHODS = 8 };

/* What a base opens at most: epoll's descriptor, a pair for signals, a timer. */
enum { BASE_DESCRIPTORS = 4 };

static pthread_mutex_t setup_lock = PTHREAD_MUTEX_INITIALIZER;
static bool set_up;                           /* under the lock */
static const char *methods[MOST_METHODS + 1]; /* best first; constant once set up */

/* ---- once per process ---------------------------------------------------------------------- */

static TorcLogLevel level_of(int severity)
{
    switch (severity) {
    case EVENT_LOG_DEBUG: return TORC_LOG_DEBUG;
    case EVENT_LOG_MSG: return TORC_LOG_INFO;
    case EVENT_LOG_WARN: return TORC_LOG_WARNING;
    default: return TORC_LOG_ERROR;
    }
}

/* What libevent would say now, its caller is told by a code. */
static _Thread_local bool quiet;

static void log_message(int severity, const char *message)
{
    if (quiet)
        return;
    int saved = errno; /* libevent warns first and lets its caller look at errno then */
    const TorcLogField text = TORC_LOG_BYTES("text", message, strlen(message));
    torc_log(NULL, level_of(severity), "libevent.message", &text, 1);
    errno = saved;
}

/* libevent exits by itself as soon as this returns; nothing can be done about it but to tell. Its
 * own message was logged right before. */
static void log_fatal(int code)
{
    const TorcLogField field = TORC_LOG_NUMBER("code", code);
    torc_log(NULL, TORC_LOG_ERROR, "libevent.fatal", &field, 1);
}

/* event_get_supported_methods allocates its answer anew at each call and frees the former one, on
 * any thread; hence our own copy, taken while libevent still uses the C library's memory. */
static int copy_methods(void)
{
    const char **all = event_get_supported_methods();
    if (!all)
        return -ENOMEM;
    for (size_t i = 0; i < MOST_METHODS && all[i]; i++)
        methods[i] = all[i];
    return 0;
}

static int set_up_once(void)
{
    if (set_up)
        return 0;
    int r = copy_methods();
    if (r < 0)
        return r;
    event_set_mem_functions(torc__malloc, torc__realloc, torc__free);
    event_set_log_callback(log_message);
    event_set_fatal_callback(log_fatal);
    set_up = true;
    return 0;
}

/* ---- descriptors --------------------------------------------------------------------------- */

typedef struct Reserve {
    int fds[3 + BASE_DESCRIPTORS];
    int count;
} Reserve;

static void close_above(Reserve *reserve, int limit)
{
    for (int i = 0; i < reserve->count; i++)
        if (reserve->fds[i] > limit) {
            (void)close(reserve->fds[i]);
            reserve->fds[i] = -1;
        }
}

/* Takes descriptors until enough of them are above 2. If standard streams are closed the first ones
 * end up below; these stay taken while the base is made, so that it gets none of them. */
static int reserve_descriptors(Reserve *reserve)
{
    int above = 0;
    while (above < BASE_DESCRIPTORS) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            int r = -errno;
            close_above(reserve, -1);
            return r;
        }
        reserve->fds[reserve->count++] = fd;
        above += fd > 2;
    }
    return 0;
}

/* ---- the base ------------------------------------------------------------------------------ */

static int configure(struct event_config *config, const char *method, bool exact_timers)
{
    for (size_t i = 0; methods[i]; i++)
        if (strcmp(methods[i], method) != 0 && event_config_avoid_method(config, methods[i]) < 0)
            return -ENOMEM;
    /* NO_CACHE_TIME spares a look at the clock per turn, as none of our events has a timeout. */
    int flags = EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV | EVENT_BASE_FLAG_NO_CACHE_TIME;
    if (exact_timers)
        flags |= EVENT_BASE_FLAG_PRECISE_TIMER;
    return event_config_set_flag(config, flags) < 0 ? -ENOMEM : 0;
}

static int new_with_config(struct event_config *config, struct event_base **ret_base)
{
    Reserve reserve = {.count = 0};
    int r = reserve_descriptors(&reserve);
    if (r < 0)
        return r;
    close_above(&reserve, 2);
    errno = 0;
    struct event_base *base = event_base_new_with_config(config);
    r = base ? 0 : errno ? -errno : -ENOMEM;
    close_above(&reserve, -1);
    if (base)
        *ret_base = base;
    return r;
}

/* With one method allowed only, so that libevent does not fall back to a worse one because memory
 * ran out at the wrong moment. */
static int new_with_method(const char *method, bool exact_timers, struct event_base **ret_base)
{
    struct event_config *config = event_config_new();
    if (!config)
        return -ENOMEM;
    int r = configure(config, method, exact_timers);
    if (r == 0)
        r = new_with_config(config, ret_base);
    event_config_free(config);
    return r;
}

static bool out_of_resources(int r)
{
    return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

static int new_base(const char *backend, bool exact_timers, struct event_base **ret_base)
{
    int r = set_up_once();
    if (r < 0)
        return r;
    r = -EINVAL;
    for (size_t i = 0; methods[i]; i++) {
        if (backend && strcmp(backend, methods[i]) != 0)
            continue;
        r = new_with_method(methods[i], exact_timers, ret_base);
        if (r == 0 || out_of_resources(r))
            return r;
    }
    return r;
}

/* libevent ends the process when it finds no descriptors for the new backend, so they are made sure
 * of. (It would also do so for want of a few bytes of memory; there is no way around that.) */
int torc__real_renewBase(struct event_base *base)
{
    Reserve reserve = {.count = 0};
    int r = reserve_descriptors(&reserve);
    if (r < 0)
        return r;
    close_above(&reserve, 2);
    r = event_reinit(base) < 0 ? -ENOMEM : 0;
    close_above(&reserve, -1);
    return r;
}

int torc__real_addEvent(struct event *event)
{
    quiet = true;
    errno = 0;
    int r = event_add(event, NULL) == 0 ? 0 : errno ? -errno : -ENOMEM;
    quiet = false;
    return r;
}

int torc__real_newBase(const char *backend, bool exact_timers, struct event_base **ret_base)
{
    pthread_mutex_lock(&setup_lock);
    int r = new_base(backend, exact_timers, ret_base);
    pthread_mutex_unlock(&setup_lock);
    return r;
}
