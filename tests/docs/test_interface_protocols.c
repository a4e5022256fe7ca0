/* docs/interfaces: line receivers, and the answers of finger servers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <torc/torc.h>

#include "interface_table.h"

enum { SERVER_PORT = 8881 };

static TorcSim *sim;
static TorcSimPeer *peer;
static char seen[1000]; /* by the protocol, word by word */

static void note(const char *word, size_t number)
{
    size_t length = strlen(seen);
    snprintf(seen + length, sizeof(seen) - length, "%s:%zu ", word, number);
}

static void settle(void)
{
    TorcSim_advance(sim, 0);
}

static const char *yes(void)
{
    return "yes";
}

/* ---- line receivers: the class ------------------------------------------------------------- */

typedef enum LineSlot { NO_SLOT, MADE, LINE, RAW, EXCEEDED, END, LOST, DESTROY } LineSlot;

static LineSlot line_slot;
static TorcLineReceiver *receiver;

static void arrive(LineSlot in)
{
    if (in == line_slot)
        interface_here();
}

static void own_connectionMade(TorcProtocol *self)
{
    receiver = (TorcLineReceiver *)self;
    if (line_slot == RAW)
        TorcLineReceiver_setRawMode(receiver);
    arrive(MADE);
}

static bool pause_in_line;

static void own_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    (void)line;
    note("line", length);
    if (pause_in_line)
        TorcTransport_pauseProducing(self->base.transport);
    arrive(LINE);
}

static void own_rawDataReceived(TorcLineReceiver *self, const void *data, size_t length)
{
    (void)self;
    (void)data;
    note("raw", length);
    arrive(RAW);
}

static void own_lineLengthExceeded(TorcLineReceiver *self, const void *data, size_t length)
{
    (void)self;
    (void)data;
    note("exceeded", length);
    arrive(EXCEEDED);
}

static const TorcLineReceiverClass own_class;

static void own_readConnectionLost(TorcProtocol *self)
{
    note("end", 0);
    arrive(END);
    TorcProtocol_super(self, &own_class.protocol)->readConnectionLost(self);
}

static void own_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    (void)reason;
    note("lost", 0);
    arrive(LOST);
}

static void own_destroy(TorcProtocol *self)
{
    (void)self;
    arrive(DESTROY);
}

static const TorcLineReceiverClass own_class = {
    TORC_LINE_RECEIVER_CLASS("own", TorcLineReceiver),
    .protocol.connectionMade = own_connectionMade,
    .protocol.readConnectionLost = own_readConnectionLost,
    .protocol.connectionLost = own_connectionLost,
    .protocol.destroy = own_destroy,
    .maxLength = 20,
    .lineReceived = own_lineReceived,
    .rawDataReceived = own_rawDataReceived,
    .lineLengthExceeded = own_lineLengthExceeded,
};

/* ---- line receivers: places ---------------------------------------------------------------- */

static void begin_lines(LineSlot in)
{
    line_slot = in;
    seen[0] = '\0';
    sim = TorcSim_new(1);
    ck_assert_ptr_nonnull(sim);
    TorcFactory *factory = TorcFactory_forProtocol(&own_class.protocol);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), SERVER_PORT, factory, NULL, NULL),
                     0);
    TorcFactory_unref(factory);
    peer = TorcSim_connect(sim, SERVER_PORT);
    settle();
}

static void end_lines(void)
{
    settle();
    interface_came(seen);
    TorcSim_free(sim);
}

static void play_lines(LineSlot in)
{
    begin_lines(in);
    TorcSimPeer_send(peer, "one\r\nthree\r\n");
    settle();
    TorcSimPeer_send(peer, "a line that is longer than twenty bytes\r\n");
    settle();
    TorcSimPeer_send(peer, "seven\r\nei");
    settle();
    TorcSimPeer_shutdown(peer);
    end_lines();
}

#define PLACE(name, in)                                                                            \
    static void name(void)                                                                         \
    {                                                                                              \
        play_lines(in);                                                                            \
    }
PLACE(in_connectionMade, MADE)
PLACE(in_lineReceived, LINE)
PLACE(in_rawDataReceived, RAW)
PLACE(in_lineLengthExceeded, EXCEEDED)
PLACE(in_readConnectionLost, END)
PLACE(in_connectionLost, LOST)
PLACE(in_the_destroy_slot, DESTROY)

/* With the beginning of a line. */
static void outside_of_slots(void)
{
    begin_lines(NO_SLOT);
    TorcSimPeer_send(peer, "one\r\ntw");
    settle();
    interface_here();
    settle();
    TorcSimPeer_send(peer, "o\r\n");
    end_lines();
}

static void while_paused(void)
{
    begin_lines(NO_SLOT);
    TorcLineReceiver_pauseProducing(receiver);
    TorcSimPeer_send(peer, "one\r\n");
    settle();
    interface_here();
    end_lines();
}

static void after_loseConnection(void)
{
    begin_lines(NO_SLOT);
    TorcTransport_loseConnection(receiver->base.transport);
    interface_here();
    TorcSimPeer_send(peer, "one\r\n");
    end_lines();
}

/* ---- line receivers: calls ----------------------------------------------------------------- */

static const char *call_sendLine(void)
{
    return interface_code(TorcLineReceiver_sendLine(receiver, "hello", 5));
}

static const char *call_setRawMode(void)
{
    TorcLineReceiver_setRawMode(receiver);
    return NULL;
}

static const char *call_setLineMode(void)
{
    return interface_code(TorcLineReceiver_setLineMode(receiver, "x", 1));
}

static const char *call_clearLineBuffer(void)
{
    return TorcLineReceiver_clearLineBuffer(receiver, NULL) > 0 ? "what is left" : "`0`";
}

static const char *call_pauseProducing(void)
{
    TorcLineReceiver_pauseProducing(receiver);
    return NULL;
}

static const char *call_resumeProducing(void)
{
    TorcLineReceiver_resumeProducing(receiver);
    return NULL;
}

static const InterfaceRow line_rows[] = {
    {"sendLine", call_sendLine, NULL},
    {"setRawMode", call_setRawMode, yes},
    {"setLineMode", call_setLineMode, NULL},
    {"clearLineBuffer", call_clearLineBuffer, NULL},
    {"pauseProducing", call_pauseProducing, yes},
    {"resumeProducing", call_resumeProducing, yes},
};

static const InterfaceColumn line_columns[] = {
    {"`connectionMade`", {in_connectionMade}},
    {"`lineReceived`", {in_lineReceived}},
    {"`rawDataReceived`", {in_rawDataReceived}},
    {"`lineLengthExceeded`", {in_lineLengthExceeded}},
    {"outside of slots", {outside_of_slots}},
    {"while paused", {while_paused}},
    {"`readConnectionLost`", {in_readConnectionLost}},
    {"after `loseConnection`", {after_loseConnection}},
    {"`connectionLost`", {in_connectionLost}},
    {"`destroy`", {in_the_destroy_slot}},
};

START_TEST(what_a_line_receiver_answers_is_on_its_page)
{
    interface_check(INTERFACE_TABLE("line-receiver.md", "line receiver", line_rows, line_columns));
}
END_TEST

START_TEST(the_transports_pause_does_not_hold_the_lines_of_the_chunk)
{
    pause_in_line = true;
    begin_lines(NO_SLOT);
    TorcSimPeer_send(peer, "one\r\nthree\r\n");
    settle();
    TorcSimPeer_send(peer, "seven\r\n");
    settle();
    ck_assert_str_eq(seen, "line:3 line:5 ");
    TorcSim_free(sim);
}
END_TEST

/* ---- finger: places ------------------------------------------------------------------------ */

typedef enum AnswerTime { IN_LOOKUP, LATER, FINISHED, CLIENT_GONE } AnswerTime;

static AnswerTime answer_time;
static TorcFingerAnswer *answer;

static int own_lookup(TorcFingerDirectory *self, const TorcFingerQuery *query,
                      TorcFingerAnswer *to_fill)
{
    (void)self;
    (void)query;
    answer = TorcFingerAnswer_ref(to_fill);
    if (answer_time == IN_LOOKUP)
        interface_here();
    return 0;
}

static const TorcFingerDirectoryClass directory_class = {
    TORC_FINGER_DIRECTORY_CLASS("own", TorcFingerDirectory),
    .lookup = own_lookup,
};

static void begin_finger(AnswerTime time)
{
    answer_time = time;
    sim = TorcSim_new(1);
    ck_assert_ptr_nonnull(sim);
    TorcFingerDirectory *directory = TorcFingerDirectory_new(&directory_class);
    TorcFingerFactory *factory = TorcFingerFactory_new(TORC_FINGER_OPTIONS(.directory = directory));
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), 79, &factory->base, NULL, NULL),
                     0);
    TorcFactory_unref(&factory->base);
    TorcFingerDirectory_unref(directory);
    peer = TorcSim_connect(sim, 79);
    TorcSimPeer_send(peer, "ann\r\n");
    settle();
}

static void end_finger(void)
{
    TorcFingerAnswer_unref(answer);
    settle();
    TorcSim_free(sim);
}

static void in_lookup(void)
{
    begin_finger(IN_LOOKUP);
    end_finger();
}

static void later(void)
{
    begin_finger(LATER);
    interface_here();
    end_finger();
}

static void finished(void)
{
    begin_finger(FINISHED);
    ck_assert_int_eq(TorcFingerAnswer_finish(answer), 0);
    interface_here();
    end_finger();
}

static void client_gone(void)
{
    begin_finger(CLIENT_GONE);
    TorcSimPeer_reset(peer);
    settle();
    interface_here();
    end_finger();
}

/* ---- finger: calls ------------------------------------------------------------------------- */

static const char *call_write(void)
{
    return interface_code(TorcFingerAnswer_write(answer, "x", 1));
}

static const char *call_finish(void)
{
    return interface_code(TorcFingerAnswer_finish(answer));
}

static const char *call_fail(void)
{
    return interface_code(TorcFingerAnswer_fail(answer, NULL));
}

static const char *call_active(void)
{
    return interface_truth(TorcFingerAnswer_active(answer));
}

static const InterfaceRow answer_rows[] = {
    {"write", call_write, NULL},
    {"finish", call_finish, NULL},
    {"fail", call_fail, NULL},
    {"active", call_active, NULL},
};

static const InterfaceColumn answer_columns[] = {
    {"inside `lookup`", {in_lookup}},
    {"later, with a reference", {later}},
    {"finished or failed", {finished}},
    {"the client is gone", {client_gone}},
};

START_TEST(what_a_finger_answer_answers_is_on_its_page)
{
    interface_check(INTERFACE_TABLE("finger.md", "answer", answer_rows, answer_columns));
}
END_TEST

INTERFACE_SUITE("interfaces: protocols", what_a_line_receiver_answers_is_on_its_page,
                the_transports_pause_does_not_hold_the_lines_of_the_chunk,
                what_a_finger_answer_answers_is_on_its_page)
