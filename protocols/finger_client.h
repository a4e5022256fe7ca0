/* The finger client: asks a finger server about somebody (RFC 1288), any number at a time.
 *
 *     static void print_answer(const TorcFingerResult *result, void *arg)
 *     {
 *         if (result->code < 0)
 *             fprintf(stderr, "finger: %s\n", torc_strerror(result->code));
 *         // make result->text safe for a terminal by torc_finger_filter, and print it
 *     }
 *
 *     TorcReactor_finger(reactor, "ann@example.org", NULL, print_answer, NULL);
 */
#ifndef TORC_PROTOCOLS_FINGER_CLIENT_H
#define TORC_PROTOCOLS_FINGER_CLIENT_H

#include "../reactor/api.h"
#include "../reactor/reactor.h"
#include "../reactor/reason.h"

TORC_BEGIN_DECLS

typedef struct TorcFingerClientOptions {
    size_t size; /* sizeof(TorcFingerClientOptions), set by TORC_FINGER_CLIENT_OPTIONS */
    /* true: asks for more ("/W"). */
    bool verbose;
    /* Seconds for all of it: resolving, connecting, and the whole answer. 0: the default of 30 s;
     * negative: no limit. */
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

/* How it went; valid during the call, the text included. */
typedef struct TorcFingerResult {
    /* 0: the server closed in order, so the answer is complete, or it was cut at the limit; else
     * the negative code of what went wrong: -ETIMEDOUT, -ECONNREFUSED, -TORC_ELOOKUP, -ECONNRESET,
     * -ENOMEM, … */
    int code;
    /* Why the attempt or the connection ended, with a text for people. After a time-out it says so;
     * a cut shows in `truncated` alone. Never NULL. */
    const TorcReason *reason;
    /* The bytes of the answer, as the server sent them, as far as they came, also when code is not
     * 0; NUL-terminated as well as counted. They may hold anything: torc_finger_filter makes them
     * safe for a terminal. */
    const char *text;
    size_t length;
    /* There was more than the limit. */
    bool truncated;
} TorcFingerResult;

typedef void TorcFingerClientFunction(const TorcFingerResult *result, void *arg);

/* Asks a server: "ann@host" about ann, "@host" for its list of users, "ann@h1@h2" h2 to ask h1
 * (most refuse). The part behind the last '@' may name a port, else 79 is used: "ann@host:7979",
 * "ann@[::1]:7979"; an IPv6 address without a port needs no brackets.
 *
 * If this returns 0, done is called exactly once, later, on the reactor's thread. options may be
 * NULL. -EINVAL: no '@', no host, a bad port, a query that a finger server would not take (see
 * torc_finger_parseQuery), a NULL or a bad option; -TORC_ENOTRUNNING while the reactor shuts down;
 * -ENOMEM. */
TORC_API int TorcReactor_finger(TorcReactor *reactor, const char *target,
                                const TorcFingerClientOptions *options,
                                TorcFingerClientFunction *done, void *arg);

TORC_END_DECLS

#endif
