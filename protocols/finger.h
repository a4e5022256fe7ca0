/* Finger: tells who somebody is (RFC 1288). The server, its queries, and the filter for its texts.
 *
 *     TorcFingerTable *table = TorcFingerTable_new();
 *     TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "ann", .name = "Ann Smith",
 *                                                  .plan = "Out until Monday.\n"));
 *     TorcFingerFactory *factory =
 *         TorcFingerFactory_new(TORC_FINGER_OPTIONS(.directory = &table->base));
 *     TorcReactor_listenTCP(reactor, 79, &factory->base, NULL, NULL);
 *     TorcFactory_unref(&factory->base);
 *     TorcFingerDirectory_unref(&table->base);
 *
 * What the server knows comes from its directory (finger_directory.h): an empty table by default,
 * which tells nothing about the host; a table of your own; the system's users
 * (finger_system_directory.h); or a class of your own that asks a database.
 *
 * A connection is one query and one answer, then the server closes:
 *
 *     query                  answer
 *     (empty)                the directory's list of users; refuseList: "Finger online user list
 *                            denied"
 *     ann                    what the directory tells of ann
 *     /W ann                 the same, in more words
 *     ann@host, @h1@h2, …    "Finger forwarding service denied"
 *     malformed              "Bad query: …", with what is wrong
 *     over 512 bytes         "Query too long: …"
 *     none for 30 s          none; the connection is closed
 *
 * Lines end in CR LF; a query may end in a mere LF. Whatever a directory tells leaves through
 * torc_finger_filter. What follows the query is not read. A client that half-closes gets its whole
 * answer, also one that is found later. Queries are logged as "finger.query" (RFC 1288 §3.2.7), as
 * many of them as the log's rate limit lets through.
 *
 * Everything belongs to the reactor's thread; parser and filter are pure and work on any. */
#ifndef TORC_PROTOCOLS_FINGER_H
#define TORC_PROTOCOLS_FINGER_H

#include "../factories/factory.h"
#include "../reactor/api.h"
#include "finger_directory.h"

TORC_BEGIN_DECLS

/* Where finger servers listen (RFC 1288 §2.1). */
enum { TORC_FINGER_PORT = 79 };

/* ---- queries ------------------------------------------------------------------------------- */

/* Most bytes of a query, without its CR LF. */
enum { TORC_FINGER_QUERY_MAX = 512 };

/* A query, taken apart; a plain value that may be copied. */
struct TorcFingerQuery {
    /* It began with "/W": tell more. */
    bool verbose;
    /* Only login names are to be matched, no full names. Not part of the query itself: the server
     * sets it from TorcFingerOptions.exactNames. */
    bool exact;
    /* Who is asked about; "" asks for the list of users. No spaces at its ends, and nothing but
     * printable ASCII and well-formed UTF-8 without control characters. */
    char user[TORC_FINGER_QUERY_MAX + 1];
    /* Where it is to be forwarded, without the first '@': "h2", "h1@h2"; "" for here. Each name is
     * there, and holds neither spaces nor control characters. */
    char hosts[TORC_FINGER_QUERY_MAX + 1];
    void *reserved[4];
};

/* Takes a query line apart, given with its end (CR LF or LF) or without.
 *
 * The grammar is that of RFC 1288 §2.3, [/W SP] [user] {@host}, with these liberties: "/W" may
 * stand without a user, spaces around the user are dropped, and the user may hold spaces ("Ann
 * Smith"). "/W" is that token only: in upper case, and followed by a space or by nothing.
 *
 * 0; -EMSGSIZE: longer than TORC_FINGER_QUERY_MAX; -EILSEQ: holds control characters, or bytes
 * beyond ASCII that are not UTF-8; -EBADMSG: a '/' that does not begin "/W", or an '@' without a
 * proper host behind it; -EINVAL for NULL. */
TORC_API int torc_finger_parseQuery(const void *line, size_t length, TorcFingerQuery *ret_query);

/* ---- the filter ---------------------------------------------------------------------------- */

enum {
    TORC_FINGER_CRLF = 1, /* lines end in CR LF, as on the network; else in LF */
    TORC_FINGER_UTF8 = 2  /* UTF-8 passes, but for the control characters U+0080 … U+009F */
};

/* Makes a text safe for a terminal (RFC 1288 §3.3): printable ASCII, tabs and line ends pass. CR LF
 * and LF end a line, a CR elsewhere is dropped. A UTF-8 character becomes one '?' (unless it may
 * pass), and so does every other byte.
 *
 * Writes at most size - 1 bytes and a NUL, and returns the length that the whole would have had, as
 * snprintf does; buffer may be NULL when size is 0. */
TORC_API size_t torc_finger_filter(const void *data, size_t length, unsigned flags, char *buffer,
                                   size_t size);

/* ---- the server ---------------------------------------------------------------------------- */

typedef struct TorcFingerOptions {
    size_t size; /* sizeof(TorcFingerOptions), set by TORC_FINGER_OPTIONS */
    /* Who is known; a reference is taken. NULL: nobody. */
    TorcFingerDirectory *directory;
    /* true: an empty query is refused (RFC 1288 §3.2.2). */
    bool refuseList;
    /* true: only login names find somebody; by default parts of full names do too. */
    bool exactNames;
    /* true: "user@host" is not refused but handed to the directory, which may refuse it itself (the
     * bundled ones do). Forwarding makes the server a relay for others: see RFC 1288 §3.2.1. */
    bool allowForwarding;
    /* true: UTF-8 leaves unfiltered, see TORC_FINGER_UTF8. */
    bool utf8;
    /* Seconds until the query must be there. 0: the default of 30 s; negative: no limit. */
    double queryTimeout;
    /* Most bytes of an answer; what is beyond is cut off and the answer says so. 0: the default of
     * 1 MiB. */
    size_t answerLimit;
    void *reserved[4];
} TorcFingerOptions;

#define TORC_FINGER_OPTIONS(...)                                                                   \
    (&(TorcFingerOptions){.size = sizeof(TorcFingerOptions), __VA_ARGS__})

/* Fills in the size and defaults, for C++ and bindings. */
TORC_API void TorcFingerOptions_init(TorcFingerOptions *options);

/* The fields behind base are the factory's own. */
typedef struct TorcFingerFactory {
    TorcFactory base;
    TorcFingerDirectory *directory;
    double query_timeout; /* negative: none */
    size_t answer_limit;
    uint32_t flags;
    uint32_t reserved_flags;
    void *reserved[4];
} TorcFingerFactory;

/* A factory of finger servers, with one reference that is the caller's: drop it by
 * TorcFactory_unref(&factory->base). options may be NULL. NULL and errno: ENOMEM, EINVAL. */
TORC_API TorcFingerFactory *TorcFingerFactory_new(const TorcFingerOptions *options);

TORC_END_DECLS

#endif
