/* Descriptors over UNIX sockets, on real ones: as they are taken, from other programs, which plain
 * system calls play, by who has no use for them, and from inside the slot. */
#include "unix_descriptors_fixture.h"

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
    offer(server.transport, 4, "1234");
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

RUN_LOOP_TESTS("descriptors taken from UNIX sockets",
               {an_answer_does_not_hide_the_bytes_behind_a_descriptor, 2 * BACKENDS},
               {many_in_one_message_are_all_given, BACKENDS},
               {bytes_behind_a_message_with_descriptors_are_not_forgotten, BACKENDS},
               {a_program_that_takes_one_at_a_time_gets_them_all, BACKENDS},
               {a_class_without_the_slot_gets_the_bytes_and_it_is_logged, BACKENDS},
               {what_is_cut_off_is_logged_and_the_rest_is_given, BACKENDS},
               {a_connection_that_ends_in_the_slot_gets_nothing_more, 2 * BACKENDS},
               {one_that_pauses_in_the_slot_gets_the_bytes_that_carried_it_and_no_more, BACKENDS},
               {a_descriptor_may_be_sent_on_inside_the_slot, BACKENDS})
