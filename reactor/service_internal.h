/* What services are made of, for those that consist of others. Not installed. */
#ifndef TORC_REACTOR_SERVICE_INTERNAL_H
#define TORC_REACTOR_SERVICE_INTERNAL_H

#include "service.h"

/* It has something to be stopped. */
static inline bool torc__service_active(const TorcService *service)
{
    return service->running || service->privileged;
}

/* TorcService_stop whose failures are logged and become NULL. *ret_done is NULL when there is
 * nothing to wait for. 0; -ENOMEM: it was stopped, but its end cannot be waited for. */
int torc__service_stop(TorcService *service, TorcDeferred **ret_done);

/* An end is under way that the deferred, which may be NULL, stands for: who stops the service waits
 * for it, and the service stays. Takes it over; a failure is logged. */
void torc__service_ending(TorcService *service, TorcDeferred *done);

/* An error, with the service's name. */
void torc__service_log(const TorcService *service, const char *event, int code, const char *text);

#endif
