/* Delayed calls against a model: random operations on both must agree.
 *
 * The model is a list in which each question is answered by looking at all of it. Delays are a few
 * half seconds, so equal deadlines are common; functions that are called schedule, cancel and
 * reschedule in turn. */
#include <check.h>
#include <math.h>

#include <torc/reactor/delayed_call.h>

#include "../support/fake_reactor.h"
#include "../support/run_tests.h"

static FakeReactor fake;
static TorcReactor *reactor = &fake.reactor;

/* For loops that run very often: check's own assertions each write to a pipe. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("not so: %s", #condition);                                                \
    } while (0)

static void set_up(void)
{
    FakeReactor_init(&fake);
}

static void tear_down(void)
{
    FakeReactor_done(&fake);
}

enum { MODEL_CALLS = 200, MODEL_OPERATIONS = 100000 };

typedef struct ModelCall {
    TorcDelayedCall handle;
    int64_t deadline;
    long sequence;
    long round; /* in which it was last scheduled */
    enum { NONE, PENDING, MADE, TAKEN_BACK } state;
    int list;   /* that it is bound to, or -1 */
    bool owing; /* its destroy function is still to run */
} ModelCall;

enum { MODEL_LISTS = 3 };

static struct {
    ModelCall calls[MODEL_CALLS];
    TorcBoundCalls lists[MODEL_LISTS];
    uint64_t random;
    long sequence;
    long round;
    long operations;
    long made;
    bool in_round;
} model;

/* Xorshift64: the same operations in each run. */
static unsigned model_random(unsigned below)
{
    model.random ^= model.random << 13;
    model.random ^= model.random >> 7;
    model.random ^= model.random << 17;
    return (unsigned)(model.random >> 33) % below;
}

static double model_delay(void)
{
    return model_random(50) == 0 ? 1e300 : 0.5 * model_random(12);
}

static int64_t model_due(double delay)
{
    return delay > 1e9 ? TORC__NEVER : fake.now + (int64_t)(delay * 1e9);
}

/* The call that must come next in this round, NULL when it is over; outside: the earliest. */
static ModelCall *model_next(void)
{
    ModelCall *next = NULL;
    for (ModelCall *call = model.calls; call < model.calls + MODEL_CALLS; call++) {
        if (call->state != PENDING)
            continue;
        if (model.in_round && (call->deadline > fake.now || call->round == model.round))
            continue;
        if (!next || call->deadline < next->deadline ||
            (call->deadline == next->deadline && call->sequence < next->sequence))
            next = call;
    }
    return next;
}

static void model_scheduled(ModelCall *call, int64_t deadline)
{
    call->state = PENDING;
    call->deadline = deadline;
    call->sequence = model.sequence++;
    call->round = model.in_round ? model.round : -1;
}

static void model_called(void *arg);

/* The function of a call has run by then, or it was taken back. */
static void model_destroyed(void *arg)
{
    ModelCall *call = arg;
    CHECK(call->owing);
    CHECK(TorcDelayedCall_cancel(call->handle) < 0);
    call->owing = false;
}

/* Bound or not, with a destroy function or without, or both. */
static void model_schedule(ModelCall *call)
{
    double delay = model_delay();
    CHECK(!call->owing);
    call->list = (int)model_random(MODEL_LISTS + 2) - 2;
    call->owing = model_random(2) == 0;
    int r = torc__callLater(reactor, torc__nanoseconds(delay), model_called, call,
                            call->owing ? model_destroyed : NULL,
                            call->list >= 0 ? &model.lists[call->list] : NULL, &call->handle);
    CHECK(r == 0);
    model_scheduled(call, model_due(delay));
}

static void model_cancel(ModelCall *call)
{
    CHECK(TorcDelayedCall_cancel(call->handle) == 0);
    CHECK(!call->owing);
    call->state = TAKEN_BACK;
}

static void model_cancel_list(int list)
{
    torc__timers_cancelBound(reactor, &model.lists[list]);
    CHECK(model.lists[list].first == 0);
    for (ModelCall *call = model.calls; call < model.calls + MODEL_CALLS; call++) {
        if (call->state != PENDING || call->list != list)
            continue;
        CHECK(!call->owing);
        call->state = TAKEN_BACK;
    }
}

static void model_reset(ModelCall *call)
{
    double delay = model_delay();
    CHECK(TorcDelayedCall_reset(call->handle, delay) == 0);
    model_scheduled(call, model_due(delay));
}

static void model_shift(ModelCall *call)
{
    double seconds = 0.5 * model_random(12) - 3.0;
    CHECK(TorcDelayedCall_delay(call->handle, seconds) == 0);
    int64_t deadline = call->deadline;
    if (deadline != TORC__NEVER)
        deadline += (int64_t)(seconds * 1e9);
    model_scheduled(call, deadline < fake.now ? fake.now : deadline);
}

static void model_ask_ended(const ModelCall *call)
{
    int answer = TorcDelayedCall_cancel(call->handle);
    int remembered = call->state == MADE         ? -TORC_EALREADYCALLED
                     : call->state == TAKEN_BACK ? -TORC_EALREADYCANCELLED
                                                 : -TORC_ESTALE;
    CHECK(answer == remembered || answer == -TORC_ESTALE);
}

static void model_operate(void)
{
    ModelCall *call = &model.calls[model_random(MODEL_CALLS)];
    model.operations++;
    if (model_random(500) == 0)
        model_cancel_list((int)model_random(MODEL_LISTS));
    if (call->state != PENDING) {
        model_ask_ended(call);
        if (!call->owing) /* the call that is being made */
            model_schedule(call);
        return;
    }
    double due;
    CHECK(TorcDelayedCall_getTime(call->handle, &due) == 0);
    CHECK(call->deadline == TORC__NEVER ? isinf(due) : due == (double)call->deadline / 1e9);
    switch (model_random(3)) {
    case 0: model_cancel(call); break;
    case 1: model_reset(call); break;
    default: model_shift(call); break;
    }
}

static void model_called(void *arg)
{
    ModelCall *call = arg;
    CHECK(call == model_next());
    CHECK(TorcDelayedCall_cancel(call->handle) == -TORC_EALREADYCALLED);
    call->state = MADE;
    model.made++;
    for (unsigned i = model_random(3); i > 0; i--)
        model_operate();
}

static void model_pass_time(void)
{
    fake.now += (int64_t)(0.5e9 * model_random(4));
    model.in_round = true;
    model.round++;
    torc__timers_runDue(&reactor->timers, fake.now);
    CHECK(!model_next());
    model.in_round = false;
}

START_TEST(random_operations_agree_with_a_sorted_list) /* BUG-15 */
{
    model.random = UINT64_C(0x5eed0fa11ca115);
    while (model.operations < MODEL_OPERATIONS) {
        for (unsigned i = model_random(40); i > 0; i--)
            model_operate();
        ModelCall *earliest = model_next();
        CHECK(torc__timers_earliest(&reactor->timers) ==
              (earliest ? earliest->deadline : TORC__NEVER));
        model_pass_time();
    }
    ck_assert_int_gt(model.made, MODEL_OPERATIONS / 10); /* it was no idle model */
}
END_TEST

static int counted;

static void count_call(void *arg)
{
    (void)arg;
    counted++;
}

START_TEST(many_calls_are_made_in_order) /* TIME-2 */
{
    enum { MANY = 50000 };
    model.random = UINT64_C(88172645463325252);
    for (int i = 0; i < MANY; i++) {
        int64_t delay = model_random(1000000);
        CHECK(torc__callLater(reactor, delay, count_call, NULL, NULL, NULL, NULL) == 0);
    }
    int64_t previous = 0;
    while (counted < MANY) {
        int64_t earliest = torc__timers_earliest(&reactor->timers);
        int before = counted;
        CHECK(earliest > previous && earliest != TORC__NEVER);
        previous = fake.now = earliest;
        FakeReactor_advance(&fake, 0);
        CHECK(counted > before);
    }
    ck_assert_uint_eq(TorcReactor_getDelayedCalls(reactor, NULL, 0), 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("timers against a model");
    tcase_set_timeout(tcase, 50);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, random_operations_agree_with_a_sorted_list);
    tcase_add_test(tcase, many_calls_are_made_in_order);
    return run_case("timers_model", tcase);
}
