/* The finger directory of the system's users: composes answers on the thread pool.
 *
 * Two threads meet in a Lookup. The pool thread reads the query and writes the text; then it posts
 * the lookup to the reactor's thread, which alone touches the answer. The lookup is counted by
 * atomic references: one belongs to a delayed call on the reactor's thread, the keeper, which holds
 * the answer and is at the same time the look-up's time-out; one to the job, and one to the posted
 * call. Invariant: the answer is released by the keeper, so on the reactor's thread, whatever
 * fails: the pool, the posting for want of memory, or the reactor's end. */
#include "finger_system_directory.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "../reactor/reactor_internal.h"
#include "../reactor/threads.h"
#include "finger_host_internal.h"

enum { DEFAULT_SECONDS = 30, DEFAULT_LOOKUPS = 64, MOST_SESSIONS = 256, MOST_SESSIONS_TOLD = 16 };

/* Counts a directory's look-ups, which may outlive it: it holds one reference, and each of them
 * one. */
typedef struct Load {
    atomic_uint references;
} Load;

typedef struct SystemDirectory {
    TorcFingerDirectory base;
    const TorcFingerHost *host;
    uint32_t lowest_uid;
    bool no_files;
    double timeout; /* HUGE_VAL: none */
    unsigned most_lookups;
    Load *load;
} SystemDirectory;

typedef struct Lookup {
    atomic_uint references;
    /* Set before the job begins, then read only. */
    TorcReactor *reactor;
    Load *load;
    const TorcFingerHost *host;
    uint32_t lowest_uid;
    bool no_files;
    TorcFingerQuery query;
    /* The job's, then the reactor's. */
    TorcFingerText text;
    /* The reactor's. */
    TorcFingerAnswer *answer; /* NULL once the keeper is gone */
    TorcDelayedCall keeper;
} Lookup;

/* ---- composing, on a pool thread ------------------------------------------------------------- */

typedef struct Sessions {
    TorcFingerSession list[MOST_SESSIONS];
    int count;
} Sessions;

/* NULL: no memory, or the system would not say; the text has failed. */
static Sessions *sessions_new(Lookup *lookup)
{
    Sessions *sessions = torc__malloc(sizeof(*sessions));
    if (sessions)
        sessions->count = lookup->host->sessions(lookup->host, sessions->list, MOST_SESSIONS);
    if (!sessions || sessions->count < 0) {
        torc__free(sessions);
        lookup->text.failed = true;
        return NULL;
    }
    return sessions;
}

static const char *format_time(int64_t since, char *buffer, size_t size)
{
    time_t seconds = (time_t)since;
    struct tm parts;
    if (!localtime_r(&seconds, &parts) || strftime(buffer, size, "%Y-%m-%d %H:%M %z", &parts) == 0)
        buffer[0] = '\0';
    return buffer;
}

static void write_sessions(const Sessions *sessions, const char *login, TorcFingerText *text)
{
    char since[64];
    int told = 0;
    for (int i = 0; i < sessions->count && told < MOST_SESSIONS_TOLD; i++) {
        const TorcFingerSession *session = &sessions->list[i];
        if (strcmp(session->login, login) != 0)
            continue;
        torc__fingerText_printf(text, "On since %s on %s\n",
                                format_time(session->since, since, sizeof(since)), session->line);
        told++;
    }
    if (told == 0)
        torc__fingerText_printf(text, "Not logged in.\n");
}

static void write_verbose(const TorcFingerAccount *account, TorcFingerText *text)
{
    torc__fingerText_printf(text, "Directory: %-20s Shell: %s\n", account->home, account->shell);
    if (account->office[0] != '\0')
        torc__fingerText_printf(text, "Office: %s\n", account->office);
    if (account->phone[0] != '\0')
        torc__fingerText_printf(text, "Office phone: %s\n", account->phone);
}

static TorcBytes bytes_of(const TorcFingerText *text)
{
    return (TorcBytes){text->data, text->length};
}

static TorcBytes first_line(const TorcFingerText *text)
{
    const char *end = text->length > 0 ? memchr(text->data, '\n', text->length) : NULL;
    return (TorcBytes){text->data, end ? (size_t)(end - text->data) : text->length};
}

static void write_account(Lookup *lookup, const TorcFingerAccount *account,
                          const TorcFingerHome *home, const Sessions *sessions)
{
    TorcFingerText details = {0};
    TorcFingerText project = {0};
    TorcFingerText plan = {0};

    if (lookup->query.verbose)
        write_verbose(account, &details);
    write_sessions(sessions, account->login, &details);
    if (!lookup->no_files) {
        torc__fingerHome_read(home, ".project", &project);
        torc__fingerHome_read(home, ".plan", &plan);
    }
    TorcFingerPerson person = {
        .login = account->login,
        .name = account->name,
        .details = bytes_of(&details),
        .project = first_line(&project),
        .plan = bytes_of(&plan),
    };
    if (lookup->text.length > 0)
        torc__fingerText_add(&lookup->text, "\n", 1);
    torc__fingerPerson_write(&lookup->text, &person);
    lookup->text.failed |= details.failed || project.failed || plan.failed;
    torc__fingerText_done(&details);
    torc__fingerText_done(&project);
    torc__fingerText_done(&plan);
}

static bool wants_to_be_found(const Lookup *lookup, const TorcFingerAccount *account,
                              const TorcFingerHome *home)
{
    return account->uid >= lookup->lowest_uid && !torc__fingerHome_has(home, ".nofinger");
}

/* Tells of an account and forgets it. False: it is none of finger's business. */
static bool tell_account(Lookup *lookup, TorcFingerAccount *account, const Sessions *sessions)
{
    TorcFingerHome home;
    torc__fingerHome_open(&home, account->home, lookup->host->privileged());
    bool told = wants_to_be_found(lookup, account, &home);
    if (told)
        write_account(lookup, account, &home, sessions);
    torc__fingerHome_close(&home);
    torc__fingerAccount_done(account);
    return told;
}

/* Tells of the account of exactly that login. False: there is none to be told of. */
static bool tell_login(Lookup *lookup, const Sessions *sessions)
{
    TorcFingerAccount account;
    int r = lookup->host->account(lookup->host, lookup->query.user, &account);
    if (r < 0) {
        lookup->text.failed |= r != -ENOENT;
        return false;
    }
    return tell_account(lookup, &account, sessions);
}

/* Tells of all accounts with that full name. False: there are none to be told of. */
static bool tell_name(Lookup *lookup, const Sessions *sessions)
{
    TorcFingerAccount accounts[TORC__FINGER_MATCHES + 1];
    bool told = false;

    int count = lookup->host->search(lookup->host, lookup->query.user, lookup->lowest_uid, accounts,
                                     TORC__FINGER_MATCHES + 1);
    lookup->text.failed |= count < 0;
    for (int i = 0; i < count && i < TORC__FINGER_MATCHES; i++)
        told |= tell_account(lookup, &accounts[i], sessions);
    if (count > TORC__FINGER_MATCHES) {
        torc__fingerAccount_done(&accounts[TORC__FINGER_MATCHES]);
        torc__finger_writeMore(&lookup->text);
    }
    return told;
}

static void compose_user(Lookup *lookup, const Sessions *sessions)
{
    bool told = tell_login(lookup, sessions);
    if (!told && !lookup->query.exact && !lookup->text.failed)
        told = tell_name(lookup, sessions);
    if (!told)
        torc__finger_writeUnknown(&lookup->text, lookup->query.user);
}

/* One line of the list of sessions, unless its user does not want it. */
static void list_session(Lookup *lookup, const TorcFingerSession *session)
{
    TorcFingerAccount account;
    TorcFingerHome home;
    char since[64];

    /* A session without an account is a left-over of utmpx. */
    if (lookup->host->account(lookup->host, session->login, &account) < 0)
        return;
    torc__fingerHome_open(&home, account.home, lookup->host->privileged());
    if (wants_to_be_found(lookup, &account, &home)) {
        if (lookup->text.length == 0)
            torc__fingerText_printf(&lookup->text, "%-16s %-24s %-12s %s\n", "Login", "Name",
                                    "Terminal", "Since");
        torc__fingerText_printf(&lookup->text, "%-16s %-24s %-12s %s\n", account.login,
                                account.name, session->line,
                                format_time(session->since, since, sizeof(since)));
    }
    torc__fingerHome_close(&home);
    torc__fingerAccount_done(&account);
}

static void compose_list(Lookup *lookup, const Sessions *sessions)
{
    for (int i = 0; i < sessions->count; i++)
        list_session(lookup, &sessions->list[i]);
    if (lookup->text.length == 0)
        torc__fingerText_printf(&lookup->text, "No one is logged in.\n");
}

static void compose(Lookup *lookup)
{
    Sessions *sessions = sessions_new(lookup);
    if (!sessions)
        return;
    if (lookup->query.user[0] == '\0')
        compose_list(lookup, sessions);
    else
        compose_user(lookup, sessions);
    torc__free(sessions);
}

/* ---- how many there are, on any thread ------------------------------------------------------- */

static Load *load_new(void)
{
    Load *load = torc__malloc(sizeof(*load));
    if (load)
        atomic_init(&load->references, 1);
    return load;
}

static Load *load_ref(Load *load)
{
    atomic_fetch_add_explicit(&load->references, 1, memory_order_relaxed);
    return load;
}

static void load_unref(Load *load)
{
    if (load && atomic_fetch_sub_explicit(&load->references, 1, memory_order_acq_rel) == 1)
        torc__free(load);
}

static unsigned load_lookups(const Load *load)
{
    return atomic_load_explicit(&load->references, memory_order_relaxed) - 1;
}

/* ---- between the threads --------------------------------------------------------------------- */

static Lookup *lookup_ref(Lookup *lookup)
{
    atomic_fetch_add_explicit(&lookup->references, 1, memory_order_relaxed);
    return lookup;
}

/* Any thread: by the time the last reference goes the answer is gone. */
static void lookup_unref(void *arg)
{
    Lookup *lookup = arg;
    if (atomic_fetch_sub_explicit(&lookup->references, 1, memory_order_acq_rel) > 1)
        return;
    assert(!lookup->answer);
    torc__fingerText_done(&lookup->text);
    load_unref(lookup->load);
    torc__free(lookup);
}

/* On the reactor's thread: the text is there. The answer is gone if it came too late. */
static void lookup_deliver(void *arg)
{
    Lookup *lookup = arg;
    if (lookup->answer)
        (void)torc__fingerAnswer_complete(lookup->answer, &lookup->text); /* -EPIPE: client gone */
    (void)TorcDelayedCall_cancel(lookup->keeper); /* it may have been made: fine */
}

/* On a pool thread. When posting fails the client gets its answer from the keeper. */
static void lookup_run(void *arg)
{
    Lookup *lookup = arg;
    compose(lookup);
    (void)TorcReactor_callFromThreadWith(
        lookup->reactor, TORC_CALL(lookup_deliver, lookup_ref(lookup), .destroy = lookup_unref));
}

/* The keeper: the look-up has taken too long. */
static void lookup_late(void *arg)
{
    Lookup *lookup = arg;
    TORC__LOG(lookup->reactor, TORC_LOG_WARNING, "finger.lookup-timed-out",
              TORC_LOG_BYTES("user", lookup->query.user, strlen(lookup->query.user)));
    (void)TorcFingerAnswer_fail(lookup->answer, NULL);
}

static void keeper_destroy(void *arg)
{
    Lookup *lookup = arg;
    lookup->answer = TorcFingerAnswer_unref(lookup->answer);
    lookup_unref(lookup);
}

/* ---- the directory --------------------------------------------------------------------------- */

static Lookup *lookup_new(const SystemDirectory *directory, const TorcFingerQuery *query,
                          TorcFingerAnswer *answer)
{
    Lookup *lookup = torc__zalloc(sizeof(*lookup));
    if (!lookup)
        return NULL;
    atomic_init(&lookup->references, 1);
    lookup->reactor = TorcFingerAnswer_getReactor(answer);
    lookup->load = load_ref(directory->load);
    lookup->host = directory->host;
    lookup->lowest_uid = directory->lowest_uid;
    lookup->no_files = directory->no_files;
    lookup->query = *query;
    lookup->answer = TorcFingerAnswer_ref(answer);
    return lookup;
}

static int refuse_lookup(const TorcFingerQuery *query, TorcFingerAnswer *answer)
{
    TORC__LOG(TorcFingerAnswer_getReactor(answer), TORC_LOG_WARNING, "finger.too-many-lookups",
              TORC_LOG_BYTES("user", query->user, strlen(query->user)));
    return TorcFingerAnswer_fail(answer, NULL);
}

static int system_lookup(TorcFingerDirectory *self, const TorcFingerQuery *query,
                         TorcFingerAnswer *answer)
{
    const SystemDirectory *directory = (const SystemDirectory *)self;
    if (query->hosts[0] != '\0')
        return TorcFingerAnswer_fail(answer, TORC__FINGER_NO_FORWARDING);
    if (load_lookups(directory->load) >= directory->most_lookups)
        return refuse_lookup(query, answer);

    Lookup *lookup = lookup_new(directory, query, answer);
    if (!lookup)
        return -ENOMEM;
    TorcDelayedCall keeper;
    int r = TorcReactor_callLaterWith(lookup->reactor, directory->timeout,
                                      TORC_CALL(lookup_late, lookup, .destroy = keeper_destroy),
                                      &keeper);
    if (r < 0)
        return r;
    lookup->keeper = keeper;
    r = TorcReactor_callInThreadWith(
        lookup->reactor, TORC_CALL(lookup_run, lookup_ref(lookup), .destroy = lookup_unref));
    if (r < 0)
        (void)TorcDelayedCall_cancel(keeper); /* cannot fail: it was made just now */
    return r;
}

static void system_destroy(TorcFingerDirectory *self)
{
    load_unref(((SystemDirectory *)self)->load);
}

static const TorcFingerDirectoryClass system_class = {
    TORC_FINGER_DIRECTORY_CLASS("finger-system", SystemDirectory),
    .lookup = system_lookup,
    .destroy = system_destroy,
};

void TorcFingerSystemOptions_init(TorcFingerSystemOptions *options)
{
    if (options)
        *options = (TorcFingerSystemOptions){.size = sizeof(TorcFingerSystemOptions)};
}

static int read_options(const TorcFingerSystemOptions *given, TorcFingerSystemOptions *ret_options)
{
    TorcFingerSystemOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(!isnan(options.timeout));
    if (options.timeout == 0)
        options.timeout = DEFAULT_SECONDS;
    else if (options.timeout < 0)
        options.timeout = HUGE_VAL;
    if (options.mostLookups == 0)
        options.mostLookups = DEFAULT_LOOKUPS;
    *ret_options = options;
    return 0;
}

TorcFingerDirectory *torc__fingerSystemDirectory_new(const TorcFingerSystemOptions *options,
                                                     const TorcFingerHost *host)
{
    TorcFingerSystemOptions read;
    int r = read_options(options, &read);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    SystemDirectory *directory = (SystemDirectory *)TorcFingerDirectory_new(&system_class);
    if (!directory)
        return NULL;
    directory->load = load_new();
    if (!directory->load) {
        TorcFingerDirectory_unref(&directory->base);
        errno = ENOMEM;
        return NULL;
    }
    directory->host = host;
    directory->lowest_uid = read.lowestUid;
    directory->no_files = read.noFiles;
    directory->timeout = read.timeout;
    directory->most_lookups = read.mostLookups;
    return &directory->base;
}

TorcFingerDirectory *TorcFingerSystemDirectory_new(const TorcFingerSystemOptions *options)
{
    return torc__fingerSystemDirectory_new(options, &torc__finger_host);
}
