/* The host's accounts and sessions: passwd by the C library (so that NSS, LDAP and the like are
 * asked too), and utmpx.
 *
 * Pool threads only: all of it may block. passwd and utmpx are walked by functions that keep their
 * place in a static variable, hence the lock, one for the process. Nothing is done under it but
 * copying. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>
#include <utmpx.h>

#include "finger_host_internal.h"

enum { FIRST_BUFFER = 1024, LAST_BUFFER = 1 << 20 };

static pthread_mutex_t walk_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- accounts -------------------------------------------------------------------------------- */

/* The comment field of passwd: full name, office, office phone, home phone, by custom separated by
 * commas. An '&' in the name stands for the login, capitalised. */
typedef struct Comment {
    const char *at[3];
    size_t length[3];
} Comment;

static Comment comment_split(const char *text)
{
    Comment comment;
    for (int i = 0; i < 3; i++) {
        comment.at[i] = text;
        comment.length[i] = strcspn(text, ",");
        text += comment.length[i];
        text += *text == ',';
    }
    return comment;
}

static char *put_text(char *end, const char *text, size_t length)
{
    memcpy(end, text, length);
    end[length] = '\0';
    return end + length + 1;
}

static char *put_name(char *end, const char *name, size_t length, const char *login)
{
    for (size_t i = 0; i < length; i++) {
        if (name[i] != '&') {
            *end++ = name[i];
            continue;
        }
        char *begin = end;
        end = put_text(end, login, strlen(login)) - 1;
        if (*begin >= 'a' && *begin <= 'z')
            *begin = (char)(*begin - 'a' + 'A');
    }
    *end = '\0';
    return end + 1;
}

static size_t name_size(const char *name, size_t length, const char *login)
{
    size_t size = length + 1;
    for (size_t i = 0; i < length; i++)
        if (name[i] == '&')
            size += strlen(login);
    return size;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

int torc__fingerAccount_init(TorcFingerAccount *account, const struct passwd *entry)
{
    const char *login = or_empty(entry->pw_name);
    const char *home = or_empty(entry->pw_dir);
    const char *shell = or_empty(entry->pw_shell);
    Comment comment = comment_split(or_empty(entry->pw_gecos));

    size_t size = name_size(comment.at[0], comment.length[0], login) + comment.length[1] +
                  comment.length[2] + strlen(login) + strlen(home) + strlen(shell) + 5;
    char *end = torc__malloc(size);
    if (!end)
        return -ENOMEM;
    *account = (TorcFingerAccount){.uid = entry->pw_uid, .memory = end};
    account->login = end;
    account->home = end = put_text(end, login, strlen(login));
    account->shell = end = put_text(end, home, strlen(home));
    account->office = end = put_text(end, shell, strlen(shell));
    account->phone = end = put_text(end, comment.at[1], comment.length[1]);
    account->name = end = put_text(end, comment.at[2], comment.length[2]);
    put_name(end, comment.at[0], comment.length[0], login);
    return 0;
}

void torc__fingerAccount_done(TorcFingerAccount *account)
{
    torc__free(account->memory);
    *account = (TorcFingerAccount){0};
}

/* What POSIX and the systems call "not found" apart from success without an entry. */
static bool means_unknown(int error)
{
    return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

static int host_account(const TorcFingerHost *host, const char *login,
                        TorcFingerAccount *ret_account)
{
    (void)host;
    struct passwd entry;
    struct passwd *found = NULL;
    int error = ERANGE;
    int r = 0;

    for (size_t size = FIRST_BUFFER; error == ERANGE && size <= LAST_BUFFER && r == 0; size *= 2) {
        char *buffer = torc__malloc(size);
        if (!buffer)
            return -ENOMEM;
        do
            error = getpwnam_r(login, &entry, buffer, size, &found);
        while (error == EINTR);
        if (error == 0 && found)
            r = torc__fingerAccount_init(ret_account, &entry);
        torc__free(buffer);
    }
    if (found && error == 0)
        return r;
    return means_unknown(error) ? -ENOENT : -error;
}

/* What a walk through passwd looks for, and where it puts what it finds. */
typedef struct Search {
    const char *name;
    uint32_t lowest_uid;
    TorcFingerAccount *accounts;
    int count;
} Search;

/* Compares the name alone, as it is told: not the phones beside it. */
static int try_account(Search *search, const struct passwd *entry)
{
    TorcFingerAccount *account = &search->accounts[search->count];
    if (entry->pw_uid < search->lowest_uid)
        return 0;
    int r = torc__fingerAccount_init(account, entry);
    if (r < 0)
        return r;
    if (torc__finger_nameMatches(account->name, search->name))
        search->count++;
    else
        torc__fingerAccount_done(account);
    return 0;
}

static int walk_accounts(Search *search, int most)
{
    const struct passwd *entry;
    int r = 0;

    setpwent();
    // cppcheck-suppress getpwentCalled
    while (r == 0 && search->count < most && (entry = getpwent()))
        r = try_account(search, entry);
    endpwent();
    while (r < 0 && search->count > 0)
        torc__fingerAccount_done(&search->accounts[--search->count]);
    return r < 0 ? r : search->count;
}

static int host_search(const TorcFingerHost *host, const char *name, uint32_t lowest_uid,
                       TorcFingerAccount *ret_accounts, int most)
{
    (void)host;
    Search search = {.name = name, .lowest_uid = lowest_uid, .accounts = ret_accounts};
    (void)pthread_mutex_lock(&walk_lock);
    int r = walk_accounts(&search, most);
    (void)pthread_mutex_unlock(&walk_lock);
    return r;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static_assert(sizeof(((struct utmpx *)0)->ut_user) < TORC__FINGER_SESSION_TEXT &&
                  sizeof(((struct utmpx *)0)->ut_line) < TORC__FINGER_SESSION_TEXT,
              "utmpx's fields need not end in NUL, ours do");

static void session_init(TorcFingerSession *session, const struct utmpx *entry)
{
    *session = (TorcFingerSession){.since = entry->ut_tv.tv_sec};
    memcpy(session->login, entry->ut_user, sizeof(entry->ut_user));
    memcpy(session->line, entry->ut_line, sizeof(entry->ut_line));
}

static int host_sessions(const TorcFingerHost *host, TorcFingerSession *ret_sessions, int most)
{
    (void)host;
    const struct utmpx *entry;
    int count = 0;

    (void)pthread_mutex_lock(&walk_lock);
    setutxent();
    while (count < most && (entry = getutxent()))
        if (entry->ut_type == USER_PROCESS && entry->ut_user[0] != '\0')
            session_init(&ret_sessions[count++], entry);
    endutxent();
    (void)pthread_mutex_unlock(&walk_lock);
    return count;
}

/* ---- the table ------------------------------------------------------------------------------- */

static bool host_privileged(void)
{
    return geteuid() == 0;
}

const TorcFingerHost torc__finger_host = {
    .privileged = host_privileged,
    .account = host_account,
    .search = host_search,
    .sessions = host_sessions,
};
