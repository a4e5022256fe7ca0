/* Does the kit find bugs? One of each kind is planted into the swarm, and must be found and named.
 *
 * What a failing run says goes to stderr, which is a file here. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "swarm.h"
#include "test_suite.h"
#include "testing/sim_internal.h"

enum { SEEDS = 60 };

static char said[64 * 1024];

/* ---- running ------------------------------------------------------------------------------- */

static void read_said(FILE *file)
{
    rewind(file);
    said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
    fclose(file);
}

/* Runs seeds until one finds the bug. False: none did. */
static bool found(const SwarmBug *bug)
{
    SwarmPlan plan = {.bug = bug};
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    ck_assert(file && saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    bool passed = torc_sim_runSeedsWith(SWARM_SIM_OPTIONS(), 1, SEEDS, swarm_run, &plan);
    dup2(saved, STDERR_FILENO);
    close(saved);
    read_said(file);
    return !passed;
}

/* The report names what is wrong, how to repeat it, and what went before. */
static void check_said(const char *what)
{
    ck_assert_msg(strstr(said, what), "\"%s\" is not in: %.500s", what, said);
    ck_assert_ptr_nonnull(strstr(said, "to repeat it: TORC_SIM_SEED="));
    ck_assert_ptr_nonnull(strstr(said, "the end of the trace:"));
}

/* ---- a byte lost at a short write ---------------------------------------------------------- */

static TorcSystemOps faulty_ops;
static ssize_t (*real_send)(TorcSystem *system, int fd, const void *data, size_t length);

/* Off by one: of what the kernel left over the first byte counts as sent. */
static ssize_t faulty_send(TorcSystem *system, int fd, const void *data, size_t length)
{
    ssize_t n = real_send(system, fd, data, length);
    return n > 0 && (size_t)n < length ? n + 1 : n;
}

static void lose_bytes(TorcSim *sim)
{
    TorcSystem *system = torc__sim_system(sim);
    faulty_ops = *system->ops;
    real_send = faulty_ops.send;
    faulty_ops.send = faulty_send;
    system->ops = &faulty_ops;
}

START_TEST(a_byte_lost_at_a_short_write_is_found)
{
    ck_assert(found(&(SwarmBug){.begin = lose_bytes}));
    check_said("received is not what was to come");
}
END_TEST

/* ---- an answer that is cut short ----------------------------------------------------------- */

typedef struct Tired {
    TorcProtocol base;
    size_t left;
} Tired;

static void tired_connectionMade(TorcProtocol *self)
{
    ((Tired *)self)->left = 200;
}

static void tired_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    Tired *tired = (Tired *)self;
    size_t echoed = length < tired->left ? length : tired->left;
    tired->left -= echoed;
    TorcTransport_write(self->transport, data, echoed);
}

static const TorcProtocolClass tired_class = {
    TORC_PROTOCOL_SUBCLASS("tired", Tired, &torc_echo_class),
    .connectionMade = tired_connectionMade,
    .dataReceived = tired_dataReceived,
};

START_TEST(an_answer_that_is_cut_short_is_found)
{
    ck_assert(found(&(SwarmBug){.echo = &tired_class}));
    check_said("echo: ended in order, but 200 of ");
}
END_TEST

/* ---- connectionLost twice ------------------------------------------------------------------ */

/* A wrapper as policies are: it stands between the transport and a protocol that it forwards to. */
typedef struct Wrapper {
    TorcProtocol base;
    TorcProtocol *inner;
} Wrapper;

typedef struct WrapperFactory {
    TorcFactory base;
    TorcFactory *inner;
} WrapperFactory;

static TorcProtocol *inner_of(TorcProtocol *self)
{
    TorcProtocol *inner = ((Wrapper *)self)->inner;
    inner->transport = self->transport;
    return inner;
}

static void wrapper_connectionMade(TorcProtocol *self)
{
    TorcProtocol *inner = inner_of(self);
    inner->cls->connectionMade(inner);
}

static void wrapper_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    TorcProtocol *inner = inner_of(self);
    inner->cls->dataReceived(inner, data, length);
}

static void wrapper_readConnectionLost(TorcProtocol *self)
{
    TorcProtocol *inner = inner_of(self);
    inner->cls->readConnectionLost(inner);
}

static void wrapper_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    TorcProtocol *inner = inner_of(self);
    inner->cls->connectionLost(inner, reason);
    inner->cls->connectionLost(inner, reason); /* the bug */
}

static void wrapper_destroy(TorcProtocol *self)
{
    TorcProtocol_free(((Wrapper *)self)->inner);
}

static const TorcProtocolClass wrapper_class = {
    TORC_PROTOCOL_CLASS("wrapper", Wrapper),  .connectionMade = wrapper_connectionMade,
    .dataReceived = wrapper_dataReceived,     .readConnectionLost = wrapper_readConnectionLost,
    .connectionLost = wrapper_connectionLost, .destroy = wrapper_destroy,
};

static int wrapper_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                                 TorcProtocol **ret_protocol)
{
    TorcProtocol *wrapper = TorcProtocol_new(&wrapper_class, self);
    *ret_protocol = wrapper;
    return TorcFactory_buildProtocol(((WrapperFactory *)self)->inner, peer,
                                     &((Wrapper *)wrapper)->inner);
}

static void wrapper_factory_destroy(TorcFactory *self)
{
    TorcFactory_unref(((WrapperFactory *)self)->inner);
}

static const TorcFactoryClass wrapper_factory_class = {
    TORC_FACTORY_CLASS("wrapper", WrapperFactory),
    .buildProtocol = wrapper_buildProtocol,
    .destroy = wrapper_factory_destroy,
};

static TorcFactory *wrap(TorcFactory *factory)
{
    WrapperFactory *wrapper = (WrapperFactory *)TorcFactory_new(&wrapper_factory_class);
    wrapper->inner = factory;
    return &wrapper->base;
}

START_TEST(a_second_connectionLost_is_found)
{
    ck_assert(found(&(SwarmBug){.wrap = wrap}));
    check_said("connectionLost after 1 connectionMade and 1 connectionLost");
}
END_TEST

/* ---- a timer that outlives its protocol ---------------------------------------------------- */

static void nag(void *arg)
{
    TorcProtocol *self = arg; /* freed long ago */
    TorcTransport_write(self->transport, "still there?\n", 13);
}

/* Neither bound to the protocol nor cancelled when its connection is lost. */
static void forgetful_connectionMade(TorcProtocol *self)
{
    TorcReactor_callLater(TorcTransport_getReactor(self->transport), 3600, nag, self, NULL);
}

static const TorcProtocolClass forgetful_class = {
    TORC_PROTOCOL_SUBCLASS("forgetful", TorcProtocol, &torc_echo_class),
    .connectionMade = forgetful_connectionMade,
};

START_TEST(a_timer_that_outlives_its_protocol_is_found)
{
    ck_assert(found(&(SwarmBug){.echo = &forgetful_class}));
    check_said("things are left:\ndelayed call in ");
}
END_TEST

/* ---- no back-pressure ---------------------------------------------------------------------- */

static void ignore(TorcProtocol *self)
{
    (void)self;
}

/* An echo that goes on reading while its output waits. */
static const TorcProtocolClass greedy_class = {
    TORC_PROTOCOL_SUBCLASS("greedy", TorcProtocol, &torc_echo_class),
    .pauseProducing = ignore,
    .resumeProducing = ignore,
};

START_TEST(an_echo_that_does_not_slow_its_client_down_is_found)
{
    ck_assert(found(&(SwarmBug){.echo = &greedy_class}));
    check_said("cut off instead of slowed down");
}
END_TEST

/* ---- control ------------------------------------------------------------------------------- */

START_TEST(without_a_bug_nothing_is_found)
{
    ck_assert(!found(&(SwarmBug){.wrap = NULL}));
    ck_assert_str_eq(said, "");
}
END_TEST

RUN_TESTS("planted bugs", NULL, NULL, a_byte_lost_at_a_short_write_is_found,
          an_answer_that_is_cut_short_is_found, a_second_connectionLost_is_found,
          a_timer_that_outlives_its_protocol_is_found,
          an_echo_that_does_not_slow_its_client_down_is_found, without_a_bug_nothing_is_found)
