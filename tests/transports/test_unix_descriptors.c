/* Descriptors over UNIX sockets, on real ones: sent by the library, received by it, and both against
 * other programs, played by plain system calls. */
#include "../support/failing_memory.h"
#include "unix_fixture.h"

/* ---- a protocol that takes descriptors ----------------------------------------------------- */

enum { TAKEN_MOST = 512 };

/* Shared by all Takers: a log of "made fd data:N lost:KIND", and what came. */
static char taken_log[4096];
static int taken[TAKEN_MOST];
static size_t taken_count;
static size_t taken_bytes;
static TorcTransport *taker;
static void (*on_descriptor)(TorcProtocol *self);

static void note(const char *word)
{
    size_t length = strlen(taken_log);
    snprintf(taken_log + length, sizeof(taken_log) - length, "%s%s", length ? " " : "", word);
}

static void taker_connectionMade(TorcProtocol *self)
{
    taker = self->transport;
    note("made");
}

static void taker_fileDescriptorReceived(TorcProtocol *self, int fd)
{
    ck_assert_int_gt(fd, 2);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_uint_lt(taken_count, TAKEN_MOST);
    taken[taken_count++] = fd;
    note("fd");
    if (on_descriptor)
        on_descriptor(self);
}

static void taker_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    char word[32];
    (void)self;
    (void)data;
    taken_bytes += length;
    snprintf(word, sizeof(word), "data:%zu", length);
    note(word);
}

static void taker_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    char word[48];
    (void)self;
    snprintf(word, sizeof(word), "lost:%s", TorcReason_kindName(TorcReason_kind(reason)));
    note(word);
    taker = NULL;
}

static const TorcProtocolClass taker_class = {
    TORC_PROTOCOL_CLASS("taker", TorcProtocol),
    .connectionMade = taker_connectionMade,
    .dataReceived = taker_dataReceived,
    .connectionLost = taker_connectionLost,
    .fileDescriptorReceived = taker_fileDescriptorReceived,
};

static void begin_test(int backend)
{
    taken_log[0] = '\0';
    taken_count = taken_bytes = 0;
    taker = NULL;
    on_descriptor = NULL;
    begin(backend);
}

static void close_taken(void)
{
    for (size_t i = 0; i < taken_count; i++)
        ck_assert_int_eq(close(taken[i]), 0);
    taken_count = 0;
}

static void serve_takers(void)
{
    TorcFactory *factory = TorcFactory_forProtocol(&taker_class);
    ck_assert_int_eq(TorcReactor_listenUNIX(reactor, path, factory, NULL, &port), 0);
    TorcFactory_unref(factory);
}

/* A library client, recorded in `client`, and a Taker at the other end. */
static void begin_pair(int backend)
{
    begin_test(backend);
    serve_takers();
    ck_assert_int_eq(connect_with(path, NULL), 0);
    turn_until(client.transport && taker);
}

static void end_test(void)
{
    close_taken();
    end();
}

/* ---- descriptors that can be told apart ---------------------------------------------------- */

/* A file that holds the number. */
static int numbered_file(int number)
{
    char name[] = "/tmp/torc-fd-XXXXXX";
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_int_eq(pwrite(fd, &number, sizeof(number), 0), sizeof(number));
    return fd;
}

static int number_of(int fd)
{
    int number = -1;
    ck_assert_int_eq(pread(fd, &number, sizeof(number), 0), sizeof(number));
    return number;
}

static int send_numbered(TorcTransport *transport, int number)
{
    int fd = numbered_file(number);
    int r = TorcTransport_sendFileDescriptor(transport, fd);
    close(fd); /* at once: it was duplicated */
    return r;
}

static void assert_taken(size_t count)
{
    ck_assert_uint_eq(taken_count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(number_of(taken[i]), (int)i);
}

static int write_text(TorcTransport *transport, const char *text)
{
    return TorcTransport_write(transport, text, strlen(text));
}

/* ---- sending and receiving ----------------------------------------------------------------- */

START_TEST(a_descriptor_comes_before_the_bytes_that_carry_it) /* UNIX-6, UNIX-7 */
{
    begin_pair(_i);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    ck_assert_int_eq(write_text(client.transport, "take this"), 0);
    ck_assert_str_eq(taken_log, "made"); /* nothing before the turn is over */
    turn_until(taken_bytes == 9);
    ck_assert_str_eq(taken_log, "made fd data:9");
    assert_taken(1);
    end_test();
}
END_TEST

START_TEST(the_bytes_may_have_been_written_before) /* UNIX-6 */
{
    begin_pair(_i);
    ck_assert_int_eq(write_text(client.transport, "take this"), 0);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    turn_until(taken_bytes == 9);
    ck_assert_str_eq(taken_log, "made fd data:9");
    assert_taken(1);
    end_test();
}
END_TEST

START_TEST(several_go_in_order_each_with_a_byte) /* UNIX-6 */
{
    begin_pair(_i);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(send_numbered(client.transport, i), 0);
    ck_assert_int_eq(write_text(client.transport, "12345rest"), 0);
    turn_until(taken_bytes == 9);
    ck_assert_str_eq(taken_log, "made fd data:1 fd data:1 fd data:1 fd data:1 fd data:5");
    assert_taken(5);
    end_test();
}
END_TEST

START_TEST(as_many_bytes_as_descriptors_are_enough) /* UNIX-6 */
{
    begin_pair(_i);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(send_numbered(client.transport, i), 0);
        ck_assert_int_eq(write_text(client.transport, "."), 0);
    }
    turn_until(taken_bytes == 200);
    assert_taken(200);
    ck_assert(taker && client.transport);
    end_test();
}
END_TEST

START_TEST(what_was_sent_is_the_same_open_file)
{
    int ends[2];
    begin_pair(_i);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, ends[1]), 0);
    close(ends[1]);
    ck_assert_int_eq(write_text(client.transport, "x"), 0);
    turn_until(taken_count == 1 && taken_bytes == 1);
    char text[6] = "";
    ck_assert_int_eq(write(taken[0], "hello", 5), 5);
    close_taken();
    ck_assert_int_eq(read(ends[0], text, 5), 5);
    ck_assert_str_eq(text, "hello");
    ck_assert_int_eq(read(ends[0], text, 1), 0); /* no other copy is left */
    close(ends[0]);
    end_test();
}
END_TEST

START_TEST(large_output_does_not_overtake_a_descriptor)
{
    static char bytes[200000];
    begin_pair(_i);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    ck_assert_int_eq(TorcTransport_write(client.transport, bytes, sizeof(bytes)), 0);
    turn_until(taken_bytes == sizeof(bytes));
    ck_assert_ptr_eq(strstr(taken_log, "made fd data:"), taken_log);
    assert_taken(1);
    end_test();
}
END_TEST

START_TEST(loseConnection_sends_what_waits)
{
    begin_pair(_i);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    ck_assert_int_eq(write_text(client.transport, "last"), 0);
    TorcTransport_loseConnection(client.transport);
    turn_until(!taker);
    ck_assert_str_eq(taken_log, "made fd data:4 lost:DONE");
    ck_assert_str_eq(client.log, "started made lost:DONE client-lost:DONE");
    end_test();
}
END_TEST

START_TEST(descriptors_go_both_ways)
{
    begin_pair(_i);
    int fd = numbered_file(7);
    on_descriptor = NULL;
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(taker, fd), 0);
    close(fd);
    ck_assert_int_eq(write_text(taker, "!"), 0);
    turn_until(client.received_length == 1); /* its class has no slot: closed; end() counts */
    end_test();
}
END_TEST

/* ---- the overrun rule ---------------------------------------------------------------------- */

START_TEST(more_descriptors_than_bytes_end_the_connection) /* UNIX-6 */
{
    begin_pair(_i);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(send_numbered(client.transport, i), 0);
    ck_assert_int_eq(write_text(client.transport, "12"), 0);
    turn_until(!client.transport);
    ck_assert_int_eq(client.kind, TORC_CONNECTION_DESCRIPTOR_OVERRUN);
    ck_assert_str_eq(client.text, "3 file descriptors were to be sent, but only 2 bytes for them "
                                  "to go with");
    turn_until(!taker);
    ck_assert_uint_eq(taken_count, 0);
    end_test();
}
END_TEST

START_TEST(a_descriptor_without_any_byte_ends_the_connection) /* UNIX-6 */
{
    begin_pair(_i);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_str_eq(client.log, "started made lost:DESCRIPTOR_OVERRUN "
                                 "client-lost:DESCRIPTOR_OVERRUN");
    end_test();
}
END_TEST

START_TEST(abortConnection_drops_what_waits)
{
    begin_pair(_i);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    ck_assert_int_eq(write_text(client.transport, "x"), 0);
    TorcTransport_abortConnection(client.transport);
    turn_until(!taker);
    ck_assert_uint_eq(taken_count, 0);
    ck_assert_int_eq(client.kind, TORC_CONNECTION_ABORTED);
    end_test();
}
END_TEST

/* ---- a kernel that refuses ----------------------------------------------------------------- */

static int send_error;
static unsigned send_errors;
static unsigned send_calls;

static ssize_t fail_to_send(TorcSystem *system, int fd, const void *data, size_t length, int passed)
{
    send_calls++;
    if (send_errors == 0)
        return real_ops->sendDescriptor(system, fd, data, length, passed);
    send_errors--;
    return -send_error;
}

START_TEST(a_refusal_is_waited_out)
{
    static const int errors[] = {EINTR, ENOBUFS, ENOMEM, ETOOMANYREFS};
    begin_pair(_i / 4);
    ops.sendDescriptor = fail_to_send;
    send_error = errors[_i % 4];
    send_errors = 2;
    send_calls = 0;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(send_numbered(client.transport, i), 0);
    ck_assert_int_eq(write_text(client.transport, "abcdef"), 0);
    turn_until(taken_bytes == 6);
    assert_taken(3);
    ck_assert_uint_eq(send_calls, 5); /* it did not spin */
    ck_assert_str_eq(taken_log, "made fd data:1 fd data:1 fd data:4");
    end_test();
}
END_TEST

static ssize_t refuse_the_second(TorcSystem *system, int fd, const void *data, size_t length,
                                 int passed)
{
    return ++send_calls == 2 ? -ENOBUFS
                             : real_ops->sendDescriptor(system, fd, data, length, passed);
}

START_TEST(more_may_be_queued_while_some_wait)
{
    begin_pair(_i);
    ops.sendDescriptor = refuse_the_second;
    send_calls = 0;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(send_numbered(client.transport, i), 0);
    ck_assert_int_eq(write_text(client.transport, "abcde"), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_uint_eq(send_calls, 2); /* the first has left */
    for (int i = 3; i < 5; i++)
        ck_assert_int_eq(send_numbered(client.transport, i), 0);
    ck_assert_int_eq(write_text(client.transport, "f"), 0);
    turn_until(taken_bytes == 6);
    assert_taken(5);
    end_test();
}
END_TEST

START_TEST(a_full_socket_is_waited_for)
{
    static char bytes[4 * 1024 * 1024];
    begin_pair(_i);
    TorcTransport_pauseProducing(taker);
    ck_assert_int_eq(TorcTransport_write(client.transport, bytes, sizeof(bytes)), 0);
    turn_for(0.1);
    ck_assert_uint_gt(TorcTransport_bufferedBytes(client.transport), 0);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    turn_for(0.1);
    ck_assert_uint_eq(taken_count, 0);
    TorcTransport_resumeProducing(taker);
    turn_until(taken_bytes == sizeof(bytes));
    assert_taken(1);
    end_test();
}
END_TEST

START_TEST(a_peer_that_is_gone_ends_the_connection_and_nothing_leaks)
{
    begin_pair(_i);
    TorcTransport_abortConnection(taker);
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    ck_assert_int_eq(send_numbered(client.transport, 1), 0);
    ck_assert_int_eq(write_text(client.transport, "xyz"), 0);
    turn_until(!client.transport);
    ck_assert_int_ne(client.kind, TORC_CONNECTION_DESCRIPTOR_OVERRUN);
    end_test();
}
END_TEST

START_TEST(what_a_peer_said_before_it_went_is_read_and_its_descriptors_are_dropped)
{
    enum { LENGTH = 180000 }; /* more than one turn reads */
    static char bytes[LENGTH];
    begin_test(_i);
    serve();
    int fd = dial();
    turn_until(server.transport);
    ck_assert_int_eq(send(fd, bytes, LENGTH, MSG_DONTWAIT), LENGTH);
    close(fd);
    ck_assert_int_eq(send_numbered(server.transport, 0), 0);
    ck_assert_int_eq(send_numbered(server.transport, 1), 0);
    ck_assert_int_eq(write_text(server.transport, "xyz"), 0);
    turn_until(!server.transport);
    ck_assert_uint_eq(server.received_length, LENGTH);
    ck_assert_int_eq(server.kind, TORC_CONNECTION_LOST);
    ck_assert_int_eq(server.code, -EPIPE);
    end_test();
}
END_TEST

START_TEST(a_send_that_fails_for_good_ends_the_connection)
{
    begin_pair(_i);
    ops.sendDescriptor = fail_to_send;
    send_error = EPERM;
    send_errors = 1;
    ck_assert_int_eq(send_numbered(client.transport, 0), 0);
    ck_assert_int_eq(send_numbered(client.transport, 1), 0);
    ck_assert_int_eq(write_text(client.transport, "xyz"), 0);
    turn_until(!client.transport);
    ck_assert_int_eq(client.kind, TORC_CONNECTION_LOST);
    ck_assert_int_eq(client.code, -EPERM);
    end_test();
}
END_TEST

/* ---- other programs ------------------------------------------------------------------------ */

/* Bytes with these descriptors in one message. */
static void send_message(int fd, const char *text, const int *descriptors, size_t count)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(300 * sizeof(int))];
    struct iovec piece = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    memset(control, 0, sizeof(control));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
    ck_assert_int_eq(sendmsg(fd, &message, 0), (ssize_t)piece.iov_len);
}

static void send_files(int fd, const char *text, size_t count)
{
    int files[300];
    for (size_t i = 0; i < count; i++)
        files[i] = numbered_file((int)i);
    send_message(fd, text, files, count);
    for (size_t i = 0; i < count; i++)
        close(files[i]);
}

START_TEST(many_in_one_message_are_all_given)
{
    begin_test(_i);
    serve_takers();
    int fd = dial();
    send_files(fd, "all", 253);
    turn_until(taken_bytes == 3);
    assert_taken(253);
    close(fd);
    turn_until(!taker);
    end_test();
}
END_TEST

START_TEST(bytes_behind_a_message_with_descriptors_are_not_forgotten)
{
    begin_test(_i);
    serve_takers();
    int fd = dial();
    send_files(fd, "one", 1);
    ck_assert_int_eq(write(fd, "two", 3), 3);
    send_files(fd, "three", 1);
    ck_assert_int_eq(write(fd, "four", 4), 4);
    turn_until(taken_bytes == 15);
    ck_assert_uint_eq(taken_count, 2);
    close(fd);
    turn_until(!taker);
    end_test();
}
END_TEST

/* As a real program would receive it: a byte, and one descriptor. */
static int receive_one(int fd)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    char byte;
    int found = -1;
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = CMSG_LEN(sizeof(int))};
    ck_assert_int_eq(recvmsg(fd, &message, MSG_CMSG_CLOEXEC), 1);
    ck_assert(!(message.msg_flags & MSG_CTRUNC));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    ck_assert_ptr_nonnull(header);
    memcpy(&found, CMSG_DATA(header), sizeof(found));
    return found;
}

START_TEST(a_program_that_takes_one_at_a_time_gets_them_all)
{
    begin_test(_i);
    serve();
    int fd = dial();
    turn_until(server.transport);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(send_numbered(server.transport, i), 0);
    ck_assert_int_eq(write_text(server.transport, "1234"), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    for (int i = 0; i < 4; i++) {
        int file = receive_one(fd);
        ck_assert_int_eq(number_of(file), i);
        close(file);
    }
    close(fd);
    turn_until(!server.transport);
    end_test();
}
END_TEST

/* ---- who has no use for them --------------------------------------------------------------- */

static char last_event[160];
static unsigned events;

static void keep_event(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    events++;
    TorcLogEvent_format(event, last_event, sizeof(last_event));
}

static void begin_logged(int backend)
{
    events = 0;
    begin_test(backend);
    torc_setLogObserver(keep_event, NULL, TORC_LOG_WARNING);
}

static void end_logged(void)
{
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    end_test();
}

START_TEST(a_class_without_the_slot_gets_the_bytes_and_it_is_logged) /* UNIX-7 */
{
    begin_logged(_i);
    serve();
    int fd = dial();
    send_files(fd, "with", 2);
    ck_assert_int_eq(write(fd, "more", 4), 4);
    turn_until(server.received_length == 8);
    ck_assert_uint_eq(events, 1);
    ck_assert_ptr_eq(strstr(last_event, "unix.descriptors-dropped protocol="), last_event);
    ck_assert_ptr_nonnull(strstr(last_event, "has no fileDescriptorReceived"));
    close(fd);
    turn_until(!server.transport);
    end_logged();
}
END_TEST

static ssize_t lose_some(TorcSystem *system, int fd, void *buffer, size_t size,
                         int *ret_descriptors, size_t *count, bool *ret_cut)
{
    if (*count > 1)
        *count = 1; /* room for one */
    return real_ops->recvDescriptors(system, fd, buffer, size, ret_descriptors, count, ret_cut);
}

START_TEST(what_is_cut_off_is_logged_and_the_rest_is_given) /* UNIX-7 */
{
    begin_logged(_i);
    serve_takers();
    ops.recvDescriptors = lose_some;
    int fd = dial();
    send_files(fd, "three", 3);
    turn_until(taken_bytes == 5);
    assert_taken(1);
    ck_assert_uint_eq(events, 1);
    ck_assert_str_eq(last_event,
                     "unix.descriptors-dropped protocol=\"taker\" problem=\"no free descriptors\"");
    close(fd);
    turn_until(!taker);
    end_logged();
}
END_TEST

static void answer_it(TorcProtocol *self)
{
    ck_assert_int_eq(write_text(self->transport, "got it"), 0);
}

static void answer(Recording *recording)
{
    ck_assert_int_eq(write_text(recording->transport, "got it"), 0);
}

/* What is written in the same turn shows that the peer is there, and nothing of what it sent. */
START_TEST(an_answer_does_not_hide_the_bytes_behind_a_descriptor)
{
    bool takes = _i % 2;
    begin_test(_i / 2);
    on_descriptor = answer_it;
    server.on[RECORD_DATA] = answer;
    if (takes)
        serve_takers();
    else
        serve();
    int fd = dial();
    turn_until(takes ? taker != NULL : server.transport != NULL);
    send_files(fd, "one", 1);
    ck_assert_int_eq(write(fd, "two", 3), 3);
    turn_until((takes ? taken_bytes : server.received_length) == 6);
    close(fd);
    turn_until(takes ? !taker : !server.transport);
    end_test();
}
END_TEST

/* ---- from inside the slot ------------------------------------------------------------------ */

static void lose_it(TorcProtocol *self)
{
    TorcTransport_loseConnection(self->transport);
}

static void abort_it(TorcProtocol *self)
{
    TorcTransport_abortConnection(self->transport);
}

static void pause_it(TorcProtocol *self)
{
    TorcTransport_pauseProducing(self->transport);
}

START_TEST(a_connection_that_ends_in_the_slot_gets_nothing_more)
{
    begin_test(_i / 2);
    serve_takers();
    on_descriptor = _i % 2 ? lose_it : abort_it;
    int fd = dial();
    send_files(fd, "three", 3);
    turn_until(taken_count > 0 && !taker);
    ck_assert_str_eq(taken_log, _i % 2 ? "made fd lost:DONE" : "made fd lost:ABORTED");
    close(fd);
    end_test(); /* the other two were closed */
}
END_TEST

START_TEST(one_that_pauses_in_the_slot_gets_the_bytes_that_carried_it_and_no_more)
{
    begin_test(_i);
    serve_takers();
    on_descriptor = pause_it;
    int fd = dial();
    send_files(fd, "one", 1);
    ck_assert_int_eq(write(fd, "two", 3), 3);
    turn_until(taken_bytes == 3);
    turn_for(0.05);
    ck_assert_str_eq(taken_log, "made fd data:3");
    TorcTransport_resumeProducing(taker);
    turn_until(taken_bytes == 6);
    ck_assert_str_eq(taken_log, "made fd data:3 data:3");
    close(fd);
    turn_until(!taker);
    end_test();
}
END_TEST

static void send_on(TorcProtocol *self)
{
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(self->transport, taken[0]), 0);
    ck_assert_int_eq(write_text(self->transport, "b"), 0);
}

START_TEST(a_descriptor_may_be_sent_on_inside_the_slot)
{
    begin_test(_i);
    serve_takers();
    on_descriptor = send_on;
    int fd = dial();
    send_files(fd, "a", 1);
    turn_until(taken_bytes == 1);
    int back = receive_one(fd);
    ck_assert_int_eq(number_of(back), 0);
    close(back);
    close(fd);
    turn_until(!taker);
    end_test();
}
END_TEST

/* ---- bad calls ----------------------------------------------------------------------------- */

START_TEST(bad_arguments_are_refused_and_change_nothing)
{
    begin_pair(0);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(NULL, 0), -EINVAL);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, -1), -EINVAL);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, 1000000), -EBADF);
    ck_assert_int_eq(write_text(client.transport, "still here"), 0);
    turn_until(taken_bytes == 10);
    TorcTransport_loseConnection(client.transport);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, 0), -EPIPE);
    turn_until(!client.transport);
    end_test();
}
END_TEST

START_TEST(tcp_has_no_such_thing)
{
    TorcAddress address;
    begin_test(0);
    TorcClientFactory *factory = Recording_factory(&server);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 0, &factory->base, NULL, &port), 0);
    TorcFactory_unref(&factory->base);
    TorcPort_getHost(port, &address);
    factory = Recording_factory(&client);
    ck_assert_int_eq(
        TorcReactor_connectTCP(reactor, "127.0.0.1", address.port, factory, NULL, NULL), 0);
    TorcFactory_unref(&factory->base);
    turn_until(client.transport);
    ck_assert_int_eq(TorcTransport_sendFileDescriptor(client.transport, 0), -EOPNOTSUPP);
    end_test();
}
END_TEST

START_TEST(the_number_of_those_that_wait_is_bounded)
{
    int r = 0;
    int count = 0;
    begin_pair(0);
    int fd = numbered_file(0);
    while (count < 2000 && (r = TorcTransport_sendFileDescriptor(client.transport, fd)) == 0)
        count++;
    close(fd);
    /* the process may run out of descriptors first */
    ck_assert((r == -ENOBUFS && count == 1024) || r == -EMFILE);
    TorcTransport_abortConnection(client.transport);
    turn_until(!client.transport);
    end_test();
}
END_TEST

START_TEST(without_memory_nothing_has_changed)
{
    begin_pair(0);
    int r = -ENOMEM;
    long k = 0;
    int fd = numbered_file(0);
    for (; r < 0; k++) {
        FailingMemory_start(k);
        r = TorcTransport_sendFileDescriptor(client.transport, fd);
        FailingMemory_recover();
        FailingMemory_stop();
        ck_assert(r == 0 || r == -ENOMEM);
        if (r < 0)
            ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0); /* no overrun */
    }
    close(fd);
    ck_assert_int_ge(k, 3);
    ck_assert_int_eq(write_text(client.transport, "x"), 0);
    turn_until(taken_bytes == 1);
    assert_taken(1);
    end_test();
}
END_TEST

RUN_UNIX_TESTS(
    "descriptors over UNIX sockets", {a_descriptor_comes_before_the_bytes_that_carry_it, BACKENDS},
    {the_bytes_may_have_been_written_before, BACKENDS},
    {several_go_in_order_each_with_a_byte, BACKENDS},
    {as_many_bytes_as_descriptors_are_enough, BACKENDS},
    {what_was_sent_is_the_same_open_file, BACKENDS},
    {large_output_does_not_overtake_a_descriptor, BACKENDS},
    {loseConnection_sends_what_waits, BACKENDS}, {descriptors_go_both_ways, BACKENDS},
    {more_descriptors_than_bytes_end_the_connection, BACKENDS},
    {a_descriptor_without_any_byte_ends_the_connection, BACKENDS},
    {abortConnection_drops_what_waits, BACKENDS}, {a_refusal_is_waited_out, 4 * BACKENDS},
    {more_may_be_queued_while_some_wait, BACKENDS}, {a_full_socket_is_waited_for, BACKENDS},
    {an_answer_does_not_hide_the_bytes_behind_a_descriptor, 2 * BACKENDS},
    {a_peer_that_is_gone_ends_the_connection_and_nothing_leaks, BACKENDS},
    {what_a_peer_said_before_it_went_is_read_and_its_descriptors_are_dropped, BACKENDS},
    {a_send_that_fails_for_good_ends_the_connection, BACKENDS},
    {many_in_one_message_are_all_given, BACKENDS},
    {bytes_behind_a_message_with_descriptors_are_not_forgotten, BACKENDS},
    {a_program_that_takes_one_at_a_time_gets_them_all, BACKENDS},
    {a_class_without_the_slot_gets_the_bytes_and_it_is_logged, BACKENDS},
    {what_is_cut_off_is_logged_and_the_rest_is_given, BACKENDS},
    {a_connection_that_ends_in_the_slot_gets_nothing_more, 2 * BACKENDS},
    {one_that_pauses_in_the_slot_gets_the_bytes_that_carried_it_and_no_more, BACKENDS},
    {a_descriptor_may_be_sent_on_inside_the_slot, BACKENDS},
    {bad_arguments_are_refused_and_change_nothing, 1}, {tcp_has_no_such_thing, 1},
    {the_number_of_those_that_wait_is_bounded, 1}, {without_memory_nothing_has_changed, 1})
