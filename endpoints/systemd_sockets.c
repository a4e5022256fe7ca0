/* Sockets that a service manager has passed: which descriptor has which name.
 *
 * Any thread, as far as getenv allows: nobody may change the environment meanwhile. The environment
 * is left as it is, so that several endpoints may ask; children are not deceived by it, for
 * LISTEN_PID is not theirs. If anything in it does not fit, nothing is taken: a descriptor that is
 * something else must not be listened on. */
#include "systemd_sockets_internal.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../reactor/errors.h"

static const char name_of_all[] = "unknown"; /* sd_listen_fds_with_names(3) */

TorcSystemdSockets torc__systemd_read(void)
{
    return (TorcSystemdSockets){
        .pid = getenv("LISTEN_PID"),
        .count = getenv("LISTEN_FDS"),
        .names = getenv("LISTEN_FDNAMES"),
        .own_pid = (long)getpid(),
    };
}

/* Digits only; -1 for anything else, and for more than descriptors can be. */
static long number_of(const char *text)
{
    long number = 0;
    if (!*text)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || number > INT_MAX / 10 - 1)
            return -1;
        number = number * 10 + (*text - '0');
    }
    return number;
}

static long count_names(const char *names)
{
    long count = 1;
    for (; *names; names++)
        count += *names == ':';
    return count;
}

/* How many there are: more than 0, or -TORC_EENDPOINT. */
static long count_sockets(const TorcSystemdSockets *sockets, TorcEndpointProblem *problem)
{
    if (!sockets->pid || !sockets->count)
        return torc__endpoint_fail(problem, 0,
                                   "no sockets were passed to this program (%s is not set)",
                                   sockets->pid ? "LISTEN_FDS" : "LISTEN_PID");
    if (number_of(sockets->pid) != sockets->own_pid)
        return torc__endpoint_fail(problem, 0,
                                   "the sockets were passed to another process (LISTEN_PID is "
                                   "%.20s, this one is %ld)",
                                   sockets->pid, sockets->own_pid);
    long count = number_of(sockets->count);
    if (count <= 0)
        return torc__endpoint_fail(problem, 0, "no sockets were passed (LISTEN_FDS is \"%.20s\")",
                                   sockets->count);
    if (sockets->names && count_names(sockets->names) != count)
        return torc__endpoint_fail(problem, 0,
                                   "LISTEN_FDS (%ld) and LISTEN_FDNAMES (%ld names) do not agree, "
                                   "so no socket is taken",
                                   count, count_names(sockets->names));
    return count;
}

/* The names of the environment, one after the other. */
static bool next_name(const char **rest, const char *name)
{
    size_t length = strcspn(*rest, ":");
    bool same = strlen(name) == length && memcmp(*rest, name, length) == 0;
    *rest += length + ((*rest)[length] == ':');
    return same;
}

static int find_name(const TorcSystemdSockets *sockets, long count, const TorcEndpointField *name,
                     int *ret_fd, TorcEndpointProblem *problem)
{
    const char *rest = sockets->names;
    long found = rest || strcmp(name->value, name_of_all) != 0 ? 0 : count;
    long first = 0;
    for (long i = 0; rest && i < count; i++)
        if (next_name(&rest, name->value) && found++ == 0)
            first = i;
    if (found == 0)
        return torc__endpoint_fail(problem, name->value_column,
                                   "no socket that was passed is named \"%.40s\" (known: %.160s)",
                                   name->value, sockets->names ? sockets->names : name_of_all);
    if (found > 1)
        return torc__endpoint_fail(problem, name->value_column,
                                   "%ld sockets are named \"%.40s\": say which by index, counted "
                                   "from 0",
                                   found, name->value);
    *ret_fd = TORC__SYSTEMD_FIRST + (int)first;
    return 0;
}

int torc__systemd_find(const TorcSystemdSockets *sockets, const TorcEndpointField *name,
                       const TorcEndpointField *index, int *ret_fd,
                       TorcEndpointProblem *ret_problem)
{
    int number = 0;
    assert(name || index);
    long count = count_sockets(sockets, ret_problem);
    if (count < 0)
        return (int)count;
    if (name)
        return find_name(sockets, count, name, ret_fd, ret_problem);
    int r = torc__endpoint_readNumber(index, "the index", 0, (int)count - 1, &number, ret_problem);
    if (r == 0)
        *ret_fd = TORC__SYSTEMD_FIRST + number;
    return r;
}
