/* The services of the simulated world: the same on every machine, whatever its /etc/services says.
 *
 * Those that Torc's own protocols and its tests have to do with, as IANA has assigned them; TCP and
 * UDP have the same ports. */
#include <string.h>

#include "../reactor/errors.h"
#include "sim_kernel_internal.h"

static const struct {
    const char *name;
    uint16_t port;
} services[] = {
    {"echo", 7},    {"discard", 9}, {"daytime", 13}, {"chargen", 19}, {"ftp", 21},
    {"ssh", 22},    {"telnet", 23}, {"smtp", 25},    {"time", 37},    {"domain", 53},
    {"finger", 79}, {"http", 80},   {"pop3", 110},   {"ntp", 123},    {"imap2", 143},
    {"irc", 194},   {"https", 443}, {"ldap", 389},   {"imaps", 993},  {"pop3s", 995},
};

int torc__sim_servicePort(TorcSystem *system, const char *service, int type)
{
    (void)system;
    (void)type;
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        if (strcmp(services[i].name, service) == 0)
            return services[i].port;
    return -TORC_ESERVICE;
}
