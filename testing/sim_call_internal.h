/* A call of the simulated system while it is being made, as the files that make up the table share
 * it. Not installed. */
#ifndef TORC_TESTING_SIM_CALL_INTERNAL_H
#define TORC_TESTING_SIM_CALL_INTERNAL_H

#include "sim_faults_internal.h"
#include "sim_view_internal.h"

/* ---- counting and judging (sim_judge.c) ---------------------------------------------------- */

typedef struct SimCall {
    SimDescriptor *descriptor;
    SimSocket *socket; /* the descriptor's, NULL: it is none */
    TorcSimCall what;
    SimVerdict verdict; /* what else than an error is to happen to it */
} SimCall;

/* A call on a socket that is counted and may have to fail: 0, -EBADF, -ENOTSOCK, or the error of a
 * fault. ret_call is set unless it is one of the first two. */
int torc__simCall_begin(TorcSystem *system, int fd, TorcSimCall what, SimCall *ret_call);

/* The same for accept, recv and send, which a delay can hold back and a reset can strike. */
int torc__simCall_beginTransfer(TorcSystem *system, int fd, TorcSimCall what, SimCall *ret_call);

/* The same for a descriptor of any kind. */
int torc__simCall_judgeTransfer(SimDescriptor *descriptor, TorcSimCall what, SimCall *ret_call);

/* One more thing that a call does is counted and may fail. */
int torc__simCall_judgeAlso(const SimCall *call, TorcSimCall what);

/* What a fault that depends on how the call goes has changed something: it is traced and counted. */
void torc__simCall_strike(const SimCall *call);

/* What the call may move of the `size` bytes it asks for, when `there` could be moved. */
size_t torc__simCall_limit(const SimCall *call, size_t size, size_t there);

/* ---- calls that move bytes (sim_transfer.c) ------------------------------------------------ */

ssize_t torc__simTransfer_recv(TorcSystem *system, int fd, void *buffer, size_t size, int flags);
ssize_t torc__simTransfer_recvfrom(TorcSystem *system, int fd, void *buffer, size_t size, int flags,
                                   struct sockaddr *ret_from, socklen_t *length);
ssize_t torc__simTransfer_recvDescriptors(TorcSystem *system, int fd, void *buffer, size_t size,
                                          int *ret_descriptors, size_t *count, bool *ret_cut);
ssize_t torc__simTransfer_send(TorcSystem *system, int fd, const void *data, size_t length);
ssize_t torc__simTransfer_sendv(TorcSystem *system, int fd, const struct iovec *pieces,
                                size_t count);
ssize_t torc__simTransfer_sendto(TorcSystem *system, int fd, const void *data, size_t size,
                                 const struct sockaddr *name, socklen_t length);
ssize_t torc__simTransfer_sendDescriptor(TorcSystem *system, int fd, const void *data,
                                         size_t length, int passed);
ssize_t torc__simTransfer_read(TorcSystem *system, int fd, void *buffer, size_t size);
ssize_t torc__simTransfer_write(TorcSystem *system, int fd, const void *data, size_t length);
ssize_t torc__simTransfer_pread(TorcSystem *system, int fd, void *buffer, size_t size,
                                uint64_t offset);
ssize_t torc__simTransfer_sendfile(TorcSystem *system, int out, int in, uint64_t offset,
                                   size_t length);

#endif
