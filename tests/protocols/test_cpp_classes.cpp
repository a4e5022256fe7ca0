/* Classes written in C++17, whose tables the init functions fill in. */
#include <check.h>

#include <torc/torc.h>

#include "clean_end.h"

namespace
{

constexpr int port = 8881;

/* ---- a line receiver, and a subclass of it -------------------------------------------------- */

struct Counter {
    TorcLineReceiver base;
    unsigned lines;
};

TorcLineReceiverClass counter_class;
TorcLineReceiverClass polite_class;

void counter_lineReceived(TorcLineReceiver *self, const char *, size_t)
{
    Counter *counter = reinterpret_cast<Counter *>(self);
    TorcTransport_printf(self->base.transport, "%u\n", ++counter->lines);
}

void polite_connectionMade(TorcProtocol *self)
{
    TorcTransport_printf(self->transport, "hello\n");
    TorcProtocol_super(self, &polite_class.protocol)->connectionMade(self);
}

void counter_connectionMade(TorcProtocol *self)
{
    TorcTransport_printf(self->transport, "0\n");
}

void init_lines()
{
    TorcLineReceiverClass_init(&counter_class, "counter", sizeof(Counter), nullptr);
    counter_class.protocol.connectionMade = counter_connectionMade;
    counter_class.delimiter = "\n";
    counter_class.lineReceived = counter_lineReceived;
    TorcLineReceiverClass_init(&polite_class, "polite", sizeof(Counter), &counter_class);
    polite_class.protocol.connectionMade = polite_connectionMade;
}

/* ---- the other tables ----------------------------------------------------------------------- */

TorcLineOnlyReceiverClass only_class;
TorcProtocolClass upper_class;
TorcFactoryClass room_class;
TorcClientFactoryClass caller_class;
unsigned rooms_started;
unsigned calls_ended;

void init_others()
{
    TorcLineOnlyReceiverClass_init(&only_class, "only", sizeof(TorcLineOnlyReceiver), nullptr);
    only_class.lineReceived = [](TorcLineOnlyReceiver *self, const char *line, size_t length) {
        TorcLineOnlyReceiver_sendLine(self, line, length);
    };
    TorcProtocolClass_init(&upper_class, "upper", sizeof(TorcProtocol), nullptr);
    upper_class.connectionMade = [](TorcProtocol *self) {
        TorcTransport_write(self->transport, "made", 4);
        TorcTransport_loseConnection(self->transport);
    };
    TorcFactoryClass_init(&room_class, "room", sizeof(TorcFactory), nullptr);
    room_class.protocol = &only_class.protocol;
    room_class.startFactory = [](TorcFactory *self) {
        rooms_started++;
        TorcFactory_super(self, &room_class)->startFactory(self);
    };
    TorcClientFactoryClass_init(&caller_class, "caller", sizeof(TorcClientFactory), nullptr);
    caller_class.factory.protocol = &upper_class;
    caller_class.clientConnectionLost = [](TorcClientFactory *, TorcConnector *,
                                           const TorcReason *reason) {
        calls_ended += TorcReason_kind(reason) == TORC_CONNECTION_DONE;
    };
}

/* ---- tests ---------------------------------------------------------------------------------- */

TorcSim *sim;

void set_up()
{
    init_lines();
    init_others();
    sim = TorcSim_new(1);
}

void tear_down()
{
    end_clean(sim);
}

const char *ask(TorcFactory *factory, const char *text)
{
    ck_assert(factory != nullptr);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), port, factory, nullptr, nullptr),
                     0);
    TorcFactory_unref(factory);
    TorcSimPeer *peer = TorcSim_connect(sim, port);
    TorcSimPeer_send(peer, text);
    TorcSim_advance(sim, 1);
    return TorcSimPeer_received(peer);
}

START_TEST(a_line_receiver_is_subclassed_twice)
{
    ck_assert_str_eq(ask(TorcFactory_forProtocol(&polite_class.protocol), "a\nb\n"),
                     "hello\n0\n1\n2\n");
}
END_TEST

START_TEST(a_line_only_receiver_and_a_factory_are_subclassed)
{
    ck_assert_str_eq(ask(TorcFactory_new(&room_class), "echo\r\n"), "echo\r\n");
    ck_assert_uint_eq(rooms_started, 1);
}
END_TEST

START_TEST(a_client_factory_is_subclassed)
{
    ck_assert_int_eq(TorcSim_listen(sim, "127.0.0.1", port), 0);
    TorcClientFactory *factory = TorcClientFactory_new(&caller_class);
    ck_assert_int_eq(
        TorcReactor_connectTCP(TorcSim_reactor(sim), "127.0.0.1", port, factory, nullptr, nullptr),
        0);
    TorcFactory_unref(&factory->base);
    TorcSim_advance(sim, 1);
    ck_assert_str_eq(TorcSimPeer_received(TorcSim_accept(sim, port)), "made");
    ck_assert_uint_eq(calls_ended, 1);
}
END_TEST

START_TEST(no_table_is_filled_in_where_there_is_none)
{
    TorcProtocolClass_init(nullptr, "x", sizeof(TorcProtocol), nullptr);
    TorcLineReceiverClass_init(nullptr, "x", sizeof(TorcLineReceiver), nullptr);
    TorcLineOnlyReceiverClass_init(nullptr, "x", sizeof(TorcLineOnlyReceiver), nullptr);
    TorcFactoryClass_init(nullptr, "x", sizeof(TorcFactory), nullptr);
    TorcClientFactoryClass_init(nullptr, "x", sizeof(TorcClientFactory), nullptr);
}
END_TEST

} // namespace

int main()
{
    Suite *suite = suite_create("classes in C++");
    TCase *tests = tcase_create("classes in C++");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_line_receiver_is_subclassed_twice);
    tcase_add_test(tests, a_line_only_receiver_and_a_factory_are_subclassed);
    tcase_add_test(tests, a_client_factory_is_subclassed);
    tcase_add_test(tests, no_table_is_filled_in_where_there_is_none);
    suite_add_tcase(suite, tests);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
