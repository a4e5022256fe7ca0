/* Callbacks that hold the loop: from two readings of the cycle counter to an event that names the
 * one who did it.
 *
 * Thread: the reactor's. State: each reactor has a TorcSlowCallbacks. Whoever calls the application
 * reads the ticks before and after, and comes here only when at least `limit` of them lie between
 * (reactor_internal.h). How long a tick is nobody needs to know before that: until the first such
 * call the limit is so low that no processor's counter makes it miss one; then a tick is measured
 * against the clock, once per reactor, and the limit set to match.
 *
 * In a simulation the processor's time means nothing: the limit is 0, so that every callback ends
 * here, and what it took is what the test said (TorcSystem.spent). */
#include <string.h>

#include "reactor_internal.h"

/* asyncio's slow_callback_duration. */
static const int64_t default_threshold = TORC__SECOND / 10;

/* Beyond this a threshold is off: the ticks may wrap after a quarter of an hour (at 5 GHz). */
static const int64_t longest_threshold = 600 * TORC__SECOND;

/* No counter is slower: 512 MHz of cycles on x86, 1 MHz as the Arm architecture asks for. */
static const double longest_tick = 2000.0;

/* A tick is measured over this time; reading the clock takes a thousandth of it. */
static const int64_t measured_time = TORC__SECOND / 10000;

/* ---- what a tick is ------------------------------------------------------------------------ */

/* Both counters, as good as at one moment: if something came between, another try. */
static TorcTicks read_both(TorcReactor *reactor, int64_t *ret_now)
{
    TorcTicks ticks = 0;
    int64_t before, after;

    for (int tries = 0; tries < 10; tries++) {
        before = torc__now(reactor);
        ticks = torc__ticks(reactor->system);
        after = torc__now(reactor);
        *ret_now = after;
        if (after - before < measured_time / 100)
            break;
    }
    return ticks;
}

/* 0: the clock stands still (it may be a test's own). */
static double measure_tick(TorcReactor *reactor)
{
    int64_t start, now;
    TorcTicks first = read_both(reactor, &start);
    TorcTicks last = first;

    now = start;
    for (int tries = 0; tries < 100000 && now - start < measured_time; tries++)
        last = read_both(reactor, &now);
    TorcTicks ticks = last - first;
    return now - start < measured_time || ticks == 0 ? 0 : (double)(now - start) / (double)ticks;
}

/* ---- the limit ----------------------------------------------------------------------------- */

/* A hundredth less than the threshold, for what the measurement may be wrong by. */
static void set_limit(TorcReactor *reactor)
{
    TorcSlowCallbacks *slow = &reactor->slow;
    const TorcTicks most = (TorcTicks)-1 / 2;
    double tick = slow->tick > 0 ? slow->tick : longest_tick;
    double ticks = (double)slow->threshold * 0.99 / tick;

    if (slow->threshold == TORC__NEVER)
        slow->limit = (TorcTicks)-1;
    else if (reactor->system->virtual_time)
        slow->limit = 0;
    else
        slow->limit = ticks < 1 ? 1 : ticks > (double)most ? most : (TorcTicks)ticks;
}

static void set_threshold(TorcReactor *reactor, int64_t threshold)
{
    reactor->slow.threshold = threshold > longest_threshold ? TORC__NEVER : threshold;
    set_limit(reactor);
}

void torc__slowCallbacks_init(TorcReactor *reactor)
{
    set_threshold(reactor, default_threshold);
}

int TorcReactor_setSlowCallbackDuration(TorcReactor *reactor, double seconds)
{
    TORC__REQUIRE(reactor && seconds > 0);
    TORC__ON_THREAD_OF(reactor);
    if (reactor->slow.threshold == TORC__NEVER)
        reactor->system->spent = 0; /* nobody has taken it meanwhile */
    set_threshold(reactor, torc__nanoseconds(seconds));
    return 0;
}

/* ---- what took how long -------------------------------------------------------------------- */

/* How long a tick is; without a clock that moves nothing can be slow. */
static void find_out(TorcReactor *reactor)
{
    reactor->slow.tick = measure_tick(reactor);
    if (reactor->slow.tick == 0)
        reactor->slow.threshold = TORC__NEVER;
    set_limit(reactor);
}

static int64_t take_spent(TorcSystem *system)
{
    int64_t spent = system->spent;
    system->spent = 0;
    return spent;
}

/* The counters of two processors may differ a little; who was moved from one to the other then seems
 * to have ended before it began. */
static bool went_back(TorcTicks ticks)
{
    return ticks > (TorcTicks)-1 / 16 * 15;
}

/* What one callback was reported for is not charged to the one around it as well. Charges are a stack,
 * as callbacks are: those that began since `begun` are on top. They are of one turn, for the counter
 * wraps. */
static TorcTicks take_charges(TorcReactor *reactor, TorcTicks begun)
{
    TorcSlowCallbacks *slow = &reactor->slow;
    TorcTicks sum = 0;

    if (slow->charge_turn != reactor->counters.turns)
        slow->charge_count = 0;
    slow->charge_turn = reactor->counters.turns;
    for (; slow->charge_count > 0; slow->charge_count--) {
        const TorcCharge *last = &slow->charges[slow->charge_count - 1];
        if (last->begun - begun > (TorcTicks)-1 / 2) /* before it */
            break;
        sum += last->ticks;
    }
    return sum;
}

/* When there are too many, the two of longest ago become one: they are the least likely to end in
 * different callbacks. */
static void charge(TorcSlowCallbacks *slow, TorcTicks begun, TorcTicks ticks)
{
    TorcCharge *charges = slow->charges;

    if (slow->charge_count == TORC__CHARGES) {
        charges[0].ticks += charges[1].ticks;
        memmove(&charges[1], &charges[2], (TORC__CHARGES - 2) * sizeof(*charges));
        slow->charge_count--;
    }
    charges[slow->charge_count++] = (TorcCharge){begun, ticks};
}

/* Nanoseconds; 0 when it cannot be known. */
static int64_t time_of(TorcReactor *reactor, TorcTicks ticks)
{
    TorcSlowCallbacks *slow = &reactor->slow;

    if (reactor->system->virtual_time)
        return take_spent(reactor->system);
    if (slow->tick == 0)
        find_out(reactor);
    return went_back(ticks) ? 0 : (int64_t)((double)ticks * slow->tick);
}

/* True when it is to be reported, and then it is counted. */
static bool was_slow(TorcReactor *reactor, TorcTicks begun, int64_t *ret_milliseconds)
{
    TorcTicks ticks = torc__ticks(reactor->system) - begun;
    TorcTicks inside = take_charges(reactor, begun);
    int64_t took = time_of(reactor, ticks - inside);
    bool slow = took >= reactor->slow.threshold;

    charge(&reactor->slow, begun, slow ? ticks : inside);
    if (!slow)
        return false;
    reactor->counters.slowCallbacks++;
    *ret_milliseconds = took / (TORC__SECOND / 1000);
    return true;
}

TORC__COLD void torc__slowCallback_slot(TorcReactor *reactor, TorcTicks begun,
                                        const char *class_name, const char *slot)
{
    int64_t milliseconds;

    if (was_slow(reactor, begun, &milliseconds))
        TORC__LOG(reactor, TORC_LOG_WARNING, "reactor.slow-callback",
                  TORC_LOG_BYTES("class", class_name, strlen(class_name)),
                  TORC_LOG_BYTES("slot", slot, strlen(slot)),
                  TORC_LOG_NUMBER("milliseconds", milliseconds));
}

TORC__COLD void torc__slowCallback_call(TorcReactor *reactor, TorcTicks begun, const char *kind,
                                        uintptr_t function)
{
    int64_t milliseconds;
    char text[TORC__FUNCTION_TEXT_SIZE];

    if (!was_slow(reactor, begun, &milliseconds))
        return;
    (void)torc__function_text(function, text);
    TORC__LOG(reactor, TORC_LOG_WARNING, "reactor.slow-callback",
              TORC_LOG_BYTES("call", kind, strlen(kind)),
              TORC_LOG_BYTES("function", text, strlen(text)),
              TORC_LOG_NUMBER("milliseconds", milliseconds));
}
