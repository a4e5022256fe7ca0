/* What the seam to the operating system costs in production: the same call made directly, and
 * through the table of the real TorcSystem.
 *
 *     seam_bench ROUNDS PERCENT          times both ways, side by side
 *     seam_bench --count CALLS           makes CALLS calls each way, to be counted by seam_count.sh
 *
 * Two calls: recv on a socket that has nothing to read, the cheapest a transport makes, and the
 * clock, which does not even enter the kernel, so that a cost cannot hide behind it. Directly means
 * what a reactor without a seam would write in that place, with the same result. Rounds alternate
 * which way comes first. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reactor/system_internal.h"
#include "samples.h"

static TorcSystem *sys;
static int fd; /* nothing ever arrives here */

/* ---- the calls ------------------------------------------------------------------------------- */

/* Loops of n calls, of their own each so that callgrind can tell them apart by name; false when a
 * call did not answer what it must. */
typedef bool Loop(uint64_t n);

__attribute__((noinline)) static bool recv_direct(uint64_t n)
{
    char buffer[64];
    bool right = true;
    for (uint64_t i = 0; i < n; i++) {
        ssize_t r = recv(fd, buffer, sizeof(buffer), 0);
        right &= (r < 0 ? -errno : r) == -EAGAIN;
    }
    return right;
}

__attribute__((noinline)) static bool recv_seam(uint64_t n)
{
    char buffer[64];
    bool right = true;
    for (uint64_t i = 0; i < n; i++)
        right &= sys->ops->recv(sys, fd, buffer, sizeof(buffer), 0) == -EAGAIN;
    return right;
}

__attribute__((noinline)) static bool clock_direct(uint64_t n)
{
    bool right = true;
    for (int64_t last = 0; n > 0; n--) {
        struct timespec time;
        clock_gettime(CLOCK_MONOTONIC, &time);
        int64_t now = (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
        right &= now >= last;
        last = now;
    }
    return right;
}

__attribute__((noinline)) static bool clock_seam(uint64_t n)
{
    bool right = true;
    for (int64_t last = 0; n > 0; n--) {
        int64_t now = sys->ops->now(sys);
        right &= now >= last;
        last = now;
    }
    return right;
}

typedef struct Call {
    const char *name;
    uint64_t usual; /* calls per round, for some 40 ms */
    Loop *direct;
    Loop *seam;
} Call;

static const Call calls[] = {
    {"recv, nothing to read", 200000, recv_direct, recv_seam},
    {"clock_gettime", 1000000, clock_direct, clock_seam},
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

/* ---- measuring ------------------------------------------------------------------------------- */

static void make(const Call *call, Loop *loop, uint64_t n)
{
    if (!loop(n))
        fail("seam: %s: an answer was wrong", call->name);
}

/* Nanoseconds a call. */
static double measure(const Call *call, Loop *loop, uint64_t n)
{
    double begin = processor_seconds();
    make(call, loop, n);
    return (processor_seconds() - begin) * 1e9 / (double)n;
}

static void measure_round(const Call *call, uint64_t n, bool seam_first)
{
    double seam = seam_first ? measure(call, call->seam, n) : 0;
    double direct = measure(call, call->direct, n);
    if (!seam_first)
        seam = measure(call, call->seam, n);
    print_sample(call->name, "direct", "ns", direct);
    print_sample(call->name, "seam", "ns", seam);
    print_sample(call->name, "seam / direct", "times", seam / direct);
}

static void measure_all(uint64_t rounds, uint64_t percent)
{
    for (uint64_t round = 0; round < rounds; round++)
        for (int i = 0; i < CALLS; i++)
            measure_round(&calls[i], part_of(calls[i].usual, percent), round % 2 == 1);
}

static void make_all(uint64_t n)
{
    for (int i = 0; i < CALLS; i++) {
        make(&calls[i], calls[i].direct, n);
        make(&calls[i], calls[i].seam, n);
    }
}

int main(int argc, char **argv)
{
    int ends[2];
    if (argc != 3)
        fail("usage: seam_bench ROUNDS PERCENT | --count CALLS");
    int r = torc__system_new_real(NULL, 1, &sys);
    if (r < 0)
        fail("seam: no system: %s", strerror(-r));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        fail("seam: no sockets: %s", strerror(errno));
    fd = ends[0];
    make_all(100); /* symbols are looked up at the first call */
    if (strcmp(argv[1], "--count") == 0)
        make_all(read_count(argv[2]));
    else
        measure_all(read_count(argv[1]), read_count(argv[2]));
    close(ends[0]);
    close(ends[1]);
    sys->ops->free(sys);
    return EXIT_SUCCESS;
}
