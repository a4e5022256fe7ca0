/* Finger directories: where a finger server learns about users.
 *
 * A directory is a class with one slot, `lookup`, which gets a query and an answer to fill in, at
 * once or later:
 *
 *     typedef struct Staff {
 *         TorcFingerDirectory base;
 *         Database *database;
 *     } Staff;
 *
 *     static int staff_lookup(TorcFingerDirectory *self, const TorcFingerQuery *query,
 *                             TorcFingerAnswer *answer)
 *     {
 *         if (strcmp(query->user, "ann") != 0)
 *             return TorcFingerAnswer_fail(answer, "No such person");
 *         TorcFingerAnswer_printf(answer, "Ann Smith, room %d\n", 12);
 *         return TorcFingerAnswer_finish(answer);
 *     }
 *
 *     static const TorcFingerDirectoryClass staff_class = {
 *         TORC_FINGER_DIRECTORY_CLASS("staff", Staff),
 *         .lookup = staff_lookup,
 *     };
 *
 *     Staff *staff = (Staff *)TorcFingerDirectory_new(&staff_class);
 *
 * Directories and answers are counted and belong to the reactor's thread. */
#ifndef TORC_PROTOCOLS_FINGER_DIRECTORY_H
#define TORC_PROTOCOLS_FINGER_DIRECTORY_H

#include "../reactor/api.h"
#include "../reactor/reactor.h"

TORC_BEGIN_DECLS

typedef struct TorcFingerQuery TorcFingerQuery; /* finger.h */
typedef struct TorcFingerAnswer TorcFingerAnswer;
typedef struct TorcFingerDirectory TorcFingerDirectory;
typedef struct TorcFingerDirectoryClass TorcFingerDirectoryClass;

/* ---- the interface ------------------------------------------------------------------------- */

struct TorcFingerDirectory {
    const TorcFingerDirectoryClass *cls; /* the resolved table */
    unsigned references;
    uint32_t reserved_flags;
    void *reserved[2];
};

struct TorcFingerDirectoryClass {
    /* Set by TORC_FINGER_DIRECTORY_CLASS and its kin. */
    size_t class_size;
    size_t instance_size;
    const char *name;
    const TorcFingerDirectoryClass *parent;

    /* Answers a query; both are valid during the call. To answer later (from the reactor's thread:
     * a thread job comes back by callFromThread) copy the query and take a reference to the answer;
     * the client may be gone by then, which does no harm. Must not block. A query with hosts comes
     * only if TorcFingerOptions.allowForwarding is set.
     * Returns 0 or a positive result: it is answered or will be; or a negative code: it cannot be
     * (keep no reference then), the server apologises to the client and logs
     * "finger.lookup-failed". Inherited if NULL. */
    int (*lookup)(TorcFingerDirectory *self, const TorcFingerQuery *query,
                  TorcFingerAnswer *answer);

    /* Frees what the instance holds, not the instance. Not inherited but chained: the class's own,
     * then its parent's, and so on. */
    void (*destroy)(TorcFingerDirectory *self);

    void (*reserved[8])(void);
};

/* First line of a class table. */
#define TORC_FINGER_DIRECTORY_CLASS(name_, InstanceType)                                           \
    TORC_FINGER_DIRECTORY_SUBCLASS(name_, InstanceType, &torc_finger_directory_class)
#define TORC_FINGER_DIRECTORY_SUBCLASS(name_, InstanceType, parent_)                               \
    .class_size = sizeof(TorcFingerDirectoryClass), .instance_size = sizeof(InstanceType),         \
    .name = (name_), .parent = (parent_)

/* The root: knows nobody. */
TORC_API extern const TorcFingerDirectoryClass torc_finger_directory_class;

/* An instance of the class, zeroed behind its base, with one reference that is the caller's. NULL
 * and errno: ENOMEM, or EINVAL for a class table that does not fit. */
TORC_API TorcFingerDirectory *TorcFingerDirectory_new(const TorcFingerDirectoryClass *cls);

/* ref returns its argument; unref takes NULL and returns NULL; the last one frees. */
TORC_API TorcFingerDirectory *TorcFingerDirectory_ref(TorcFingerDirectory *directory);
TORC_API TorcFingerDirectory *TorcFingerDirectory_unref(TorcFingerDirectory *directory);

/* ---- the answer ---------------------------------------------------------------------------- */

/* ref returns its argument; unref takes NULL and returns NULL. When the last reference goes and the
 * answer was not finished it fails: a client never waits for an answer that nobody can give. */
TORC_API TorcFingerAnswer *TorcFingerAnswer_ref(TorcFingerAnswer *answer);
TORC_API TorcFingerAnswer *TorcFingerAnswer_unref(TorcFingerAnswer *answer);

/* Adds text, filtered (torc_finger_filter); lines may end in LF. A UTF-8 character must not be cut
 * over two writes. 0; -EPIPE: the answer is finished or the client is gone, and nothing happens;
 * -EFBIG: the answer's limit is reached, the rest is cut off; -ENOMEM: the answer has failed;
 * -EINVAL. */
TORC_API int TorcFingerAnswer_write(TorcFingerAnswer *answer, const void *text, size_t length);
TORC_API int TorcFingerAnswer_printf(TorcFingerAnswer *answer, const char *format, ...)
    TORC_PRINTF(2, 3);

/* It is complete: ends the last line if that is open, and closes the connection once all has left.
 * 0; -EPIPE as for write; -EINVAL for NULL. */
TORC_API int TorcFingerAnswer_finish(TorcFingerAnswer *answer);

/* As a write of this one line, then finish. NULL: "Finger information is not available now, try
 * again later". */
TORC_API int TorcFingerAnswer_fail(TorcFingerAnswer *answer, const char *line);

/* True while it is not finished and the client is there: worth going on. */
TORC_API bool TorcFingerAnswer_active(const TorcFingerAnswer *answer);

TORC_API TorcReactor *TorcFingerAnswer_getReactor(const TorcFingerAnswer *answer);

/* ---- a table of users ---------------------------------------------------------------------- */

/* The directory for users who are written down, in memory and nowhere else. The list of users is
 * the whole table. A name finds the user with exactly that login; if there is none, all whose full
 * name holds it as whole words in any case ("smith", "ann smith"), unless the query is exact. An
 * empty table knows nobody.
 * The fields behind base are the table's own. */
typedef struct TorcFingerTable {
    TorcFingerDirectory base;
    struct TorcFingerRecord **records; /* by login */
    size_t count;
    size_t capacity;
    void *reserved[2];
} TorcFingerTable;

/* A user. All texts may hold several lines but login and name; NULL: there is none. */
typedef struct TorcFingerEntry {
    size_t size;       /* sizeof(TorcFingerEntry), set by TORC_FINGER_ENTRY */
    const char *login; /* at least one byte, no spaces, no '@', no '/' at its beginning */
    const char *name;  /* the full name */
    const char *project;
    const char *plan;
    const char *details; /* told only to those who ask with /W */
    void *reserved[4];
} TorcFingerEntry;

#define TORC_FINGER_ENTRY(...) (&(TorcFingerEntry){.size = sizeof(TorcFingerEntry), __VA_ARGS__})

/* Fills in the size and defaults, for C++ and bindings. */
TORC_API void TorcFingerEntry_init(TorcFingerEntry *entry);

/* An empty table, with one reference that is the caller's: drop it by
 * TorcFingerDirectory_unref(&table->base). NULL and errno: ENOMEM. */
TORC_API TorcFingerTable *TorcFingerTable_new(void);

/* Adds a user (texts are copied), or replaces the one of that login; also while servers use the
 * table. Costs a binary search and moving the logins behind it. 0, -EINVAL or -ENOMEM. */
TORC_API int TorcFingerTable_add(TorcFingerTable *table, const TorcFingerEntry *entry);

/* Removes a user. 0, -ENOENT, or -EINVAL for NULL. */
TORC_API int TorcFingerTable_remove(TorcFingerTable *table, const char *login);

TORC_END_DECLS

#endif
