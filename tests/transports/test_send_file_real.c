/* Sending real files over real sockets, and files over a string transport. */
#include "../support/loopback_client.h"
#include "send_file_fixture.h"

/* ---- string transports --------------------------------------------------------------------- */

START_TEST(a_string_transport_sends_a_file_by_hand)
{
    begin_small(0);
    int fd = open_pattern("/page", 100000);
    TorcFactory *factory = TorcFactory_forProtocol(&torc_protocol_class);
    TorcStringTransport *wire = TorcStringTransport_new();
    TorcStringTransport_setReactor(wire, reactor);
    ck_assert_int_eq(TorcStringTransport_connect(wire, factory), 0);
    TorcFactory_unref(factory);
    ck_assert_int_eq(
        TorcTransport_sendFile(TorcStringTransport_transport(wire), fd, 0, UINT64_MAX, NULL), 0);
    ck_assert(TorcStringTransport_producing(wire));
    while (TorcStringTransport_turn(wire))
        ;
    ck_assert(!TorcStringTransport_producing(wire));
    ck_assert_uint_eq(TorcStringTransport_length(wire), 100000);
    assert_pattern(TorcStringTransport_value(wire), 100000);
    TorcStringTransport_free(wire);
    close_file(fd);
    end();
}
END_TEST

/* ---- real sockets -------------------------------------------------------------------------- */

static const char *const backends[] = {"epoll", "poll", "select"};
enum { BACKENDS = 3, REAL_SIZE = 5 * 1000 * 1000 };

static unsigned sendfiles;

static ssize_t counted_sendfile(TorcSystem *system, int out, int in, uint64_t offset, size_t length)
{
    sendfiles++;
    (void)system;
    return torc__real_sendfile(reactor->system, out, in, offset, length);
}

static int temporary_pattern(size_t length)
{
    char name[] = "/tmp/torc-send-file-XXXXXX";
    uint8_t *bytes = new_pattern(length);
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
    free(bytes);
    return fd;
}

static void turn(void)
{
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0.1), 0);
}

static int begin_real(int backend)
{
    rec = (Recording){0};
    memset(&sent, 0, sizeof(sent));
    sendfiles = 0;
    reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(.backend = backends[backend]));
    ck_assert_ptr_nonnull(reactor);
    ops = *reactor->system->ops;
    ops.sendfile = counted_sendfile;
    reactor->system->ops = &ops;
    serve(&rec, 0);
    int fd = dial_port(port);
    while (!rec.transport)
        turn();
    return fd;
}

static void end_real(int fd)
{
    close(fd);
    TorcReactor_free(reactor);
    Recording_done(&rec);
}

START_TEST(the_kernel_sends_a_real_file)
{
    int client = begin_real(_i);
    int fd = temporary_pattern(REAL_SIZE);
    uint8_t *received = malloc(REAL_SIZE);
    ck_assert_ptr_nonnull(received);
    ck_assert_int_eq(TorcTransport_write(rec.transport, "head", 4), 0);
    send_whole(fd);
    TorcTransport_loseConnection(rec.transport);
    for (int i = 0; i < 10; i++)
        turn(); /* the kernel's buffers are full */
    char head[4];
    ck_assert_int_eq(recv(client, head, 4, MSG_WAITALL), 4);
    ck_assert_int_eq(memcmp(head, "head", 4), 0);
    for (size_t have = 0; have < REAL_SIZE;) {
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
        ssize_t n = recv(client, received + have, REAL_SIZE - have, MSG_DONTWAIT);
        ck_assert(n > 0 || (n < 0 && errno == EAGAIN));
        have += n > 0 ? (size_t)n : 0;
    }
    assert_pattern(received, REAL_SIZE);
    while (sent.times == 0 || rec.transport)
        turn();
    assert_sent(REAL_SIZE);
    ck_assert_uint_ge(sendfiles, REAL_SIZE / (512 * 1024));
    free(received);
    close(fd);
    end_real(client);
}
END_TEST

START_TEST(a_real_file_that_cannot_be_mapped_is_sent_all_the_same)
{
    int client = begin_real(_i);
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    char text[256];
    ck_assert_int_ge(fd, 0);
    send_whole(fd);
    TorcTransport_loseConnection(rec.transport);
    while (rec.transport)
        turn();
    ssize_t n = recv(client, text, sizeof(text) - 1, 0);
    ck_assert_int_gt(n, 5);
    ck_assert_int_eq(memcmp(text, "Name:", 5), 0);
    close(fd);
    end_real(client);
}
END_TEST

START_TEST(a_real_directory_socket_or_pipe_is_refused)
{
    int ends[2];
    int client = begin_real(_i);
    int directory = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(directory, 0);
    ck_assert_int_eq(send_part(directory, 0, UINT64_MAX), -EISDIR);
    ck_assert_int_eq(send_part(client, 0, UINT64_MAX), -ESPIPE);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(send_part(ends[0], 0, UINT64_MAX), -ESPIPE);
    close(ends[0]);
    close(ends[1]);
    close(directory);
    end_real(client);
}
END_TEST

START_TEST(a_real_reset_in_the_middle_fails_it)
{
    int client = begin_real(_i);
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    int fd = temporary_pattern(REAL_SIZE);
    send_whole(fd);
    for (int i = 0; i < 10; i++)
        turn();
    ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(client);
    while (rec.transport)
        turn();
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_LOST);
    assert_failed(TORC_CONNECTION_LOST, -ECONNRESET);
    close(fd);
    TorcReactor_free(reactor);
    Recording_done(&rec);
}
END_TEST

RUN_LOOP_TESTS("sending real files", {a_string_transport_sends_a_file_by_hand, 1},
               {the_kernel_sends_a_real_file, BACKENDS},
               {a_real_file_that_cannot_be_mapped_is_sent_all_the_same, BACKENDS},
               {a_real_directory_socket_or_pipe_is_refused, BACKENDS},
               {a_real_reset_in_the_middle_fails_it, BACKENDS})
