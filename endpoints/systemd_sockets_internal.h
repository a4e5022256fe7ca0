/* Sockets that a service manager has passed: sd_listen_fds(3). Not installed. */
#ifndef TORC_ENDPOINTS_SYSTEMD_SOCKETS_INTERNAL_H
#define TORC_ENDPOINTS_SYSTEMD_SOCKETS_INTERNAL_H

#include "endpoint_parser_internal.h"

/* The first socket's descriptor (SD_LISTEN_FDS_START). */
enum { TORC__SYSTEMD_FIRST = 3 };

/* What the environment says; NULL: nothing. */
typedef struct TorcSystemdSockets {
    const char *pid;   /* LISTEN_PID: whom they are for */
    const char *count; /* LISTEN_FDS */
    const char *names; /* LISTEN_FDNAMES: separated by ':'; without it all are called "unknown" */
    long own_pid;
} TorcSystemdSockets;

/* Of this process. The texts are the environment's. */
TorcSystemdSockets torc__systemd_read(void);

/* The descriptor of the socket that `name` names, or, when that is NULL, of the one that `index`
 * counts. 0 or -TORC_EENDPOINT. A pure function. */
int torc__systemd_find(const TorcSystemdSockets *sockets, const TorcEndpointField *name,
                       const TorcEndpointField *index, int *ret_fd,
                       TorcEndpointProblem *ret_problem);

#endif
