/* Where a run is when a signal ends it, or when its time is over (any_test.h).
 *
 * In the run's own process. The addresses are those of the program's file, less where it was loaded;
 * frames of shared libraries are left out, for whether it was the library or the test that went wrong
 * is seen in the first one of the program's own. */
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "any_test.h"

enum { STACK = 64 * 1024 };

static Told *told;
static const struct link_map *program;

static const struct link_map *map_of(void *address)
{
    Dl_info info;
    void *map = NULL;
    return dladdr1(address, &info, &map, RTLD_DL_LINKMAP) ? map : NULL;
}

/* Not the first ones: they are this handler's, up to the C library's that called it. Of return
 * addresses one less lies within the call, which does no harm to the one that is none. */
static void note_frames(void)
{
    void *frames[2 * MOST_FRAMES];
    int count = backtrace(frames, 2 * MOST_FRAMES);
    int first = 0;
    while (first < count && map_of(frames[first]) == program)
        first++;
    for (int i = first; i < count && told->frame_count < MOST_FRAMES; i++)
        if (map_of(frames[i]) == program)
            told->frames[told->frame_count++] = (uintptr_t)frames[i] - program->l_addr - 1;
}

/* Of a pointer that is NULL, or of a member of what it points to. */
enum { NEAR_NULL = 64 * 1024 };

static void end_badly(int number, siginfo_t *info, void *context)
{
    (void)context;
    told->null = number == SIGSEGV && (uintptr_t)info->si_addr < NEAR_NULL;
    note_frames();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void end_late(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    note_frames();
    _exit(HANG_STATUS);
}

static void handle(int number, void (*function)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = function,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    (void)sigaction(number, &action, NULL);
}

/* backtrace loads a library when it is first called, which a handler must not. */
static void warm_up(void)
{
    void *frame;
    (void)backtrace(&frame, 1);
    program = map_of((void *)(uintptr_t)warm_up);
}

static void set_alarm(long seconds)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMAX - 1};
    struct itimerspec when = {.it_value.tv_sec = seconds};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        (void)timer_settime(timer, 0, &when, NULL);
}

void run_catchSignals(Told *of, long limit)
{
    static const int bad[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    static char stack[STACK];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
    told = of;
    warm_up();
    (void)sigaltstack(&other, NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        handle(bad[i], end_badly);
    handle(SIGRTMAX - 1, end_late);
    set_alarm(limit);
}
