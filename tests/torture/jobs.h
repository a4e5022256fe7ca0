/* Child processes, a few at a time, for those who run the same thing again and again. What a child has
 * to say it leaves in memory that it shares with its parent.
 *
 * Whoever starts them forks himself:
 *
 *     Job *job;
 *     while (!(job = jobs_idle()))
 *         (void)jobs_wait(settle);
 *     …what the child is to know goes to job->shared…
 *     job->pid = fork();
 *
 * One pool for each process; one thread. */
#ifndef TORC_TESTS_JOBS_H
#define TORC_TESTS_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* tools/torture.sh knows it, too. */
enum { JOBS_MOST = 64 };

typedef struct Job {
    pid_t pid; /* 0: idle */
    /* Of the size given to jobs_open, and zeroes at first; for one job after the other. */
    void *shared;
} Job;

/* Called with the status that waitpid told, while the job is not idle yet. */
typedef void JobEnded(Job *job, int status);

/* For 1 to JOBS_MOST at a time: all of them. NULL: errno says why not. */
Job *jobs_open(int count, size_t size);

/* One that may be started. NULL: all are under way. */
Job *jobs_idle(void);

/* Waits for the next one to end, or for a signal. False: none is under way. */
bool jobs_wait(JobEnded *ended);

/* Ends all of them. */
void jobs_kill(void);

#endif
