/* A system's table, copied, with calls in it that may fail. See the header.
 *
 * One system at a time, on its reactor's thread. */
#include "faulty_system.h"

#include <errno.h>

#include "testing/sim_faults.h"

static TorcSystemOps faulty;
static const TorcSystemOps *below;
static TorcSim *simulation; /* NULL: below is the real system */
static const ErrnoRow *row;

void faulty_setRow(const ErrnoRow *chosen)
{
    row = chosen;
}

/* ---- striking ------------------------------------------------------------------------------ */

/* What the simulation calls them. */
static const int sim_calls[FAULT_CLASSES] = {
    [FAULT_ACCEPT] = 1 + TORC_SIM_ACCEPT,       [FAULT_SOCKET] = 1 + TORC_SIM_SOCKET,
    [FAULT_BIND] = 1 + TORC_SIM_BIND,           [FAULT_LISTEN] = 1 + TORC_SIM_LISTEN,
    [FAULT_CONNECT] = 1 + TORC_SIM_CONNECT,     [FAULT_RECV] = 1 + TORC_SIM_RECV,
    [FAULT_SEND] = 1 + TORC_SIM_SEND,           [FAULT_SHUTDOWN] = 1 + TORC_SIM_SHUTDOWN,
    [FAULT_CLOSE] = 1 + TORC_SIM_CLOSE,         [FAULT_SETSOCKOPT] = 1 + TORC_SIM_SETSOCKOPT,
    [FAULT_WATCH] = 1 + TORC_SIM_WATCH,         [FAULT_WAIT] = 1 + TORC_SIM_WAIT,
    [FAULT_SUBMIT] = 1 + TORC_SIM_SUBMIT,       [FAULT_LOOKUP] = 1 + TORC_SIM_LOOKUP,
    [FAULT_OPEN] = 1 + TORC_SIM_OPEN,           [FAULT_OPEN_SPARE] = 1 + TORC_SIM_OPEN_SPARE,
    [FAULT_DUPLICATE] = 1 + TORC_SIM_DUPLICATE, [FAULT_UNLINK] = 1 + TORC_SIM_UNLINK,
    [FAULT_CHMOD] = 1 + TORC_SIM_CHMOD,         [FAULT_STAT] = 1 + TORC_SIM_STAT,
    [FAULT_LOCK] = 1 + TORC_SIM_LOCK,
};

static void add_rule(FaultClass cls)
{
    TorcSimFault *rule = TORC_SIM_FAULT(.call = (TorcSimCall)(sim_calls[cls] - 1), .times = 1);
    if (row->error)
        rule->error = row->error;
    else
        rule->limit = 1;
    TorcSim_addFault(simulation, rule);
}

/* 0: the call is to be made, in a simulation perhaps by a rule that is for it alone. */
static int strike(FaultClass cls)
{
    if (!faults_strike(cls))
        return 0;
    if (!simulation || !sim_calls[cls])
        return -row->error;
    add_rule(cls);
    return 0;
}

/* The same, but it may be that just a byte is to be moved. */
static int strike_bytes(FaultClass cls, size_t *length)
{
    bool is_short = row && row->call == cls && row->error == 0;
    if (simulation || !is_short)
        return strike(cls);
    if (faults_strike(cls) && *length > 1)
        *length = 1;
    return 0;
}

/* A descriptor more, which a real system is refused further below (faults_calls.c). */
static int strike_descriptor(FaultClass cls)
{
    if (simulation && faults_strike(FAULT_DESCRIPTOR))
        return -EMFILE;
    return strike(cls);
}

/* ---- calls with a fault in them ------------------------------------------------------------ */

static int faulty_accept(TorcSystem *system, int fd, struct sockaddr *ret_peer, socklen_t *length)
{
    int r = strike_descriptor(FAULT_ACCEPT);
    return r < 0 ? r : below->accept(system, fd, ret_peer, length);
}

static int faulty_socket(TorcSystem *system, int family, int type)
{
    int r = strike_descriptor(FAULT_SOCKET);
    return r < 0 ? r : below->socket(system, family, type);
}

static int faulty_duplicate(TorcSystem *system, int fd)
{
    int r = strike_descriptor(FAULT_DUPLICATE);
    return r < 0 ? r : below->duplicate(system, fd);
}

static int faulty_open(TorcSystem *system, const char *path, int flags, mode_t mode)
{
    int r = strike_descriptor(FAULT_OPEN);
    return r < 0 ? r : below->open(system, path, flags, mode);
}

static int faulty_openSpare(TorcSystem *system)
{
    int r = strike_descriptor(FAULT_OPEN_SPARE);
    return r < 0 ? r : below->openSpare(system);
}

static int faulty_pipe(TorcSystem *system, int ret_ends[2])
{
    return simulation && faults_strike(FAULT_DESCRIPTOR) ? -EMFILE : below->pipe(system, ret_ends);
}

static int faulty_submit(TorcSystem *system, TorcJob *job)
{
    if (simulation && faults_strike(FAULT_THREAD))
        return -EAGAIN;
    int r = strike(FAULT_SUBMIT);
    return r < 0 ? r : below->submit(system, job);
}

static int faulty_bind(TorcSystem *system, int fd, const struct sockaddr *address, socklen_t length)
{
    int r = strike(FAULT_BIND);
    return r < 0 ? r : below->bind(system, fd, address, length);
}

static int faulty_listen(TorcSystem *system, int fd, int backlog)
{
    int r = strike(FAULT_LISTEN);
    return r < 0 ? r : below->listen(system, fd, backlog);
}

/* An interrupted one is under way all the same. */
static int faulty_connect(TorcSystem *system, int fd, const struct sockaddr *address,
                          socklen_t length)
{
    int r = strike(FAULT_CONNECT);
    if (r == -EINTR) {
        int begun = below->connect(system, fd, address, length);
        return begun == -EINPROGRESS || begun == 0 ? -EINTR : begun;
    }
    return r < 0 ? r : below->connect(system, fd, address, length);
}

static ssize_t faulty_recv(TorcSystem *system, int fd, void *buffer, size_t size, int flags)
{
    int r = strike_bytes(FAULT_RECV, &size);
    return r < 0 ? r : below->recv(system, fd, buffer, size, flags);
}

static ssize_t faulty_send(TorcSystem *system, int fd, const void *data, size_t length)
{
    int r = strike_bytes(FAULT_SEND, &length);
    return r < 0 ? r : below->send(system, fd, data, length);
}

static ssize_t faulty_sendv(TorcSystem *system, int fd, const struct iovec *pieces, size_t count)
{
    size_t length = pieces[0].iov_len;
    int r = strike_bytes(FAULT_SEND, &length);
    if (r < 0)
        return r;
    if (length < pieces[0].iov_len)
        return below->send(system, fd, pieces[0].iov_base, length);
    return below->sendv(system, fd, pieces, count);
}

static ssize_t faulty_sendfile(TorcSystem *system, int out, int in, uint64_t offset, size_t length)
{
    int r = strike_bytes(FAULT_SENDFILE, &length);
    return r < 0 ? r : below->sendfile(system, out, in, offset, length);
}

static ssize_t faulty_pread(TorcSystem *system, int fd, void *buffer, size_t size, uint64_t offset)
{
    int r = strike(FAULT_PREAD);
    return r < 0 ? r : below->pread(system, fd, buffer, size, offset);
}

static ssize_t faulty_read(TorcSystem *system, int fd, void *buffer, size_t size)
{
    int r = strike(FAULT_READ);
    return r < 0 ? r : below->read(system, fd, buffer, size);
}

static ssize_t faulty_write(TorcSystem *system, int fd, const void *data, size_t length)
{
    int r = strike(FAULT_WRITE);
    return r < 0 ? r : below->write(system, fd, data, length);
}

static ssize_t faulty_sendDescriptor(TorcSystem *system, int fd, const void *data, size_t length,
                                     int passed)
{
    int r = strike(FAULT_SEND_DESCRIPTOR);
    return r < 0 ? r : below->sendDescriptor(system, fd, data, length, passed);
}

static ssize_t faulty_recvDescriptors(TorcSystem *system, int fd, void *buffer, size_t size,
                                      int *ret_descriptors, size_t *count, bool *ret_cut)
{
    int r = strike(FAULT_RECV_DESCRIPTORS);
    return r < 0
               ? r
               : below->recvDescriptors(system, fd, buffer, size, ret_descriptors, count, ret_cut);
}

static int faulty_shutdown(TorcSystem *system, int fd, int how)
{
    int r = strike(FAULT_SHUTDOWN);
    return r < 0 ? r : below->shutdown(system, fd, how);
}

/* Linux has closed it, whatever it answers. */
static int faulty_close(TorcSystem *system, int fd)
{
    int r = strike(FAULT_CLOSE);
    int closed = below->close(system, fd);
    return r < 0 ? r : closed;
}

static int faulty_setsockopt(TorcSystem *system, int fd, int level, int name, const void *value,
                             socklen_t length)
{
    int r = strike(FAULT_SETSOCKOPT);
    return r < 0 ? r : below->setsockopt(system, fd, level, name, value, length);
}

static int faulty_getsockopt(TorcSystem *system, int fd, int level, int name, void *ret_value,
                             socklen_t *length)
{
    int r = strike(FAULT_GETSOCKOPT);
    return r < 0 ? r : below->getsockopt(system, fd, level, name, ret_value, length);
}

static int faulty_getsockname(TorcSystem *system, int fd, struct sockaddr *ret_name,
                              socklen_t *length)
{
    int r = strike(FAULT_GETSOCKNAME);
    return r < 0 ? r : below->getsockname(system, fd, ret_name, length);
}

static int faulty_watch(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                        TorcWatchFunction *function, void *arg)
{
    int r = strike(FAULT_WATCH);
    return r < 0 ? r : below->watch(system, watch, fd, interest, function, arg);
}

/* The real one takes the watch out before it fails (system_real.c). */
static int faulty_rewatch(TorcSystem *system, TorcWatch *watch, unsigned interest)
{
    int r = strike(FAULT_WATCH);
    if (r < 0)
        below->unwatch(system, watch);
    return r < 0 ? r : below->rewatch(system, watch, interest);
}

static int faulty_wait(TorcSystem *system, int64_t deadline)
{
    int r = strike(FAULT_WAIT);
    return r < 0 ? r : below->wait(system, deadline);
}

static int faulty_lookup(TorcSystem *system, const char *host, uint16_t port,
                         TorcLookupFunction *function, void *arg, TorcLookup **ret_lookup)
{
    int r = strike(FAULT_LOOKUP);
    return r < 0 ? r : below->lookup(system, host, port, function, arg, ret_lookup);
}

static int faulty_unlink(TorcSystem *system, const char *path)
{
    int r = strike(FAULT_UNLINK);
    return r < 0 ? r : below->unlink(system, path);
}

static int faulty_chmod(TorcSystem *system, const char *path, mode_t mode)
{
    int r = strike(FAULT_CHMOD);
    return r < 0 ? r : below->chmod(system, path, mode);
}

static int faulty_stat(TorcSystem *system, const char *path, TorcFileStatus *ret_status)
{
    int r = strike(FAULT_STAT);
    return r < 0 ? r : below->stat(system, path, ret_status);
}

static int faulty_statDescriptor(TorcSystem *system, int fd, TorcFileStatus *ret_status)
{
    int r = strike(FAULT_STAT);
    return r < 0 ? r : below->statDescriptor(system, fd, ret_status);
}

static int faulty_lock(TorcSystem *system, int fd)
{
    int r = strike(FAULT_LOCK);
    return r < 0 ? r : below->lock(system, fd);
}

/* ---- the table ----------------------------------------------------------------------------- */

#define REPLACE(call) faulty.call = below->call ? faulty_##call : NULL

static void replace_sockets(void)
{
    REPLACE(accept);
    REPLACE(socket);
    REPLACE(bind);
    REPLACE(listen);
    REPLACE(connect);
    REPLACE(recv);
    REPLACE(send);
    REPLACE(sendv);
    REPLACE(sendfile);
    REPLACE(sendDescriptor);
    REPLACE(recvDescriptors);
    REPLACE(shutdown);
    REPLACE(close);
    REPLACE(setsockopt);
    REPLACE(getsockopt);
    REPLACE(getsockname);
}

static void replace_rest(void)
{
    REPLACE(watch);
    REPLACE(rewatch);
    REPLACE(wait);
    REPLACE(submit);
    REPLACE(lookup);
    REPLACE(pipe);
    REPLACE(pread);
    REPLACE(read);
    REPLACE(write);
    REPLACE(open);
    REPLACE(openSpare);
    REPLACE(duplicate);
    REPLACE(unlink);
    REPLACE(chmod);
    REPLACE(stat);
    REPLACE(statDescriptor);
    REPLACE(lock);
}

void faulty_system(TorcSystem *system, TorcSim *sim)
{
    simulation = sim;
    below = system->ops;
    faulty = *below;
    replace_sockets();
    replace_rest();
    system->ops = &faulty;
}
