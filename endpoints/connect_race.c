/* The race of a host's addresses: resolving, staggered attempts, one winner, one reason.
 *
 * Reactor's thread. A race belongs to itself: it ends when an attempt has connected, all have
 * failed, the deadline has passed or its deferred is cancelled, and then gives up all that is under
 * way before it fires. Each attempt is that of an endpoint for one address, with a deferred of its
 * own, which the race owns. Invariant: until its end the look-up or at least one attempt is under
 * way, so the reactor's shutdown always reaches it; a deferred that the race gives up is forgotten
 * first, so its step lets the failure pass. */
#include "connect_race_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "../reactor/resolver.h"
#include "client_attempt_internal.h"

typedef struct Race Race;

/* One address. */
typedef struct Try {
    Race *race;
    TorcAddress address;
    TorcDeferred *connected; /* NULL: not under way */
    TorcReason *failure;
} Try;

struct Race {
    TorcClientEndpoint *owner;
    const TorcRaceSettings *settings;
    TorcFactory *factory;
    TorcDeferred *connected; /* the caller's */
    TorcDeferred *lookup;    /* NULL: not under way */
    TorcDelayedCall deadline;
    TorcDelayedCall next;
    size_t count;
    size_t begun;
    size_t failed;
    Try *tries;
    bool started; /* the factory */
};

/* ---- the order ----------------------------------------------------------------------------- */

/* The first at or behind `at` that is, or is not, of the family. */
static size_t seek(const TorcAddress *addresses, size_t count, size_t at, TorcAddressFamily family,
                   bool wanted)
{
    while (at < count && (addresses[at].family == family) != wanted)
        at++;
    return at;
}

void torc__race_order(const TorcAddress *addresses, size_t count, TorcAddress *ret_order)
{
    TorcAddressFamily family = count > 0 ? addresses[0].family : TORC_ADDRESS_NONE;
    size_t next[2] = {seek(addresses, count, 0, family, true),
                      seek(addresses, count, 0, family, false)};

    for (size_t i = 0; i < count; i++) {
        size_t turn = next[i % 2] < count ? i % 2 : (i + 1) % 2;
        ret_order[i] = addresses[next[turn]];
        next[turn] = seek(addresses, count, next[turn] + 1, family, turn == 0);
    }
}

/* ---- reasons ------------------------------------------------------------------------------- */

/* What one attempt takes in a text at most: an address with its scope, and the text of an error. */
enum { TRY_TEXT_SIZE = 192 };

/* The beginning of every text: the destination, with its escapes. */
enum { HEAD_SIZE = 4 * 253 + 160 };

typedef struct Text {
    char *bytes;
    size_t size;
    size_t length;
} Text;

static void add(Text *text, const char *format, ...) TORC_PRINTF(2, 3);
static void add(Text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(text->bytes + text->length, text->size - text->length, format, arguments);
    va_end(arguments);
    text->length += length > 0 ? (size_t)length : 0;
    if (text->length >= text->size)
        text->length = text->size - 1;
}

/* "192.0.2.1: Connection refused", or that there was no answer yet. */
static void add_try(Text *text, const Try *try)
{
    char host[TORC_ADDRESS_TEXT_SIZE];
    int code = try->failure ? TorcReason_code(try->failure) : 0;
    const char *problem = !try->failure ? "no answer"
                          : code < 0    ? torc_strerror(code)
                                        : TorcReason_text(try->failure);
    add(text, "%s%s: %.*s", try == try->race->tries ? ": " : "; ",
        TorcAddress_host(&try->address, host, sizeof(host)), TRY_TEXT_SIZE / 2, problem);
}

static void add_tries(Text *text, const Race *race)
{
    for (size_t i = 0; i < race->begun; i++)
        add_try(text, &race->tries[i]);
    if (race->begun < race->count)
        add(text, "; %zu more not tried", race->count - race->begun);
}

/* "cannot connect to HOST port N", and what is added to it by `format`. */
static void add_head(Text *text, const Race *race)
{
    char host[4 * 253 + 1];
    const char *name = race->settings->host;
    torc_escape(name, strlen(name), host, sizeof(host));
    add(text, "cannot connect to %s port %u", host, race->settings->port);
}

static bool is_literal(const Race *race)
{
    TorcAddress address;
    return TorcAddress_parse(race->settings->host, 0, &address) == 0;
}

/* "cannot connect to HOST port N<suffix>: ADDRESS: problem; ADDRESS: problem". Without the memory
 * for it the list is left out. */
static TorcReason *new_reason(const Race *race, TorcReasonKind kind, int code, const char *suffix)
{
    char head[HEAD_SIZE];
    size_t size = HEAD_SIZE + (race->begun + 1) * TRY_TEXT_SIZE;
    char *bytes = torc__malloc(size);
    Text text = bytes ? (Text){bytes, size, 0} : (Text){head, sizeof(head), 0};

    add_head(&text, race);
    add(&text, "%s", suffix);
    if (bytes && !is_literal(race))
        add_tries(&text, race);
    TorcReason *reason = TorcReason_new(kind, code, "%s", text.bytes);
    torc__free(bytes);
    return reason;
}

/* Kind and code are those of all attempts, if they agree; else the code is the first's. */
static TorcReason *reason_of_all(const Race *race)
{
    TorcReasonKind kind = TorcReason_kind(race->tries[0].failure);
    int code = TorcReason_code(race->tries[0].failure);

    if (is_literal(race))
        return TorcReason_ref(race->tries[0].failure);
    for (size_t i = 1; i < race->count; i++)
        if (TorcReason_kind(race->tries[i].failure) != kind)
            kind = TORC_CONNECTION_FAILED;
    return new_reason(race, kind, code, "");
}

static TorcReason *reason_of_deadline(const Race *race)
{
    char suffix[96];
    snprintf(suffix, sizeof(suffix), " within %g s%s", race->settings->timeout,
             race->lookup ? ": its name was not resolved in that time" : "");
    return new_reason(race, TORC_CONNECTION_TIMED_OUT, -ETIMEDOUT, suffix);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void drop(TorcDeferred **deferred)
{
    TorcDeferred *dropped = *deferred;
    *deferred = NULL;
    TorcDeferred_release(dropped);
}

/* Gives up whatever is under way; nothing of the application runs here but destroy functions. */
static void stop(Race *race)
{
    assert(race->begun <= race->count && (race->tries || race->count == 0));
    (void)TorcDelayedCall_cancel(race->next);
    (void)TorcDelayedCall_cancel(race->deadline);
    drop(&race->lookup);
    for (size_t i = 0; i < race->begun; i++)
        drop(&race->tries[i].connected);
}

static void race_free(Race *race)
{
    for (size_t i = 0; i < race->begun; i++)
        TorcReason_unref(race->tries[i].failure);
    torc__free(race->tries);
    if (race->started)
        TorcFactory_doStop(race->factory);
    TorcFactory_unref(race->factory);
    TorcClientEndpoint_unref(race->owner);
    torc__free(race);
}

static void win(Race *race, TorcProtocol *protocol)
{
    stop(race);
    (void)TorcDeferred_callback(race->connected, protocol, NULL);
    race_free(race);
}

/* Takes the reference to the reason. */
static void lose(Race *race, TorcReason *reason)
{
    stop(race);
    (void)TorcDeferred_errback(race->connected, reason);
    TorcReason_unref(reason);
    race_free(race);
}

static void deadline_passed(void *arg)
{
    Race *race = arg;
    lose(race, reason_of_deadline(race));
}

static void cancelled(TorcDeferred *connected, void *arg)
{
    (void)connected;
    lose(arg, TorcReason_static(TORC_CONNECTION_CANCELLED));
}

/* ---- attempts ------------------------------------------------------------------------------ */

static void begin_next(Race *race);

/* Neither concerns the address: the reactor stops, or the connection was there and the factory did
 * not want it. */
static bool ends_race(const TorcReason *reason)
{
    TorcReasonKind kind = TorcReason_kind(reason);
    return kind == TORC_CONNECTION_SHUTDOWN || kind == TORC_CONNECTION_NO_PROTOCOL;
}

static void note_failure(Try *try, const TorcReason *reason)
{
    try->failure = TorcReason_ref(reason);
    try->race->failed++;
}

/* RFC 8305 §5 lets the next attempt begin at once when one fails. */
static void try_failed(Try *try, const TorcReason *reason)
{
    Race *race = try->race;

    note_failure(try, reason);
    if (ends_race(reason))
        lose(race, TorcReason_ref(reason));
    else if (race->begun < race->count)
        begin_next(race);
    else if (race->failed == race->count)
        lose(race, reason_of_all(race));
}

static void try_ended(TorcResult *result, void *arg)
{
    Try *try = arg;
    TorcDeferred *connected = try->connected;

    if (!connected)
        return;
    try->connected = NULL;
    if (result->reason)
        try_failed(try, result->reason);
    else
        win(try->race, result->value);
    TorcResult_clear(result); /* a failure was noted */
    TorcDeferred_release(connected);
}

static int begin_attempt(Try *try, TorcDeferred **ret_connected)
{
    Race *race = try->race;
    char host[TORC_ADDRESS_TEXT_SIZE];
    TorcAttempt *attempt = torc__attempt_new(race->factory);
    if (!attempt)
        return -ENOMEM;
    TorcAddress_host(&try->address, host, sizeof(host));
    int r = TorcReactor_connectTCP(race->owner->reactor, host, race->settings->port, &attempt->base,
                                   &race->settings->options, &attempt->connector);
    return torc__attempt_begun(attempt, r, ret_connected);
}

/* 0, or the failure is noted. */
static int begin_try(Try *try)
{
    TorcDeferred *connected;
    int r = begin_attempt(try, &connected);
    if (r < 0) {
        TorcReasonKind kind =
            r == -TORC_ENOTRUNNING ? TORC_CONNECTION_SHUTDOWN : TORC_CONNECTION_FAILED;
        TorcReason *reason = TorcReason_new(kind, r, NULL);
        note_failure(try, reason);
        TorcReason_unref(reason);
        return r;
    }
    try->connected = connected;
    (void)TorcDeferred_addBoth(connected, try_ended, try); /* called in any case */
    return 0;
}

static void delay_passed(void *arg)
{
    begin_next(arg);
}

/* Without the memory for a timer the next one does not wait. */
static bool wait_for_next(Race *race)
{
    (void)TorcDelayedCall_cancel(race->next);
    return race->begun == race->count ||
           torc__ownCallLater(race->owner->reactor, torc__nanoseconds(race->settings->attemptDelay),
                              "next address of a connect race", delay_passed, race,
                              &race->next) == 0;
}

static void begin_next(Race *race)
{
    while (race->begun < race->count) {
        Try *try = &race->tries[race->begun++];
        if (begin_try(try) == 0 && wait_for_next(race))
            return;
        if (try->failure && ends_race(try->failure)) {
            lose(race, TorcReason_ref(try->failure));
            return;
        }
    }
    if (race->failed == race->count)
        lose(race, reason_of_all(race));
}

/* ---- resolving ----------------------------------------------------------------------------- */

static bool take_addresses(Race *race, const TorcAddressList *list)
{
    TorcAddress *order = torc__malloc(list->count * sizeof(TorcAddress));
    race->tries = order ? torc__zalloc(list->count * sizeof(Try)) : NULL;
    if (race->tries) {
        race->count = list->count;
        torc__race_order(list->addresses, list->count, order);
        for (size_t i = 0; i < list->count; i++)
            race->tries[i] = (Try){.race = race, .address = order[i]};
    }
    torc__free(order);
    return race->tries;
}

static void resolved(TorcResult *result, void *arg)
{
    Race *race = arg;
    TorcDeferred *lookup = race->lookup;

    if (!lookup)
        return;
    race->lookup = NULL;
    if (result->reason)
        lose(race, TorcReason_ref(result->reason));
    else if (take_addresses(race, result->value))
        begin_next(race);
    else
        lose(race, TorcReason_new(TORC_CONNECTION_FAILED, -ENOMEM, NULL));
    TorcResult_clear(result);
    TorcDeferred_release(lookup);
}

static int begin_lookup(Race *race)
{
    const TorcRaceSettings *settings = race->settings;
    return TorcReactor_resolve(race->owner->reactor, settings->host, settings->port,
                               TORC_RESOLVE_OPTIONS(.family = settings->family, .timeout = -1),
                               &race->lookup);
}

/* ---- the beginning ------------------------------------------------------------------------- */

static int begin(Race *race)
{
    int r = 0;
    if (race->settings->timeout >= 0)
        r = torc__ownCallLater(race->owner->reactor, torc__nanoseconds(race->settings->timeout),
                               "connect timeout", deadline_passed, race, &race->deadline);
    return r < 0 ? r : begin_lookup(race);
}

int torc__race_begin(TorcClientEndpoint *owner, const TorcRaceSettings *settings,
                     TorcFactory *factory, TorcDeferred **ret_connected)
{
    Race *race = torc__zalloc(sizeof(*race));
    TorcDeferred *connected = race ? TorcDeferred_new(cancelled, race) : NULL;
    if (!connected) {
        torc__free(race);
        return -ENOMEM;
    }
    race->owner = TorcClientEndpoint_ref(owner);
    race->settings = settings;
    race->factory = TorcFactory_ref(factory);
    race->connected = connected;
    int r = begin(race);
    if (r < 0) {
        TorcDeferred_release(connected); /* frees the race; nobody has seen it */
        return r;
    }
    race->started = true;
    TorcFactory_doStart(factory);
    *ret_connected = connected;
    (void)TorcDeferred_addBoth(race->lookup, resolved, race); /* called in any case, later */
    return 0;
}
