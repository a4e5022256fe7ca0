/* What finger's system directory asks of the host: accounts, sessions, and files of home
 * directories. Not installed. All of it may block, and is called on pool threads only. */
#ifndef TORC_PROTOCOLS_FINGER_HOST_INTERNAL_H
#define TORC_PROTOCOLS_FINGER_HOST_INTERNAL_H

#include "finger_internal.h"
#include "finger_system_directory.h"

/* An account; the texts are in `memory`. None is NULL. */
typedef struct TorcFingerAccount {
    uint32_t uid;
    const char *login;
    const char *name;
    const char *office;
    const char *phone; /* the office's */
    const char *home;
    const char *shell;
    char *memory;
} TorcFingerAccount;

/* The size of utmpx's fields and a NUL. */
enum { TORC__FINGER_SESSION_TEXT = 64 };

typedef struct TorcFingerSession {
    char login[TORC__FINGER_SESSION_TEXT];
    char line[TORC__FINGER_SESSION_TEXT]; /* the terminal: "pts/0" */
    int64_t since;                        /* seconds since 1970 */
} TorcFingerSession;

/* Accounts and sessions, which tests replace. */
typedef struct TorcFingerHost TorcFingerHost;
struct TorcFingerHost {
    /* True: files are told only if anybody could read them. */
    bool (*privileged)(void);

    /* 0; -ENOENT: no such account; another code. `done` is the caller's to call. */
    int (*account)(const TorcFingerHost *host, const char *login, TorcFingerAccount *ret_account);

    /* Fills in up to `most` accounts from lowest_uid on whose full name matches, and returns how
     * many; or a negative code, and there are none. */
    int (*search)(const TorcFingerHost *host, const char *name, uint32_t lowest_uid,
                  TorcFingerAccount *ret_accounts, int most);

    /* Fills in up to `most` sessions, and returns how many; or a negative code. */
    int (*sessions)(const TorcFingerHost *host, TorcFingerSession *ret_sessions, int most);
};

/* The real one. */
extern const TorcFingerHost torc__finger_host;

struct passwd;

/* Copies what finger tells of a passwd entry. 0 or -ENOMEM. */
int torc__fingerAccount_init(TorcFingerAccount *account, const struct passwd *entry);
void torc__fingerAccount_done(TorcFingerAccount *account);

/* ---- finger_home.c --------------------------------------------------------------------------- */

/* An open home directory. */
typedef struct TorcFingerHome {
    int fd; /* -1: it cannot be opened, and holds nothing then */
    bool privileged;
    bool searchable; /* by those who may see the files */
} TorcFingerHome;

void torc__fingerHome_open(TorcFingerHome *home, const char *path, bool privileged);
void torc__fingerHome_close(TorcFingerHome *home);

/* True when there is something of that name, whatever it is. */
bool torc__fingerHome_has(const TorcFingerHome *home, const char *name);

/* Adds a file's contents to the text; nothing when it must not be told, or cannot be read. */
void torc__fingerHome_read(const TorcFingerHome *home, const char *name, TorcFingerText *text);

/* ---- finger_system_directory.c --------------------------------------------------------------- */

/* TorcFingerSystemDirectory_new on another host, which must outlive the directory. */
TorcFingerDirectory *torc__fingerSystemDirectory_new(const TorcFingerSystemOptions *options,
                                                     const TorcFingerHost *host);

#endif
