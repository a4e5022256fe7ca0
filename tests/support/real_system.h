/* For tests of the real system: one opened per backend, with and without eventfd and timerfd, and
 * the proof at the end that no descriptor was left behind. */
#ifndef TORC_TESTS_REAL_SYSTEM_H
#define TORC_TESTS_REAL_SYSTEM_H

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "reactor/system_real_internal.h"
#include "tests/support/run_tests.h"

#define MILLISECOND INT64_C(1000000)

/* For loop tests: 0…2 as on Linux, 3…5 as where eventfd and timerfd are missing. */
enum { EPOLL, VARIANTS = 6 };
static const char *const variant_backends[] = {"epoll", "poll", "select"};

static int descriptors_before;
static TorcSystem *sys;

static inline int count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(directory);
    int count = 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static inline void open_variant(int variant)
{
    descriptors_before = count_descriptors();
    ck_assert_int_eq(torc__real_new(variant_backends[variant % 3], 4, variant >= 3, &sys), 0);
    ck_assert_str_eq(sys->backend, variant_backends[variant % 3]);
}

static inline void open_system(void)
{
    descriptors_before = count_descriptors();
    ck_assert_int_eq(torc__system_new_real(NULL, 4, &sys), 0);
}

static inline void close_system(void)
{
    sys->ops->free(sys);
    sys = NULL;
    ck_assert_int_eq(count_descriptors(), descriptors_before);
}

static inline int64_t now(void)
{
    return sys->ops->now(sys);
}

static inline int wait_until(int64_t deadline)
{
    return sys->ops->wait(sys, deadline);
}

static inline void sleep_for(int64_t nanoseconds)
{
    struct timespec left = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

static inline void await_posts(sem_t *semaphore, int count)
{
    while (count-- > 0)
        while (sem_wait(semaphore) < 0)
            ck_assert_int_eq(errno, EINTR);
}

static inline void post(sem_t *semaphore, int count)
{
    while (count-- > 0)
        sem_post(semaphore);
}

static inline void make_pair(int ends[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
}

static inline void close_pair(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

#define RUN_SUITE(suite)                                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        return run_suite(suite());                                                                 \
    }

#endif
