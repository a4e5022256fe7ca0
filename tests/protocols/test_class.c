/* Class tables: inheritance, what is refused, and tables that change. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <torc/factories/factory.h>
#include <torc/protocols/line_receiver.h>
#include <torc/reactor/errors.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "protocols/class_internal.h"
#include "protocols/line_common_internal.h"

static int calls;

static void count_made(TorcProtocol *self)
{
    (void)self;
    calls++;
}

static void count_twice(TorcProtocol *self)
{
    (void)self;
    calls += 2;
}

typedef struct Grown {
    TorcProtocol base;
    int more[8];
} Grown;

static const TorcProtocolClass parent_class = {
    TORC_PROTOCOL_CLASS("parent", Grown),
    .connectionMade = count_made,
    .readConnectionLost = count_twice,
};

static const TorcProtocolClass child_class = {
    TORC_PROTOCOL_SUBCLASS("child", Grown, &parent_class),
    .readConnectionLost = count_made,
};

static const TorcProtocolClass *resolved(const TorcProtocolClass *cls)
{
    const TorcProtocolClass *result = NULL;

    ck_assert_int_eq(torc__protocolClass_resolve(cls, &result), 0);
    return result;
}

static int refusal(const TorcProtocolClass *cls)
{
    const TorcProtocolClass *untouched = &child_class;
    int r = torc__protocolClass_resolve(cls, &untouched);

    ck_assert_ptr_eq(untouched, &child_class);
    return r;
}

/* ---- inheritance --------------------------------------------------------------------------- */

START_TEST(a_slot_left_out_is_inherited)
{
    const TorcProtocolClass *child = resolved(&child_class);

    ck_assert(child->connectionMade == count_made);
    ck_assert(child->dataReceived == torc_protocol_class.dataReceived);
    ck_assert(!child->pauseProducing);
}
END_TEST

START_TEST(a_slot_filled_in_overrides)
{
    ck_assert(resolved(&child_class)->readConnectionLost == count_made);
}
END_TEST

START_TEST(the_head_is_a_classs_own)
{
    const TorcProtocolClass *child = resolved(&child_class);

    ck_assert_str_eq(child->name, "child");
    ck_assert_uint_eq(child->instance_size, sizeof(Grown));
    ck_assert_ptr_eq(child->parent, resolved(&parent_class));
    ck_assert_ptr_eq(child->parent->parent, resolved(&torc_protocol_class));
    ck_assert_ptr_null(child->parent->parent->parent);
}
END_TEST

START_TEST(a_table_is_resolved_once)
{
    const TorcProtocolClass *child = resolved(&child_class);

    FailingMemory_start(0);
    ck_assert_ptr_eq(resolved(&child_class), child);
    ck_assert_int_eq(FailingMemory_allocations(), 0);
    FailingMemory_stop();
}
END_TEST

START_TEST(a_resolved_table_resolves_to_itself)
{
    const TorcProtocolClass *child = resolved(&child_class);

    ck_assert_ptr_eq(resolved(child), child);
    ck_assert_ptr_eq(torc__class_find(child, &child_class), child);
}
END_TEST

START_TEST(a_resolved_table_may_be_a_parent)
{
    TorcProtocolClass made = {TORC_PROTOCOL_SUBCLASS("made", Grown, resolved(&parent_class))};

    ck_assert_ptr_eq(resolved(&made)->parent, resolved(&parent_class));
    ck_assert(resolved(&made)->connectionMade == count_made);
}
END_TEST

/* A table with slots of its own, of which a later class fills in one. */
typedef struct WideClass {
    TorcProtocolClass protocol;
    void (*first)(TorcProtocol *self);
    void (*second)(TorcProtocol *self);
} WideClass;

static const WideClass wide_class = {
    .protocol.class_size = sizeof(WideClass),
    .protocol.instance_size = sizeof(Grown),
    .protocol.name = "wide",
    .protocol.parent = &parent_class,
    .first = count_made,
    .second = count_made,
};

static const WideClass wider_class = {
    .protocol.class_size = sizeof(WideClass),
    .protocol.instance_size = sizeof(Grown),
    .protocol.name = "wider",
    .protocol.parent = &wide_class.protocol,
    .second = count_twice,
};

START_TEST(slots_of_the_programs_own_are_inherited_too)
{
    const WideClass *wider = (const WideClass *)resolved(&wider_class.protocol);

    ck_assert(wider->protocol.connectionMade == count_made);
    ck_assert(wider->first == count_made);
    ck_assert(wider->second == count_twice);
}
END_TEST

START_TEST(destroy_is_not_inherited)
{
    static const TorcProtocolClass parent = {
        TORC_PROTOCOL_CLASS("with destroy", Grown),
        .destroy = count_made,
    };
    static const TorcProtocolClass child = {TORC_PROTOCOL_SUBCLASS("without", Grown, &parent)};

    ck_assert(!resolved(&child)->destroy);
    ck_assert(resolved(&child)->parent->destroy == count_made);
}
END_TEST

/* ---- settings of line receivers ------------------------------------------------------------ */

static const TorcLineReceiverClass counted_class = {
    TORC_LINE_RECEIVER_CLASS("counted", TorcLineReceiver),
    .delimiter = "a\0b",
    .delimiterLength = 3,
};

static TorcLineRules rules_of(const TorcLineReceiverClass *cls)
{
    TorcLineState state = {0};

    return torc__line_rules(resolved(&cls->protocol), &state);
}

START_TEST(the_roots_settings_are_crlf_and_16384)
{
    TorcLineRules rules = rules_of(&torc_line_receiver_class);

    ck_assert_uint_eq(rules.delimiter_length, 2);
    ck_assert_str_eq(rules.delimiter, "\r\n");
    ck_assert_uint_eq(rules.max_length, 16384);
}
END_TEST

START_TEST(a_delimiter_is_inherited_with_its_length)
{
    static const TorcLineReceiverClass child = {
        TORC_LINE_RECEIVER_SUBCLASS("child", TorcLineReceiver, &counted_class),
        .maxLength = 10,
    };
    TorcLineRules rules = rules_of(&child);

    ck_assert_uint_eq(rules.delimiter_length, 3);
    ck_assert_mem_eq(rules.delimiter, "a\0b", 3);
    ck_assert_uint_eq(rules.max_length, 10);
}
END_TEST

START_TEST(a_new_delimiter_does_not_inherit_the_length_of_the_old_one)
{
    static const TorcLineReceiverClass child = {
        TORC_LINE_RECEIVER_SUBCLASS("child", TorcLineReceiver, &counted_class),
        .delimiter = "\n",
    };

    ck_assert_uint_eq(rules_of(&counted_class).delimiter_length, 3);
    ck_assert_uint_eq(rules_of(&child).delimiter_length, 1);
}
END_TEST

START_TEST(what_was_looked_up_once_is_what_is_found_the_next_time)
{
    const TorcProtocolClass *cls = resolved(&counted_class.protocol);
    TorcLineState state = {0};

    ck_assert_uint_eq(torc__line_rules(cls, &state).delimiter_length, 3);
    ck_assert_uint_eq(torc__line_rules(cls, &state).delimiter_length, 3);
    ck_assert_uint_eq(state.delimiterLength, 3);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------ */

START_TEST(no_table_is_refused)
{
    ck_assert_int_eq(refusal(NULL), -EINVAL);
}
END_TEST

START_TEST(sizes_that_cannot_be_right_are_refused)
{
    TorcProtocolClass cls = child_class;

    cls.class_size = sizeof(TorcProtocolClass) - sizeof(void *);
    ck_assert_int_eq(refusal(&cls), -TORC_ECLASS);
    cls.class_size = sizeof(TorcProtocolClass) + 1;
    ck_assert_int_eq(refusal(&cls), -TORC_ECLASS);
    cls.class_size = SIZE_MAX - 7;
    ck_assert_int_eq(refusal(&cls), -TORC_ECLASS);
    cls.class_size = 0;
    ck_assert_int_eq(refusal(&cls), -TORC_ECLASS);
}
END_TEST

START_TEST(an_instance_smaller_than_the_parents_is_refused)
{
    TorcProtocolClass cls = child_class;

    cls.instance_size = sizeof(Grown) - 1;
    ck_assert_int_eq(refusal(&cls), -TORC_ECLASS);
}
END_TEST

START_TEST(a_table_smaller_than_the_parents_is_refused)
{
    TorcProtocolClass cls = {
        TORC_PROTOCOL_SUBCLASS("small", TorcLineReceiver, &torc_line_receiver_class.protocol)};

    ck_assert_int_eq(refusal(&cls), -TORC_ECLASS);
}
END_TEST

START_TEST(a_table_without_a_name_is_refused)
{
    TorcProtocolClass cls = child_class;

    cls.name = NULL;
    ck_assert_int_eq(refusal(&cls), -TORC_ECLASS);
}
END_TEST

START_TEST(parents_that_end_elsewhere_are_refused)
{
    TorcProtocolClass orphan = child_class;
    orphan.parent = NULL;
    TorcProtocolClass child = {TORC_PROTOCOL_SUBCLASS("child", Grown, &orphan)};

    ck_assert_int_eq(refusal(&orphan), -TORC_ECLASS);
    ck_assert_int_eq(refusal(&child), -TORC_ECLASS);
}
END_TEST

START_TEST(parents_in_a_circle_are_refused)
{
    TorcProtocolClass one = child_class;
    TorcProtocolClass two = child_class;

    one.parent = &two;
    two.parent = &one;
    ck_assert_int_eq(refusal(&one), -TORC_ECLASS);
}
END_TEST

START_TEST(a_factorys_table_is_not_a_protocols)
{
    const void *factory_class = &torc_factory_class;
    TorcFactory *factory = TorcFactory_new(&torc_factory_class);

    ck_assert_int_eq(refusal(factory_class), -TORC_ECLASS);
    factory_class = factory->cls; /* resolved */
    ck_assert_int_eq(refusal(factory_class), -TORC_ECLASS);
    TorcFactory_unref(factory);
}
END_TEST

START_TEST(out_of_memory_is_told_and_can_be_tried_again)
{
    static const TorcProtocolClass fresh = {TORC_PROTOCOL_CLASS("fresh", Grown)};

    (void)resolved(&torc_protocol_class);
    FailingMemory_start(0);
    ck_assert_int_eq(refusal(&fresh), -ENOMEM);
    FailingMemory_stop();
    ck_assert_str_eq(resolved(&fresh)->name, "fresh");
}
END_TEST

/* ---- change -------------------------------------------------------------------------------- */

START_TEST(another_table_at_the_same_address_is_resolved_anew)
{
    static TorcProtocolClass plugin = {TORC_PROTOCOL_CLASS("first", Grown)};
    const TorcProtocolClass *first = resolved(&plugin);

    plugin.connectionMade = count_twice;
    const TorcProtocolClass *second = resolved(&plugin);
    ck_assert_ptr_ne(second, first);
    ck_assert(second->connectionMade == count_twice);
    ck_assert(first->connectionMade == torc_protocol_class.connectionMade);

    plugin.connectionMade = NULL;
    ck_assert_ptr_eq(resolved(&plugin), first);
}
END_TEST

START_TEST(a_parent_that_changed_is_noticed_through_its_child)
{
    static TorcProtocolClass plugin = {TORC_PROTOCOL_CLASS("plugin", Grown)};
    static const TorcProtocolClass child = {TORC_PROTOCOL_SUBCLASS("child", Grown, &plugin)};

    ck_assert(resolved(&child)->connectionMade != count_twice);
    plugin.connectionMade = count_twice;
    ck_assert(resolved(&child)->connectionMade == count_twice);
}
END_TEST

/* ---- threads ------------------------------------------------------------------------------- */

enum { THREADS = 8, TABLES = 200 };
static TorcProtocolClass tables[TABLES];

static void *resolve_tables(void *arg)
{
    const TorcProtocolClass **results = arg;

    for (int i = 0; i < TABLES; i++)
        if (torc__protocolClass_resolve(&tables[i], &results[i]) != 0)
            return NULL;
    return results;
}

START_TEST(threads_that_resolve_at_once_get_the_same_tables)
{
    static const TorcProtocolClass *results[THREADS][TABLES];
    pthread_t threads[THREADS];

    for (int i = 0; i < TABLES; i++)
        tables[i] = child_class;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, resolve_tables, results[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_nonnull(result);
        ck_assert_mem_eq(results[i], results[0], sizeof(results[0]));
    }
    for (int i = 1; i < TABLES; i++)
        ck_assert_ptr_ne(results[0][i], results[0][i - 1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("class");
    TCase *inheritance = tcase_create("inheritance");
    TCase *refusals = tcase_create("refusals");
    TCase *change = tcase_create("change");

    tcase_add_test(inheritance, a_slot_left_out_is_inherited);
    tcase_add_test(inheritance, a_slot_filled_in_overrides);
    tcase_add_test(inheritance, the_head_is_a_classs_own);
    tcase_add_test(inheritance, a_table_is_resolved_once);
    tcase_add_test(inheritance, a_resolved_table_resolves_to_itself);
    tcase_add_test(inheritance, a_resolved_table_may_be_a_parent);
    tcase_add_test(inheritance, slots_of_the_programs_own_are_inherited_too);
    tcase_add_test(inheritance, destroy_is_not_inherited);
    tcase_add_test(inheritance, the_roots_settings_are_crlf_and_16384);
    tcase_add_test(inheritance, a_delimiter_is_inherited_with_its_length);
    tcase_add_test(inheritance, a_new_delimiter_does_not_inherit_the_length_of_the_old_one);
    tcase_add_test(inheritance, what_was_looked_up_once_is_what_is_found_the_next_time);
    tcase_add_test(refusals, no_table_is_refused);
    tcase_add_test(refusals, sizes_that_cannot_be_right_are_refused);
    tcase_add_test(refusals, an_instance_smaller_than_the_parents_is_refused);
    tcase_add_test(refusals, a_table_smaller_than_the_parents_is_refused);
    tcase_add_test(refusals, a_table_without_a_name_is_refused);
    tcase_add_test(refusals, parents_that_end_elsewhere_are_refused);
    tcase_add_test(refusals, parents_in_a_circle_are_refused);
    tcase_add_test(refusals, a_factorys_table_is_not_a_protocols);
    tcase_add_test(refusals, out_of_memory_is_told_and_can_be_tried_again);
    tcase_add_test(change, another_table_at_the_same_address_is_resolved_anew);
    tcase_add_test(change, a_parent_that_changed_is_noticed_through_its_child);
    tcase_add_test(change, threads_that_resolve_at_once_get_the_same_tables);
    suite_add_tcase(suite, inheritance);
    suite_add_tcase(suite, refusals);
    suite_add_tcase(suite, change);

    return run_suite(suite);
}
