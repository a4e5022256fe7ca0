/* The DNS client's two halves: when which name server is asked what (resolver_dns.c), and how, by
 * c-ares (resolver_dns_channel.c). Not installed. */
#ifndef TORC_REACTOR_RESOLVER_DNS_INTERNAL_H
#define TORC_REACTOR_RESOLVER_DNS_INTERNAL_H

#include "reactor_internal.h"
#include "resolver_internal.h"

typedef struct TorcDNSSettings {
    TorcAddress *servers;
    size_t server_count;
    char **domains; /* to be searched */
    int domain_count;
    int dots; /* a name with so many is tried as it is before domains are searched */
} TorcDNSSettings;

/* Frees what is in it. */
void torc__dnsSettings_done(TorcDNSSettings *settings);

/* Fills in what /etc/resolv.conf says: 0 or -ENOMEM. */
int torc__dnsSettings_readSystem(TorcDNSSettings *settings);

typedef enum TorcDNSState {
    TORC__DNS_UNASKED,
    TORC__DNS_ASKED,
    TORC__DNS_FOUND,
    TORC__DNS_NOTHING, /* for certain: there is no such name, or no such record */
    TORC__DNS_FAILED,  /* this server could not say; another might */
    TORC__DNS_NO_MEMORY
} TorcDNSState;

typedef struct TorcDNSChannel TorcDNSChannel;

/* One question, for the addresses of one family. */
typedef struct TorcDNSQuestion {
    TorcAddressFamily family;
    TorcDNSState state;
    const char *problem; /* static; of NOTHING and FAILED */
    TorcAddressList *addresses;
    TorcDNSChannel *channel; /* while it is ASKED */
} TorcDNSQuestion;

/* Asks one server at a time, of its own sockets, so that each look-up has a port that cannot be
 * guessed (RFC 5452 §9.2). `function` is called when questions may have been answered, and may free
 * the channel. */
TorcDNSChannel *torc__dnsChannel_new(TorcReactor *reactor, const TorcDNSSettings *settings);
void torc__dnsChannel_free(TorcDNSChannel *channel);

/* What it is used for; `function` is not called from inside ask and cancel. */
void torc__dnsChannel_use(TorcDNSChannel *channel, TorcFunction *function, void *arg);

/* Asks a question, which is ASKED or answered when this returns, and must stay in place while it is
 * ASKED. All that are ASKED at one time go to the same server. */
void torc__dnsChannel_ask(TorcDNSChannel *channel, const char *host, TorcDNSQuestion *question);

/* The server for the questions to come; none is ASKED. 0 or -ENOMEM. */
int torc__dnsChannel_setServer(TorcDNSChannel *channel, const TorcAddress *server);

/* All that are ASKED become FAILED, and the sockets are closed. */
void torc__dnsChannel_cancel(TorcDNSChannel *channel);

#endif
