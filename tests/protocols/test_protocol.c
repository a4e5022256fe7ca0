/* Protocol instances: birth, death, kinship. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include <torc/factories/factory.h>
#include <torc/protocols/echo.h>
#include <torc/protocols/protocol.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "protocols/class_internal.h"

typedef struct Named {
    TorcProtocol base;
    char name[40];
} Named;

static char destroyed[64];

static void named_destroy(TorcProtocol *self)
{
    ck_assert_ptr_null(self->transport);
    ck_assert_ptr_nonnull(self->factory);
    strcat(destroyed, "named ");
}

static void child_destroy(TorcProtocol *self)
{
    ck_assert_str_eq(((Named *)self)->name, "ann");
    strcat(destroyed, "child ");
}

static const TorcProtocolClass named_class = {
    TORC_PROTOCOL_CLASS("named", Named),
    .destroy = named_destroy,
};
static const TorcProtocolClass middle_class = {
    TORC_PROTOCOL_SUBCLASS("middle", Named, &named_class),
};
static const TorcProtocolClass child_class = {
    TORC_PROTOCOL_SUBCLASS("child", Named, &middle_class),
    .destroy = child_destroy,
};

static TorcFactory *factory;

static void setup(void)
{
    factory = TorcFactory_forProtocol(&child_class);
    ck_assert_ptr_nonnull(factory);
    destroyed[0] = '\0';
}

static void teardown(void)
{
    ck_assert_uint_eq(factory->references, 1);
    TorcFactory_unref(factory);
}

START_TEST(an_instance_is_zeroed_behind_its_base)
{
    Named *named = (Named *)TorcProtocol_new(&named_class, factory);
    static const char zeroes[sizeof(named->name)];

    ck_assert_mem_eq(named->name, zeroes, sizeof(zeroes));
    ck_assert_ptr_null(named->base.transport);
    ck_assert_str_eq(named->base.cls->name, "named");
    TorcProtocol_free(&named->base);
}
END_TEST

START_TEST(a_protocol_keeps_its_factory_alive)
{
    TorcProtocol *protocol = TorcProtocol_new(&torc_echo_class, factory);

    ck_assert_ptr_eq(protocol->factory, factory);
    ck_assert_uint_eq(factory->references, 2);
    TorcProtocol_free(protocol);
    ck_assert_uint_eq(factory->references, 1);
}
END_TEST

START_TEST(the_last_protocol_frees_a_factory_that_its_maker_has_dropped)
{
    FailingMemory_start(-1);
    TorcFactory *dropped = TorcFactory_forProtocol(&child_class); /* resolved before */
    TorcProtocol *protocol = TorcProtocol_new(&torc_echo_class, dropped);
    long classes = FailingMemory_live() - 2; /* those that were resolved only now */
    TorcFactory_unref(dropped);
    ck_assert_int_eq(FailingMemory_live(), classes + 2);
    TorcProtocol_free(protocol);
    ck_assert_int_eq(FailingMemory_live(), classes);
    FailingMemory_stop();
}
END_TEST

START_TEST(destroy_runs_from_the_class_up_to_its_parents)
{
    Named *named = (Named *)TorcProtocol_new(&child_class, factory);

    strcpy(named->name, "ann");
    named->base.transport = (TorcTransport *)destroyed; /* any: destroy must not see it */
    TorcProtocol_free(&named->base);
    ck_assert_str_eq(destroyed, "child named ");
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    TorcProtocol_free(NULL);
}
END_TEST

START_TEST(kinship_follows_the_parents)
{
    TorcProtocol *protocol = TorcProtocol_new(&middle_class, factory);

    ck_assert(TorcProtocol_isInstance(protocol, &middle_class));
    ck_assert(TorcProtocol_isInstance(protocol, &named_class));
    ck_assert(TorcProtocol_isInstance(protocol, &torc_protocol_class));
    ck_assert(TorcProtocol_isInstance(protocol, protocol->cls));
    ck_assert(!TorcProtocol_isInstance(protocol, &child_class));
    ck_assert(!TorcProtocol_isInstance(protocol, &torc_echo_class));
    ck_assert(!TorcProtocol_isInstance(protocol, NULL));
    ck_assert(!TorcProtocol_isInstance(NULL, &named_class));
    TorcProtocol_free(protocol);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    TorcProtocolClass bad = named_class;
    bad.instance_size = 1;

    errno = 0;
    ck_assert_ptr_null(TorcProtocol_new(NULL, factory));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcProtocol_new(&named_class, NULL));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcProtocol_new(&bad, factory));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(out_of_memory_is_told)
{
    FailingMemory_start(0);
    errno = 0;
    ck_assert_ptr_null(TorcProtocol_new(&child_class, factory));
    ck_assert_int_eq(errno, ENOMEM);
    FailingMemory_stop();
}
END_TEST

/* ---- the parent's slots --------------------------------------------------------------------- */

static char called[64];

static const TorcProtocolClass upper_class;
static const TorcProtocolClass lower_class;

static void upper_connectionMade(TorcProtocol *self)
{
    strcat(called, "upper ");
    TorcProtocol_super(self, &upper_class)->connectionMade(self); /* the root's */
}

static void lower_connectionMade(TorcProtocol *self)
{
    strcat(called, "lower ");
    TorcProtocol_super(self, &lower_class)->connectionMade(self);
}

static const TorcProtocolClass upper_class = {
    TORC_PROTOCOL_CLASS("upper", TorcProtocol),
    .connectionMade = upper_connectionMade,
};
static const TorcProtocolClass between_class = {
    TORC_PROTOCOL_SUBCLASS("between", TorcProtocol, &upper_class),
};
static const TorcProtocolClass lower_class = {
    TORC_PROTOCOL_SUBCLASS("lower", TorcProtocol, &between_class),
    .connectionMade = lower_connectionMade,
};
static const TorcProtocolClass lowest_class = {
    TORC_PROTOCOL_SUBCLASS("lowest", TorcProtocol, &lower_class),
};

START_TEST(an_override_calls_the_parents_slot_once_whoever_inherits_it)
{
    static const TorcProtocolClass *const classes[] = {&lower_class, &lowest_class};
    for (int i = 0; i < 2; i++) {
        TorcProtocol *protocol = TorcProtocol_new(classes[i], factory);
        called[0] = '\0';
        protocol->cls->connectionMade(protocol);
        ck_assert_str_eq(called, "lower upper ");
        TorcProtocol_free(protocol);
    }
}
END_TEST

START_TEST(the_resolved_table_names_a_class_as_well)
{
    TorcProtocol *protocol = TorcProtocol_new(&lower_class, factory);

    ck_assert_str_eq(TorcProtocol_super(protocol, &lower_class)->name, "between");
    ck_assert_ptr_eq(TorcProtocol_super(protocol, protocol->cls),
                     TorcProtocol_super(protocol, &lower_class));
    TorcProtocol_free(protocol);
}
END_TEST

START_TEST(above_the_root_and_above_strangers_there_is_the_root)
{
    TorcProtocol *protocol = TorcProtocol_new(&torc_echo_class, factory);

    ck_assert_str_eq(TorcProtocol_super(protocol, &torc_protocol_class)->name, "protocol");
    ck_assert_str_eq(TorcProtocol_super(protocol, &lower_class)->name, "protocol");
    ck_assert_str_eq(TorcProtocol_super(protocol, NULL)->name, "protocol");
    ck_assert_str_eq(TorcProtocol_super(NULL, &lower_class)->name, "protocol");
    TorcProtocol_free(protocol);
}
END_TEST

START_TEST(the_roots_slots_can_be_called)
{
    TorcProtocol *protocol = TorcProtocol_new(&torc_protocol_class, factory);

    protocol->cls->connectionMade(protocol);
    protocol->cls->dataReceived(protocol, "x", 1);
    protocol->cls->connectionLost(protocol, NULL);
    ck_assert(!protocol->cls->readConnectionLost);
    TorcProtocol_free(protocol);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("protocol");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_instance_is_zeroed_behind_its_base);
    tcase_add_test(tests, a_protocol_keeps_its_factory_alive);
    tcase_add_test(tests, the_last_protocol_frees_a_factory_that_its_maker_has_dropped);
    tcase_add_test(tests, destroy_runs_from_the_class_up_to_its_parents);
    tcase_add_test(tests, freeing_nothing_is_fine);
    tcase_add_test(tests, kinship_follows_the_parents);
    tcase_add_test(tests, bad_arguments_are_refused);
    tcase_add_test(tests, out_of_memory_is_told);
    tcase_add_test(tests, an_override_calls_the_parents_slot_once_whoever_inherits_it);
    tcase_add_test(tests, the_resolved_table_names_a_class_as_well);
    tcase_add_test(tests, above_the_root_and_above_strangers_there_is_the_root);
    tcase_add_test(tests, the_roots_slots_can_be_called);
    return run_case("protocol", tests);
}
