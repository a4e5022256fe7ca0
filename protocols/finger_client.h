/* The finger client: asks a finger server about somebody (RFC 1288).
 *
 * The question is a factory, which asks on whatever connection it is given, and the outcome is a
 * deferred. By an endpoint:
 *
 *     TorcFactory *question = TorcFingerClientFactory_new(reactor, "ann", NULL);
 *     TorcDeferred *reply;
 *     int r = TorcClientEndpoint_connect(endpoint, question, &reply);
 *     TorcFactory_unref(question);
 *     if (r == 0) {
 *         TorcDeferred_addCallback(reply, torc_finger_awaitReply, NULL);
 *         TorcDeferred_addBoth(reply, print_reply, NULL);
 *         TorcDeferred_detach(reply);
 *     }
 *
 *     static void print_reply(TorcResult *result, void *arg)
 *     {
 *         const TorcFingerReply *reply = result->value;
 *         if (result->reason)
 *             fprintf(stderr, "finger: %s\n", TorcReason_text(result->reason));
 *         // else make reply->text safe for a terminal by torc_finger_filter, and print it
 *         TorcResult_clear(result);
 *     }
 *
 * Cancelling the deferred, or a TorcDeferred_addTimeout on it, gives up the attempt or the
 * connection, whichever there is. TorcReactor_finger does the same without endpoints. */
#ifndef TORC_PROTOCOLS_FINGER_CLIENT_H
#define TORC_PROTOCOLS_FINGER_CLIENT_H

#include "../factories/factory.h"
#include "../reactor/api.h"
#include "../reactor/deferred.h"
#include "../reactor/reactor.h"
#include "../reactor/reason.h"
#include "finger.h"

TORC_BEGIN_DECLS

/* ---- whom to ask --------------------------------------------------------------------------- */

/* A target, taken apart; a plain value. */
typedef struct TorcFingerTarget {
    char query[TORC_FINGER_QUERY_MAX + 1]; /* "ann"; "" for the list of users; "ann@h1" */
    char host[256];                        /* a name or a literal without brackets */
    uint16_t port;
    void *reserved[4];
} TorcFingerTarget;

/* Takes a target apart: "ann@host" asks host about ann, "@host" for its list of users, "ann@h1@h2"
 * asks h2 to ask h1 (most refuse). The part behind the last '@' may name a port, else 79 is used:
 * "ann@host:7979", "ann@[::1]:7979"; an IPv6 address without a port needs no brackets. Any thread.
 * 0; -EINVAL: NULL, no '@', no host, a bad port, a query of more than TORC_FINGER_QUERY_MAX
 * bytes. */
TORC_API int torc_finger_parseTarget(const char *target, TorcFingerTarget *ret_target);

typedef struct TorcFingerClientOptions {
    size_t size; /* sizeof(TorcFingerClientOptions), set by TORC_FINGER_CLIENT_OPTIONS */
    /* true: asks for more ("/W"). */
    bool verbose;
    /* Seconds from the call that takes these options until the answer is complete. (Attempts of an
     * endpoint have a limit of their own; when that is longer, what is left once the connection is
     * there may be nothing.) 0: the default of 30 s; negative: no limit. */
    double timeout;
    /* Most bytes of an answer that are kept; the connection is cut when more come. 0: the default
     * of 1 MiB. */
    size_t limit;
    void *reserved[4];
} TorcFingerClientOptions;

#define TORC_FINGER_CLIENT_OPTIONS(...)                                                            \
    (&(TorcFingerClientOptions){.size = sizeof(TorcFingerClientOptions), __VA_ARGS__})

/* Fills in the size and defaults, for C++ and bindings. */
TORC_API void TorcFingerClientOptions_init(TorcFingerClientOptions *options);

/* ---- the answer ---------------------------------------------------------------------------- */

typedef struct TorcFingerReply {
    /* The bytes as the server sent them; NUL-terminated as well as counted. They may hold anything:
     * torc_finger_filter makes them safe for a terminal. */
    const char *text;
    size_t length;
    /* There was more than the limit. */
    bool truncated;
    /* Why this is not the whole answer: the connection broke, or the time was over. NULL when the
     * server closed in order, and when the answer was cut at the limit. */
    const TorcReason *reason;
    void *reserved[4];
} TorcFingerReply;

/* For one that was taken out of its deferred (TorcResult_take). NULL is fine. */
TORC_API void TorcFingerReply_free(TorcFingerReply *reply);

/* ---- by any connection --------------------------------------------------------------------- */

/* A factory whose protocols ask one query each and collect the answer. options may be NULL. Drop
 * the reference by TorcFactory_unref. NULL and errno: ENOMEM; EINVAL: NULL, a bad option, a query
 * that a finger server would not take (see torc_finger_parseQuery). */
TORC_API TorcFactory *TorcFingerClientFactory_new(TorcReactor *reactor, const char *query,
                                                  const TorcFingerClientOptions *options);

/* A step for the deferred of TorcClientEndpoint_connect: turns the protocol that such a factory has
 * made into its answer. Add it right after connect, at the latest before the connection is there.
 *
 * The value becomes a TorcFingerReply *, the deferred's, when the server has closed in order, or
 * when anything came before the connection broke or the time was over: its `reason` tells. When
 * nothing came it becomes a failure with that reason, TORC_CONNECTION_TIMED_OUT after the options'
 * timeout. A cancel aborts the connection and fails with TORC_OPERATION_CANCELLED, whatever came.
 * Failures pass. NULL and a protocol of another class fail with -EINVAL, a protocol whose answer is
 * awaited already with -EALREADY. arg is not used. */
TORC_API void torc_finger_awaitReply(TorcResult *result, void *arg);

/* ---- by TCP -------------------------------------------------------------------------------- */

/* Asks a server by TorcReactor_connectTCP: one address after the other. options may be NULL. The
 * deferred fires as after torc_finger_awaitReply; cancelling it gives up the attempt as well.
 * 0; -EINVAL: NULL, a bad option, a target that torc_finger_parseTarget does not take or a query
 * that a finger server would not; -TORC_ENOTRUNNING while the reactor shuts down; -ENOMEM. */
TORC_API int TorcReactor_finger(TorcReactor *reactor, const char *target,
                                const TorcFingerClientOptions *options, TorcDeferred **ret_reply);

TORC_END_DECLS

#endif
