/* Jobs (jobs.h): a table of processes, and one wait for all of them. */
#include "jobs.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static struct {
    Job all[JOBS_MOST];
    int count;
} jobs;

Job *jobs_open(int count, size_t size)
{
    for (; jobs.count < count; jobs.count++) {
        void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED)
            return NULL;
        jobs.all[jobs.count].shared = shared;
    }
    return jobs.all;
}

static Job *find(pid_t pid)
{
    for (int i = 0; i < jobs.count; i++)
        if (jobs.all[i].pid == pid)
            return &jobs.all[i];
    return NULL;
}

Job *jobs_idle(void)
{
    return find(0);
}

/* A child that is none of the jobs is let go. */
bool jobs_wait(JobEnded *ended)
{
    int status;
    pid_t pid = wait(&status);
    Job *job = pid > 0 ? find(pid) : NULL;
    if (job) {
        ended(job, status);
        job->pid = 0;
    }
    return pid > 0 || errno == EINTR;
}

void jobs_kill(void)
{
    for (int i = 0; i < jobs.count; i++)
        if (jobs.all[i].pid > 0)
            (void)kill(jobs.all[i].pid, SIGKILL);
    while (wait(NULL) > 0)
        ;
}
