/* What is measured inside one process: timers, calls from other threads, connections.
 *
 * A contender is a library behind a table of the few things that are asked of it. main.c calls them
 * from inside the contender's loop, where a program would, and looks at the clock; the contender calls
 * back through inside_happened. One contender is open at a time. */
#ifndef TORC_BENCH_INSIDE_H
#define TORC_BENCH_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Contender {
    const char *name;

    /* A loop, with room for so many timers, numbered from 0. */
    void (*open)(uint32_t timers);
    void (*close)(void);

    /* Runs the loop, and in it first this function, until stop is called. */
    void (*run)(void (*first)(void));
    void (*stop)(void);

    /* A timer that fires once, after so many microseconds (a library with a coarser clock rounds).
     * idle: as a connection's idle timeout, all the same length, started anew by reset. */
    void (*timer_start)(uint32_t timer, uint32_t microseconds);
    void (*timer_cancel)(uint32_t timer);
    void (*idle_start)(uint32_t timer, uint32_t microseconds);
    void (*idle_reset)(uint32_t timer, uint32_t microseconds);

    /* Any thread: has inside_happened called in the loop. */
    void (*post)(void);

    /* listen once; connect makes a connection to it, which the client closes as soon as it is made.
     * When the server has seen the end and closed its side, too, it has happened. */
    void (*listen)(void);
    void (*connect)(void);
} Contender;

extern const Contender inside_torc;
extern const Contender inside_libevent;
extern const Contender inside_libuv;

/* A timer has fired, a call has been made, a connection is over. */
void inside_happened(void);

/* For libraries that have a wake-up but no queue of calls, the queue that their users write: a lock
 * and a list. */
/* True when it was empty: the loop must be woken. */
bool queue_post(void (*function)(void));
void queue_run(void);

#endif
