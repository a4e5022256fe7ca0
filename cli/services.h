/* What torc serve can serve: a table of services, and the factories they are served by. */
#ifndef TORC_CLI_SERVICES_H
#define TORC_CLI_SERVICES_H

#include <torc/torc.h>

/* A read while the output is at its high mark may add 256 KiB: below this limit a client that is
 * merely slow could be cut off. */
#define SERVICE_LEAST_LIMIT ((size_t)512 * 1024)
#define SERVICE_NO_LIMIT (SIZE_MAX / 2)

typedef struct ServiceKind ServiceKind;

/* {0}, then filled in from the options. */
typedef struct Service {
    const ServiceKind *kind;
    size_t buffer_limit;    /* 0: the kind's default */
    TorcFingerTable *users; /* NULL: none were named */
    bool system_users;
} Service;

/* "LOGIN:FULL NAME[:PLAN FILE]". An exit code, errors told. */
int service_addUser(Service *service, const char *command, const char *argument);

/* Settles what is served and checks that the options before fit. An exit code, errors told. */
int service_choose(Service *service, const char *command, const char *name);

const char *service_name(const Service *service);
const char *service_defaultEndpoint(const Service *service);

/* NULL and errno on failure. The service must outlive it. */
TorcFactory *service_newFactory(const Service *service);

void service_done(Service *service);

#endif
