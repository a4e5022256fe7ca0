/* Factory: counting, buildProtocol, what is refused. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <torc/factories/factory.h>
#include <torc/protocols/echo.h>
#include <torc/protocols/line_receiver.h>
#include <torc/reactor/errors.h>
#include <torc/reactor/log.h>
#include <torc/testing/sim.h>
#include <torc/transports/tcp.h>
#include <torc/transports/transport.h>

#include "../support/failing_memory.h"

typedef struct Room {
    TorcFactory base;
    int people;
    TorcProtocol *next; /* what buildProtocol answers */
    int code;
} Room;

static char log_text[128];

static void room_startFactory(TorcFactory *self)
{
    (void)self;
    strcat(log_text, "start ");
}

static void room_stopFactory(TorcFactory *self)
{
    (void)self;
    strcat(log_text, "stop ");
}

static int room_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                              TorcProtocol **ret_protocol)
{
    Room *room = (Room *)self;

    ck_assert_ptr_nonnull(peer);
    if (room->code == 0)
        *ret_protocol = room->next;
    return room->code;
}

static void room_destroy(TorcFactory *self)
{
    (void)self;
    strcat(log_text, "room ");
}

static void hall_destroy(TorcFactory *self)
{
    (void)self;
    strcat(log_text, "hall ");
}

static const TorcFactoryClass room_class = {
    TORC_FACTORY_CLASS("room", Room),  .protocol = &torc_echo_class,
    .startFactory = room_startFactory, .stopFactory = room_stopFactory,
    .destroy = room_destroy,
};
static const TorcFactoryClass hall_class = {
    TORC_FACTORY_SUBCLASS("hall", Room, &room_class),
    .buildProtocol = room_buildProtocol,
    .destroy = hall_destroy,
};

static const TorcAddress peer;

static void setup(void)
{
    log_text[0] = '\0';
}

START_TEST(a_factory_begins_zeroed_with_one_reference)
{
    Room *room = (Room *)TorcFactory_new(&room_class);

    ck_assert_int_eq(room->people, 0);
    ck_assert_ptr_null(room->next);
    ck_assert_uint_eq(room->base.references, 1);
    ck_assert_uint_eq(room->base.numPorts, 0);
    ck_assert_str_eq(room->base.cls->name, "room");
    TorcFactory_unref(&room->base);
}
END_TEST

START_TEST(the_last_reference_frees_and_destroy_is_chained)
{
    TorcFactory *factory = TorcFactory_new(&hall_class);

    ck_assert_ptr_eq(TorcFactory_ref(factory), factory);
    ck_assert_ptr_null(TorcFactory_unref(factory));
    ck_assert_str_eq(log_text, "");
    ck_assert_ptr_null(TorcFactory_unref(factory));
    ck_assert_str_eq(log_text, "hall room ");
    ck_assert_ptr_null(TorcFactory_unref(NULL));
    ck_assert_ptr_null(TorcFactory_ref(NULL));
}
END_TEST

START_TEST(the_first_start_starts_and_the_last_stop_stops) /* FAC-1, FAC-2 */
{
    TorcFactory *factory = TorcFactory_new(&room_class);

    TorcFactory_doStart(factory);
    TorcFactory_doStart(factory);
    ck_assert_uint_eq(factory->numPorts, 2);
    ck_assert_str_eq(log_text, "start ");
    TorcFactory_doStop(factory);
    ck_assert_str_eq(log_text, "start ");
    TorcFactory_doStop(factory);
    ck_assert_str_eq(log_text, "start stop ");
    TorcFactory_doStart(factory);
    TorcFactory_doStop(factory);
    ck_assert_str_eq(log_text, "start stop start stop ");
    TorcFactory_unref(factory);
}
END_TEST

START_TEST(a_stop_without_a_start_does_nothing) /* FAC-1 */
{
    TorcFactory *factory = TorcFactory_new(&room_class);

    TorcFactory_doStop(factory);
    ck_assert_uint_eq(factory->numPorts, 0);
    ck_assert_str_eq(log_text, "");
    TorcFactory_doStart(factory);
    ck_assert_str_eq(log_text, "start ");
    TorcFactory_doStart(NULL);
    TorcFactory_doStop(NULL);
    TorcFactory_unref(factory);
}
END_TEST

static const TorcFactoryClass annex_class;

static void annex_startFactory(TorcFactory *self)
{
    strcat(log_text, "annex ");
    TorcFactory_super(self, &annex_class)->startFactory(self);
}

static const TorcFactoryClass annex_class = {
    TORC_FACTORY_SUBCLASS("annex", Room, &hall_class),
    .startFactory = annex_startFactory,
};

START_TEST(an_override_calls_the_parents_slot)
{
    static const TorcFactoryClass below_class = {
        TORC_FACTORY_SUBCLASS("below", Room, &annex_class),
    };
    TorcFactory *factory = TorcFactory_new(&below_class);

    TorcFactory_doStart(factory);
    ck_assert_str_eq(log_text, "annex start ");
    TorcFactory_doStop(factory);
    ck_assert_str_eq(TorcFactory_super(NULL, &annex_class)->name, "factory");
    TorcFactory_unref(factory);
}
END_TEST

START_TEST(the_default_builds_the_protocol_of_the_class) /* FAC-3 */
{
    TorcFactory *factory = TorcFactory_new(&room_class);
    TorcProtocol *protocol = NULL;

    ck_assert_int_eq(TorcFactory_buildProtocol(factory, &peer, &protocol), 0);
    ck_assert(TorcProtocol_isInstance(protocol, &torc_echo_class));
    ck_assert_ptr_eq(protocol->factory, factory);
    TorcProtocol_free(protocol);
    TorcFactory_unref(factory);
}
END_TEST

START_TEST(forProtocol_builds_that_protocol)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_line_receiver_class.protocol);
    TorcProtocol *protocol = NULL;

    ck_assert_int_eq(TorcFactory_buildProtocol(factory, &peer, &protocol), 0);
    ck_assert(TorcProtocol_isInstance(protocol, &torc_line_receiver_class.protocol));
    TorcProtocol_free(protocol);
    TorcFactory_unref(factory);
}
END_TEST

START_TEST(building_costs_one_allocation)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    TorcProtocol *protocol = NULL;

    FailingMemory_start(-1);
    ck_assert_int_eq(TorcFactory_buildProtocol(factory, &peer, &protocol), 0);
    ck_assert_int_eq(FailingMemory_allocations(), 1);
    TorcProtocol_free(protocol);
    ck_assert_int_eq(FailingMemory_live(), 0);
    FailingMemory_stop();
    TorcFactory_unref(factory);
}
END_TEST

START_TEST(without_a_protocol_the_default_fails) /* FAC-3 */
{
    TorcFactory *factory = TorcFactory_new(&torc_factory_class);
    TorcProtocol *untouched = (TorcProtocol *)log_text;

    ck_assert_int_eq(TorcFactory_buildProtocol(factory, &peer, &untouched), -EINVAL);
    ck_assert_ptr_eq(untouched, (TorcProtocol *)log_text);
    TorcFactory_unref(factory);
}
END_TEST

/* ---- tables that the program puts into the factory itself ----------------------------------- */

enum { PORT = 8881 };

static void sparse_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    ck_assert_int_eq(TorcTransport_write(self->transport, data, length), 0);
}

/* As written: all other slots are NULL. */
static const TorcProtocolClass sparse_class = {
    TORC_PROTOCOL_CLASS("sparse", TorcProtocol),
    .dataReceived = sparse_dataReceived,
};

static TorcSim *serve_table(const TorcProtocolClass *protocol)
{
    TorcSim *sim = TorcSim_new(1);
    TorcFactory *factory = TorcFactory_new(&torc_factory_class);

    factory->protocol = protocol;
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), PORT, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    return sim;
}

START_TEST(a_table_set_as_it_was_written_serves_connections)
{
    TorcSim *sim = serve_table(&sparse_class);

    for (int i = 0; i < 2; i++) {
        TorcSimPeer *client = TorcSim_connect(sim, PORT);
        TorcSimPeer_send(client, "hello");
        TorcSimPeer_shutdown(client);
        TorcSim_advance(sim, 1);
        ck_assert_str_eq(TorcSimPeer_received(client), "hello");
        ck_assert(TorcSimPeer_gotEnd(client));
    }
    TorcSim_free(sim);
}
END_TEST

static void keep_event(const TorcLogEvent *event, void *arg)
{
    TorcLogEvent_format(event, arg, 128);
}

START_TEST(a_table_that_does_not_fit_fails_each_connection_and_is_logged)
{
    TorcProtocolClass unfit = sparse_class;
    unfit.class_size = 8;
    TorcSim *sim = serve_table(&unfit);
    char expected[256];
    char event[128] = "";

    torc_setLogObserver(keep_event, event, TORC_LOG_WARNING);
    TorcSimPeer *client = TorcSim_connect(sim, PORT);
    TorcSim_advance(sim, 1);
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    ck_assert(TorcSimPeer_gotEnd(client));
    snprintf(expected, sizeof(expected), "port.connection-failed port=8881 problem=\"%s\"",
             torc_strerror(-TORC_ECLASS));
    ck_assert_str_eq(event, expected);
    TorcSim_free(sim);
}
END_TEST

START_TEST(a_factory_may_refuse_with_null)
{
    TorcFactory *factory = TorcFactory_new(&hall_class);
    TorcProtocol *protocol = (TorcProtocol *)log_text;

    ck_assert_int_eq(TorcFactory_buildProtocol(factory, &peer, &protocol), 0);
    ck_assert_ptr_null(protocol);
    TorcFactory_unref(factory);
}
END_TEST

START_TEST(a_code_of_the_factorys_is_handed_on)
{
    Room *room = (Room *)TorcFactory_new(&hall_class);
    TorcProtocol *untouched = (TorcProtocol *)log_text;

    room->code = -EMFILE;
    ck_assert_int_eq(TorcFactory_buildProtocol(&room->base, &peer, &untouched), -EMFILE);
    ck_assert_ptr_eq(untouched, (TorcProtocol *)log_text);
    TorcFactory_unref(&room->base);
}
END_TEST

START_TEST(a_protocol_that_has_a_connection_cannot_get_another)
{
    Room *room = (Room *)TorcFactory_new(&hall_class);
    TorcProtocol *protocol = NULL;

    room->next = TorcProtocol_new(&torc_echo_class, &room->base);
    room->next->transport = (TorcTransport *)log_text; /* any */
    ck_assert_int_eq(TorcFactory_buildProtocol(&room->base, &peer, &protocol), -EINVAL);
    ck_assert_ptr_null(protocol);
    TorcProtocol_free(room->next);
    TorcFactory_unref(&room->base);
}
END_TEST

START_TEST(a_protocol_that_was_not_made_by_new_is_refused)
{
    Room *room = (Room *)TorcFactory_new(&hall_class);
    TorcProtocol own = {0};
    TorcProtocol *protocol = NULL;

    room->next = &own;
    ck_assert_int_eq(TorcFactory_buildProtocol(&room->base, &peer, &protocol), -EINVAL);
    TorcFactory_unref(&room->base);
}
END_TEST

START_TEST(limits_are_copied_from_another_factory)
{
    TorcFactory *from = TorcFactory_new(&room_class);
    TorcFactory *to = TorcFactory_new(&room_class);

    ck_assert_int_eq(TorcFactory_setBufferLimit(from, 1000), 0);
    ck_assert_int_eq(TorcFactory_setIdleTimeout(from, 60), 0);
    ck_assert_int_eq(TorcFactory_setCloseTimeout(from, -1), 0);
    TorcFactory_copyLimits(to, from);
    ck_assert_uint_eq(to->bufferLimit, 1000);
    ck_assert_double_eq(to->idleTimeout, 60);
    ck_assert_double_eq(to->closeTimeout, -1);
    TorcFactory_copyLimits(NULL, from);
    TorcFactory_copyLimits(to, NULL);
    ck_assert_uint_eq(to->bufferLimit, 1000);
    TorcFactory_unref(from);
    TorcFactory_unref(to);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    TorcFactory *factory = TorcFactory_new(&room_class);
    TorcFactoryClass bad = room_class;
    TorcProtocolClass bad_protocol = torc_echo_class;
    TorcProtocol *protocol;

    bad_protocol.name = NULL;
    errno = 0;
    ck_assert_ptr_null(TorcFactory_new(NULL));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcFactory_forProtocol(NULL));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcFactory_forProtocol(&bad_protocol));
    ck_assert_int_eq(errno, EINVAL);
    bad.protocol = &bad_protocol;
    errno = 0;
    ck_assert_ptr_null(TorcFactory_new(&bad));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(TorcFactory_buildProtocol(NULL, &peer, &protocol), -EINVAL);
    ck_assert_int_eq(TorcFactory_buildProtocol(factory, &peer, NULL), -EINVAL);
    ck_assert_int_eq(TorcFactory_setBufferLimit(NULL, 1), -EINVAL);
    TorcFactory_unref(factory);
}
END_TEST

START_TEST(out_of_memory_is_told)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class); /* classes are resolved */
    TorcProtocol *protocol = NULL;

    FailingMemory_start(0);
    ck_assert_int_eq(TorcFactory_buildProtocol(factory, &peer, &protocol), -ENOMEM);
    FailingMemory_start(0);
    errno = 0;
    ck_assert_ptr_null(TorcFactory_forProtocol(&torc_echo_class));
    ck_assert_int_eq(errno, ENOMEM);
    FailingMemory_stop();
    TorcFactory_unref(factory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("factory");
    TCase *tests = tcase_create("factory");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, a_factory_begins_zeroed_with_one_reference);
    tcase_add_test(tests, the_last_reference_frees_and_destroy_is_chained);
    tcase_add_test(tests, the_first_start_starts_and_the_last_stop_stops);
    tcase_add_test(tests, a_stop_without_a_start_does_nothing);
    tcase_add_test(tests, the_default_builds_the_protocol_of_the_class);
    tcase_add_test(tests, forProtocol_builds_that_protocol);
    tcase_add_test(tests, building_costs_one_allocation);
    tcase_add_test(tests, without_a_protocol_the_default_fails);
    tcase_add_test(tests, an_override_calls_the_parents_slot);
    tcase_add_test(tests, a_table_set_as_it_was_written_serves_connections);
    tcase_add_test(tests, a_table_that_does_not_fit_fails_each_connection_and_is_logged);
    tcase_add_test(tests, a_factory_may_refuse_with_null);
    tcase_add_test(tests, a_code_of_the_factorys_is_handed_on);
    tcase_add_test(tests, a_protocol_that_has_a_connection_cannot_get_another);
    tcase_add_test(tests, a_protocol_that_was_not_made_by_new_is_refused);
    tcase_add_test(tests, limits_are_copied_from_another_factory);
    tcase_add_test(tests, bad_arguments_are_refused);
    tcase_add_test(tests, out_of_memory_is_told);
    suite_add_tcase(suite, tests);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
