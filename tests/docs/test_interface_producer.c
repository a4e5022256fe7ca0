/* docs/interfaces/producer.md and protocol.md: producers of a connection, and what may be bound to its
 * protocol. */
#include "transport_places.h"

static const char *yes(void)
{
    return "yes";
}

static const char *call_write(void)
{
    return interface_code(TorcTransport_write(rec.transport, "x", 1));
}

/* ---- producers ----------------------------------------------------------------------------- */

static void do_nothing(void *producer)
{
    (void)producer;
}

static const TorcProducerClass idle_class = {
    .size = sizeof(TorcProducerClass),
    .pauseProducing = do_nothing,
    .resumeProducing = do_nothing,
};

static void begin_produced(void)
{
    begin_play(RECORD_EVENTS);
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, &idle_class, NULL, true), 0);
}

/* The protocol's own slots come only when there is none. */
static void end_produced(void)
{
    TorcSimPeer_stopReading(peer);
    write_much();
    settle();
    TorcSimPeer_startReading(peer);
    settle();
    end_play();
}

static void while_produced(void)
{
    begin_produced();
    interface_here();
    end_produced();
}

static void while_held_open(void)
{
    begin_produced();
    TorcTransport_loseConnection(rec.transport);
    settle();
    ck_assert(rec.transport);
    interface_here();
    settle();
    end_play();
}

static const TorcProducerClass asked_class = {
    .size = sizeof(TorcProducerClass),
    .resumeProducing = interface_hereCalled,
};

static void in_the_producers_resumeProducing(void)
{
    begin_play(RECORD_EVENTS);
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, &asked_class, NULL, false), 0);
    settle();
    end_produced();
}

static const TorcProducerClass stopped_class = {
    .size = sizeof(TorcProducerClass),
    .resumeProducing = do_nothing,
    .stopProducing = interface_hereCalled,
};

static void in_stopProducing(void)
{
    begin_play(RECORD_EVENTS);
    ck_assert_int_eq(TorcTransport_registerProducer(rec.transport, &stopped_class, NULL, false), 0);
    TorcSimPeer_reset(peer);
    settle();
    end_play();
}

static const char *call_registerProducer(void)
{
    return interface_code(TorcTransport_registerProducer(rec.transport, &idle_class, NULL, true));
}

static const char *call_unregisterProducer(void)
{
    TorcTransport_unregisterProducer(rec.transport);
    return NULL;
}

static const char *call_sendFile(void)
{
    TorcSystem *system = reactor->system;
    int fd = system->ops->open(system, "/file", 0, 0);
    int r = TorcTransport_sendFile(rec.transport, fd, 0, UINT64_MAX, NULL);
    ck_assert_int_eq(system->ops->close(system, fd), 0);
    return interface_code(r);
}

static const char *call_joinTransports(void)
{
    return interface_code(torc_joinTransports(rec.transport, other.transport, NULL));
}

static const InterfaceRow producer_rows[] = {
    {"registerProducer", call_registerProducer, NULL},
    {"unregisterProducer", call_unregisterProducer, yes},
    {"sendFile", call_sendFile, NULL},
    {"torc_joinTransports", call_joinTransports, NULL},
    {"write", call_write, NULL},
};

static const InterfaceColumn producer_columns[] = {
    {"connected", CONNECTED},
    {"with a producer", {while_produced, in_the_producers_resumeProducing}},
    {"held open by it", {while_held_open}},
    {"`stopProducing`", {in_stopProducing}},
    {"after `loseConnection`", CLOSING},
    {"after `loseWriteConnection`", WRITE_CLOSED},
    {"`connectionLost`", LOST},
    {"`destroy`", {in_the_destroy_slot}},
};

START_TEST(what_a_consumer_answers_is_on_the_page_of_producers)
{
    interface_check(INTERFACE_TABLE("producer.md", "producer", producer_rows, producer_columns));
}
END_TEST

/* ---- what is bound to a protocol ----------------------------------------------------------- */

static const char *call_callLaterWith(void)
{
    TorcCall *call = TORC_CALL(do_nothing, NULL, .protocol = protocol);
    return interface_code(TorcReactor_callLaterWith(reactor, 1, call, NULL));
}

static const char *call_bind(void)
{
    TorcDeferred *deferred = TorcDeferred_new(NULL, NULL);
    int r = TorcDeferred_bind(deferred, protocol);
    TorcDeferred_callback(deferred, NULL, NULL);
    TorcDeferred_detach(deferred);
    return interface_code(r);
}

static const InterfaceRow bound_rows[] = {
    {"TorcReactor_callLaterWith, .protocol", call_callLaterWith, NULL},
    {"TorcDeferred_bind", call_bind, NULL},
};

static const InterfaceColumn bound_columns[] = {
    {"connected", CONNECTED},
    {"after `loseConnection`", CLOSING},
    {"`connectionLost`", LOST},
    {"`destroy`", {in_the_destroy_slot}},
};

START_TEST(what_may_be_bound_to_a_protocol_is_on_its_page)
{
    interface_check(INTERFACE_TABLE("protocol.md", "bound", bound_rows, bound_columns));
}
END_TEST

INTERFACE_SUITE("interfaces: producers", what_a_consumer_answers_is_on_the_page_of_producers,
                what_may_be_bound_to_a_protocol_is_on_its_page)
