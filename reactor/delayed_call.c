/* Delayed calls: callLater, and what a handle can do.
 *
 * Thread: the reactor's. Owner: each reactor has one TorcTimers. The deadlines of the active calls
 * are in the heap; what is to be called is in slots, which lie in blocks that never move and are
 * used again, so arming, firing and cancelling allocate nothing once the reactor has had as many
 * calls at a time. A handle is a slot's number and generation; a slot remembers how this generation
 * and the one before it ended, so that a late cancel can be told "already called".
 *
 * Invariants: a slot is in the heap if and only if its outcome is ACTIVE, and in a bound list only
 * then. What a callback sees is settled before it runs: it may schedule, cancel and reset whatever
 * it likes. A slot becomes free only when its function and its destroy function have returned.
 *
 * A pending call costs a slot of 40 bytes and 20 in the heap. What few calls have shares a place: a
 * call is bound, or the library's own, or it has a destroy function; one that is bound and has one
 * keeps the latter in a second slot. */
#include <assert.h>
#include <math.h>

#include "reactor_internal.h"
#include "task_internal.h"

/* How a call ended; ACTIVE: it has not. */
typedef enum Outcome { ACTIVE, CALLED, CANCELLED, NONE_YET } Outcome;

/* What its handle answers. */
static const int outcome_codes[] = {
    [ACTIVE] = 0,
    [CALLED] = -TORC_EALREADYCALLED,
    [CANCELLED] = -TORC_EALREADYCANCELLED,
    [NONE_YET] = -TORC_ESTALE, /* a handle that nobody was given */
};

typedef enum Binding {
    UNBOUND,
    OWN,   /* unbound, and the library's */
    FIRST, /* of its bound list */
    INNER  /* of it */
} Binding;

typedef struct TorcTimerSlot {
    TorcFunction *function;
    void *arg;
    union {
        TorcFunction *destroy; /* UNBOUND */
        const char *purpose;   /* OWN */
        TorcBoundCalls *bound; /* FIRST: the list */
        uint32_t previous;     /* INNER: number + 1 */
    };
    uint32_t next; /* in the bound list, or of the free slots: number + 1 */
    uint32_t generation;
    uint32_t round;          /* the runDue before or in which it was last scheduled */
    uint8_t outcome;         /* Outcome */
    uint8_t earlier_outcome; /* of the generation before */
    uint8_t binding;         /* Binding */
    bool extended;           /* bound, with a destroy function: see extension_of */
} TorcTimerSlot;

/* 64 slots make blocks of 2.5 KiB: a reactor with a few timers stays small. */
enum { SLOTS_PER_BLOCK = 64 };

static_assert(sizeof(void *) != 8 || sizeof(TorcTimerSlot) == 40,
              "with 20 bytes in the heap, a pending call must stay below 64");

/* ---- slots --------------------------------------------------------------------------------- */

static TorcTimerSlot *slot_at(const TorcTimers *timers, uint32_t number)
{
    return &timers->blocks[number / SLOTS_PER_BLOCK][number % SLOTS_PER_BLOCK];
}

static bool is_bound(const TorcTimerSlot *slot)
{
    return slot->binding >= FIRST;
}

static void free_slot(TorcTimers *timers, uint32_t number)
{
    TorcTimerSlot *slot = slot_at(timers, number);
    slot->next = timers->free_slot;
    timers->free_slot = number + 1;
}

static int grow_block_table(TorcTimers *timers)
{
    if (timers->block_count < timers->block_capacity)
        return 0;
    uint32_t capacity = timers->block_capacity ? timers->block_capacity * 2 : 8;
    TorcTimerSlot **blocks = torc__realloc(timers->blocks, capacity * sizeof(*blocks));
    if (!blocks)
        return -ENOMEM;
    timers->blocks = blocks;
    timers->block_capacity = capacity;
    return 0;
}

/* Adds a block of free slots, and the room in the heap for all of them. */
static int add_block(TorcTimers *timers)
{
    uint32_t first = timers->block_count * SLOTS_PER_BLOCK;
    if (first > UINT32_MAX - 2 * SLOTS_PER_BLOCK) /* number + 1 must fit, too */
        return -ENOMEM;
    int r = grow_block_table(timers);
    if (r < 0)
        return r;
    r = torc__timerHeap_reserve(&timers->heap, first + SLOTS_PER_BLOCK);
    if (r < 0)
        return r;
    TorcTimerSlot *block = torc__zalloc(SLOTS_PER_BLOCK * sizeof(*block));
    if (!block)
        return -ENOMEM;

    timers->blocks[timers->block_count++] = block;
    for (uint32_t i = SLOTS_PER_BLOCK; i-- > 0;) {
        block[i].outcome = block[i].earlier_outcome = NONE_YET;
        free_slot(timers, first + i);
    }
    return 0;
}

static int take_slot(TorcTimers *timers, uint32_t *ret_number)
{
    if (timers->free_slot == 0) {
        int r = add_block(timers);
        if (r < 0)
            return r;
    }
    *ret_number = timers->free_slot - 1;
    timers->free_slot = slot_at(timers, *ret_number)->next;
    return 0;
}

/* Takes a slot for a new call: a new generation, active. */
static int take_active_slot(TorcTimers *timers, uint32_t *ret_number)
{
    int r = take_slot(timers, ret_number);
    if (r < 0)
        return r;
    TorcTimerSlot *slot = slot_at(timers, *ret_number);
    slot->earlier_outcome = slot->outcome;
    slot->outcome = ACTIVE;
    slot->generation++;
    return 0;
}

/* ---- what is to be called, and whose connection it belongs to ------------------------------ */

/* The number of the slot that holds the function and the destroy function of an extended call. No
 * handle leads there: its outcome stays that of its last call. */
static uint32_t extension_of(const TorcTimerSlot *slot)
{
    return (uint32_t)(uintptr_t)slot->arg;
}

/* The other slot holds all of the call, this one only where it is. */
static int extend(TorcTimers *timers, TorcTimerSlot *slot, TorcKeptCall call)
{
    uint32_t number;
    int r = take_slot(timers, &number);
    if (r < 0)
        return r;
    TorcTimerSlot *extension = slot_at(timers, number);
    extension->function = call.function;
    extension->arg = call.arg;
    extension->destroy = call.destroy;
    slot->arg = (void *)(uintptr_t)number;
    slot->extended = true;
    return 0;
}

static int keep_call(TorcTimers *timers, TorcTimerSlot *slot, TorcKeptCall call, bool bound)
{
    if (bound && call.destroy)
        return extend(timers, slot, call);
    slot->function = call.function;
    slot->arg = call.arg;
    slot->destroy = call.destroy;
    return 0;
}

TorcTimerView torc__timers_view(const TorcTimers *timers, uint32_t number)
{
    const TorcTimerSlot *slot = slot_at(timers, number);
    const TorcTimerSlot *call = slot->extended ? slot_at(timers, extension_of(slot)) : slot;
    const TorcTick *tick = torc__tick_of(call->function, call->arg);

    if (tick)
        return (TorcTimerView){.what = tick->what, .function = tick->callee};
    TorcTimerView view = {.function = (uintptr_t)call->function};
    view.own = slot->binding == OWN;
    view.bound = is_bound(slot);
    view.what = view.own ? slot->purpose : NULL;
    view.next = view.bound ? slot->next : 0;
    return view;
}

/* Before it is unbound. */
static TorcKeptCall take_call(TorcTimers *timers, TorcTimerSlot *slot)
{
    TorcKeptCall call = {slot->function, slot->arg, NULL};
    if (slot->extended) {
        uint32_t number = extension_of(slot);
        const TorcTimerSlot *extension = slot_at(timers, number);
        call = (TorcKeptCall){extension->function, extension->arg, extension->destroy};
        free_slot(timers, number);
        slot->extended = false;
    } else if (slot->binding == UNBOUND) {
        call.destroy = slot->destroy;
    }
    slot->function = NULL;
    slot->arg = NULL;
    return call;
}

static void add_bound(TorcTimers *timers, uint32_t number, TorcBoundCalls *bound)
{
    TorcTimerSlot *slot = slot_at(timers, number);
    slot->binding = FIRST;
    slot->bound = bound;
    slot->next = bound->first;
    if (slot->next) {
        TorcTimerSlot *next = slot_at(timers, slot->next - 1);
        next->binding = INNER;
        next->previous = number + 1;
    }
    bound->first = number + 1;
}

static void remove_bound(TorcTimers *timers, TorcTimerSlot *slot)
{
    TorcTimerSlot *next = slot->next ? slot_at(timers, slot->next - 1) : NULL;
    if (slot->binding == FIRST) {
        slot->bound->first = slot->next;
        if (next) {
            next->binding = FIRST;
            next->bound = slot->bound;
        }
    } else {
        slot_at(timers, slot->previous - 1)->next = slot->next;
        if (next)
            next->previous = slot->previous;
    }
}

/* ---- the life of a call -------------------------------------------------------------------- */

/* The entry of a call that is scheduled anew. It comes after all others with its deadline, and the
 * round that is being run, if one is, leaves it out. */
static TorcTimerEntry schedule(TorcTimers *timers, uint32_t number, int64_t deadline)
{
    slot_at(timers, number)->round = timers->round;
    return (TorcTimerEntry){deadline, timers->next_sequence++, number};
}

/* The call is over: it leaves the heap and its list. What is left to do with it is returned, the
 * slot stays taken. */
static TorcKeptCall finish(TorcTimers *timers, uint32_t number, Outcome outcome)
{
    TorcTimerSlot *slot = slot_at(timers, number);
    assert(slot->outcome == ACTIVE);
    torc__timerHeap_remove(&timers->heap, number);
    TorcKeptCall call = take_call(timers, slot);
    if (is_bound(slot))
        remove_bound(timers, slot);
    slot->binding = UNBOUND;
    slot->destroy = NULL;
    slot->outcome = (uint8_t)outcome;
    return call;
}

static TorcReactor *reactor_of(TorcTimers *timers)
{
    return (TorcReactor *)(void *)((char *)timers - offsetof(TorcReactor, timers));
}

static void make_call(TorcTimers *timers, uint32_t number)
{
    TorcTimerView view = torc__timers_view(timers, number);
    TorcKeptCall call = finish(timers, number, CALLED);
    TORC__OBSERVE_CALL(reactor_of(timers), view.what ? view.what : "delayed call",
                       view.function ? view.function : (uintptr_t)call.function,
                       torc__call_run(&call));
    free_slot(timers, number);
}

static void cancel_call(TorcTimers *timers, uint32_t number)
{
    TorcKeptCall call = finish(timers, number, CANCELLED);
    torc__call_destroy(&call);
    free_slot(timers, number);
}

/* a + b, where TORC__NEVER stays what it is. Neither is negative. */
static int64_t later(int64_t a, int64_t b)
{
    return a > TORC__NEVER - b ? TORC__NEVER : a + b;
}

void torc__timers_done(TorcTimers *timers)
{
    while (timers->heap.count > 0)
        cancel_call(timers, timers->heap.entries[0].timer);
    for (uint32_t i = 0; i < timers->block_count; i++)
        torc__free(timers->blocks[i]);
    torc__free(timers->blocks);
    torc__timerHeap_done(&timers->heap);
    *timers = (TorcTimers){0};
}

/* Whatever is scheduled while this runs gets a deadline of `now` at the earliest and a later
 * sequence than the rest: the first call of this round that comes up is the end. (Rounds wrap: a
 * call left alone for exactly 2^32 of them is made a turn later.) */
void torc__timers_runDue(TorcTimers *timers, int64_t now)
{
    uint32_t round = ++timers->round;
    while (timers->heap.count > 0) {
        TorcTimerEntry earliest = timers->heap.entries[0];
        if (earliest.deadline > now || slot_at(timers, earliest.timer)->round == round)
            return;
        make_call(timers, earliest.timer);
    }
}

void torc__timers_cancelBound(TorcReactor *reactor, TorcBoundCalls *bound)
{
    while (bound->first)
        cancel_call(&reactor->timers, bound->first - 1);
}

/* ---- handles ------------------------------------------------------------------------------- */

static TorcDelayedCall handle_of(TorcReactor *reactor, uint32_t number)
{
    uint64_t generation = slot_at(&reactor->timers, number)->generation;
    return (TorcDelayedCall){reactor, generation << 32 | (number + 1)};
}

/* What the slot knows of a generation: 0 when it is active, else how it ended. */
static int state_of(const TorcTimerSlot *slot, uint32_t generation)
{
    if (generation == slot->generation)
        return outcome_codes[slot->outcome];
    if (generation == slot->generation - 1)
        return outcome_codes[slot->earlier_outcome];
    return -TORC_ESTALE;
}

/* 0 and the slot of an active call, or the code that says what became of it. */
static int find(TorcDelayedCall call, uint32_t *ret_number)
{
    uint32_t number = (uint32_t)call.id - 1; /* 0 becomes a number there never is */
    TORC__ON_THREAD_OF(call.reactor);
    if (!call.reactor || number / SLOTS_PER_BLOCK >= call.reactor->timers.block_count)
        return -TORC_ESTALE;
    int r = state_of(slot_at(&call.reactor->timers, number), (uint32_t)(call.id >> 32));
    if (r < 0)
        return r;
    *ret_number = number;
    return 0;
}

/* A slot for the call, in its bound list if it has one, but not in the heap. */
static int new_call(TorcTimers *timers, TorcKeptCall call, TorcBoundCalls *bound,
                    uint32_t *ret_number)
{
    int r = take_active_slot(timers, ret_number);
    if (r < 0)
        return r;
    TorcTimerSlot *slot = slot_at(timers, *ret_number);
    r = keep_call(timers, slot, call, bound != NULL);
    if (r < 0) {
        slot->outcome = NONE_YET;
        free_slot(timers, *ret_number);
        return r;
    }
    if (bound)
        add_bound(timers, *ret_number, bound);
    return 0;
}

static void start(TorcReactor *reactor, uint32_t number, int64_t delay, TorcDelayedCall *ret_call)
{
    TorcTimers *timers = &reactor->timers;
    int64_t deadline = later(torc__now(reactor), delay);

    assert(delay >= 0);
    torc__timerHeap_add(&timers->heap, schedule(timers, number, deadline));
    if (ret_call)
        *ret_call = handle_of(reactor, number);
}

int torc__callLater(TorcReactor *reactor, int64_t delay, TorcFunction *function, void *arg,
                    TorcFunction *destroy, TorcBoundCalls *bound, TorcDelayedCall *ret_call)
{
    TorcKeptCall call = {function, arg, destroy};
    uint32_t number;
    int r = new_call(&reactor->timers, call, bound, &number);
    if (r < 0) {
        torc__call_destroy(&call);
        return r;
    }
    start(reactor, number, delay, ret_call);
    return 0;
}

int torc__ownCallLater(TorcReactor *reactor, int64_t delay, const char *purpose,
                       TorcFunction *function, void *arg, TorcDelayedCall *ret_call)
{
    uint32_t number;
    int r = new_call(&reactor->timers, (TorcKeptCall){function, arg, NULL}, NULL, &number);
    if (r < 0)
        return r;
    TorcTimerSlot *slot = slot_at(&reactor->timers, number);
    slot->binding = OWN;
    slot->purpose = purpose;
    start(reactor, number, delay, ret_call);
    return 0;
}

int TorcReactor_callLater(TorcReactor *reactor, double delay, TorcFunction *function, void *arg,
                          TorcDelayedCall *ret_call)
{
    TORC__REQUIRE(reactor && function && delay >= 0);
    TORC__ON_THREAD_OF(reactor);
    return torc__callLater(reactor, torc__nanoseconds(delay), function, arg, NULL, NULL, ret_call);
}

int TorcReactor_callLaterWith(TorcReactor *reactor, double delay, const TorcCall *call,
                              TorcDelayedCall *ret_call)
{
    TORC__ON_THREAD_OF(reactor);
    int r = reactor && delay >= 0 ? torc__call_check(call, true) : -EINVAL;
    TorcBoundCalls *bound = NULL;
    if (r == 0 && call->protocol)
        r = torc__bound_listOf(call->protocol, &bound);
    if (r < 0)
        return torc__call_refuse(call, r);
    return torc__callLater(reactor, torc__nanoseconds(delay), call->function, call->arg,
                           call->destroy, bound, ret_call);
}

int TorcDelayedCall_cancel(TorcDelayedCall call)
{
    uint32_t number;
    int r = find(call, &number);
    if (r < 0)
        return r;
    cancel_call(&call.reactor->timers, number);
    return 0;
}

static void reschedule(TorcTimers *timers, uint32_t number, int64_t deadline)
{
    torc__timerHeap_move(&timers->heap, schedule(timers, number, deadline));
}

int torc__delayedCall_reset(TorcDelayedCall call, int64_t delay)
{
    uint32_t number;
    int r = find(call, &number);
    if (r < 0)
        return r;
    reschedule(&call.reactor->timers, number, later(torc__now(call.reactor), delay));
    return 0;
}

int TorcDelayedCall_reset(TorcDelayedCall call, double seconds)
{
    TORC__REQUIRE(seconds >= 0);
    return torc__delayedCall_reset(call, torc__nanoseconds(seconds));
}

/* Never stays never: there is no time to count back from. */
static int64_t shifted(int64_t deadline, double seconds)
{
    if (deadline == TORC__NEVER)
        return TORC__NEVER;
    if (seconds >= 0)
        return later(deadline, torc__nanoseconds(seconds));
    return deadline - torc__nanoseconds(-seconds); /* deadline >= 0: at least -INT64_MAX */
}

int TorcDelayedCall_delay(TorcDelayedCall call, double seconds)
{
    TORC__REQUIRE(!isnan(seconds));
    uint32_t number;
    int r = find(call, &number);
    if (r < 0)
        return r;
    TorcTimers *timers = &call.reactor->timers;
    int64_t now = torc__now(call.reactor);
    int64_t deadline = shifted(torc__timerHeap_find(&timers->heap, number)->deadline, seconds);
    reschedule(timers, number, deadline < now ? now : deadline);
    return 0;
}

int TorcDelayedCall_getTime(TorcDelayedCall call, double *ret_seconds)
{
    TORC__REQUIRE(ret_seconds);
    uint32_t number;
    int r = find(call, &number);
    if (r < 0)
        return r;
    int64_t deadline = torc__timerHeap_find(&call.reactor->timers.heap, number)->deadline;
    *ret_seconds = deadline == TORC__NEVER ? HUGE_VAL : (double)deadline / (double)TORC__SECOND;
    return 0;
}

bool TorcDelayedCall_active(TorcDelayedCall call)
{
    uint32_t number;
    return find(call, &number) == 0;
}

size_t TorcReactor_getDelayedCalls(TorcReactor *reactor, TorcDelayedCall *ret_calls, size_t size)
{
    if (!reactor)
        return 0;
    const TorcTimerHeap *heap = &reactor->timers.heap;
    for (uint32_t i = 0; ret_calls && i < heap->count && i < size; i++)
        ret_calls[i] = handle_of(reactor, heap->entries[i].timer);
    return heap->count;
}
