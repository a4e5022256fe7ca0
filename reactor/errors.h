/* Error codes. Everything that can fail returns 0 or a positive result on success and a negative
 * code on failure: -errno, or one of Torc's own below, which lie beyond errno's range. Constructors
 * return NULL and set errno instead. torc_strerror names all of them. */
#ifndef TORC_REACTOR_ERRORS_H
#define TORC_REACTOR_ERRORS_H

#include "api.h"

TORC_BEGIN_DECLS

/* TORC_ERROR_MAP(X): X(name, value, text). Use the names negated: `if (r == -TORC_ENOTRUNNING)`. */
#define TORC_ERROR_MAP(X)                                                                          \
    X(TORC_ENOTRUNNING, 10001, "the reactor is not running")                                       \
    X(TORC_EALREADYCALLED, 10002, "the call has already been made")                                \
    X(TORC_EALREADYCANCELLED, 10003, "the call has already been cancelled")                        \
    X(TORC_ESTALE, 10004, "the handle refers to something that is gone")                           \
    X(TORC_ENOTCONNECTING, 10005, "no connection attempt is under way")                            \
    X(TORC_ENOTLISTENING, 10006, "the port is not listening")                                      \
    X(TORC_ENOTADDRESS, 10007, "not an IPv4 or IPv6 address")                                      \
    X(TORC_ECLASS, 10008, "the class table cannot be used: its sizes, name, parents or slots")     \
    X(TORC_ELOOKUP, 10009, "the host name could not be resolved")                                  \
    X(TORC_EENDPOINT, 10010, "the endpoint description is not valid")                              \
    X(TORC_EREFUSED, 10011, "the request was refused by policy")                                   \
    X(TORC_EFORKED, 10012, "the reactor belongs to the parent of this process")                    \
    X(TORC_ESERVICE, 10013, "no service of that name is known")

enum {
#define TORC_ERROR_ENUM(name, value, text) name = value,
    TORC_ERROR_MAP(TORC_ERROR_ENUM)
#undef TORC_ERROR_ENUM
};

/* The text for a code as returned by the library; takes it negative or positive. Never NULL. The
 * string is static or, for errno values, the C library's (valid until the calling thread's next
 * call). Any thread. */
TORC_API const char *torc_strerror(int code);

TORC_END_DECLS

#endif
