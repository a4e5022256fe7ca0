/* Standard input and output on what is no pipe: files, devices, a terminal, sockets; what becomes of the
 * descriptors given; and memory that runs out. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include "../support/failing_memory.h"
#include "stdio_fixture.h"

enum { FILE_SIZE = 200000 };

/* ---- files and devices --------------------------------------------------------------------- */

/* A file without a name. */
static int new_file(void)
{
    char name[] = "/tmp/torc-stdio-XXXXXX";
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    unlink(name);
    return fd;
}

static int new_file_of(size_t length)
{
    int fd = new_file();
    uint8_t *bytes = new_pattern(length);
    ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    free(bytes);
    return fd;
}

static unsigned warnings;
static void count_warnings(const TorcLogEvent *event, void *arg)
{
    (void)event;
    (void)arg;
    warnings++;
}

START_TEST(files_are_read_and_written_whole) /* PROC-12, LOOP-13 */
{
    uint8_t *bytes = malloc(MEGABYTE);
    begin(_i);
    warnings = 0;
    torc_setLogObserver(count_warnings, NULL, TORC_LOG_WARNING);
    rec.on[RECORD_DATA] = echo;
    ours[INPUT] = new_file_of(MEGABYTE);
    ours[OUTPUT] = new_file();
    ck_assert_int_eq(open_connection(), 0);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made data:1048576 lost:DONE");
    ck_assert_int_eq(pread(ours[OUTPUT], bytes, MEGABYTE, 0), MEGABYTE);
    assert_pattern(bytes, 0, MEGABYTE);
    ck_assert_uint_eq(warnings, 0);
    torc_setLogObserver(NULL, NULL, TORC_LOG_WARNING);
    free(bytes);
    end();
}
END_TEST

START_TEST(a_file_is_read_a_piece_in_each_turn)
{
    begin(_i);
    ours[INPUT] = new_file_of(MEGABYTE);
    ours[OUTPUT] = new_file();
    ck_assert_int_eq(open_connection(), 0);
    turn_until(rec.counts[RECORD_DATA] == 1);
    ck_assert_uint_le(rec.received_length, 256 * 1024);
    turn();
    ck_assert_uint_eq(rec.counts[RECORD_DATA], 2);
    end();
}
END_TEST

START_TEST(a_paused_file_lets_the_loop_sleep)
{
    begin(_i);
    rec.on[RECORD_DATA] = pause_reading;
    ours[INPUT] = new_file_of(MEGABYTE);
    ours[OUTPUT] = new_file();
    ck_assert_int_eq(open_connection(), 0);
    turn_until(rec.counts[RECORD_DATA] == 1);
    turn();
    ck_assert(turn_waits());
    rec.on[RECORD_DATA] = NULL;
    TorcTransport_resumeProducing(rec.transport);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made data:1048576 lost:DONE");
    end();
}
END_TEST

static void open_devices(const char *input, const char *output)
{
    ours[INPUT] = open(input, O_RDONLY);
    ours[OUTPUT] = open(output, O_WRONLY);
    ck_assert_int_ge(ours[INPUT], 0);
    ck_assert_int_ge(ours[OUTPUT], 0);
    ck_assert_int_eq(open_connection(), 0);
}

START_TEST(the_null_device_ends_at_once_and_takes_everything)
{
    begin(_i);
    rec.half_closeable = true;
    rec.on[RECORD_MADE] = write_megabyte;
    open_devices("/dev/null", "/dev/null");
    turn_until(rec.counts[RECORD_EOF] == 1);
    turn();
    ck_assert_uint_eq(TorcTransport_bufferedBytes(rec.transport), 0);
    ck_assert(turn_waits());
    lose(&rec);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made eof lost:DONE");
    end();
}
END_TEST

START_TEST(a_full_disk_loses_the_connection_with_its_error)
{
    begin(_i);
    rec.on[RECORD_MADE] = write_hello;
    open_devices("/dev/zero", "/dev/full");
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_int_eq(rec.kind, TORC_CONNECTION_LOST);
    ck_assert_int_eq(rec.code, -ENOSPC);
    end();
}
END_TEST

START_TEST(a_directory_cannot_be_read)
{
    begin(_i);
    open_devices("/tmp", "/dev/null");
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_int_eq(rec.code, -EISDIR);
    end();
}
END_TEST

static void open_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master), 0);
    ck_assert_int_eq(unlockpt(master), 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(slave, 0);
    struct termios mode;
    ck_assert_int_eq(tcgetattr(slave, &mode), 0);
    mode.c_lflag &= ~(tcflag_t)ECHO;
    mode.c_oflag &= ~(tcflag_t)OPOST;
    ck_assert_int_eq(tcsetattr(slave, TCSANOW, &mode), 0);
    ck_assert_int_eq(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    ours[INPUT] = slave;
    ours[OUTPUT] = dup(slave); /* as a shell gives it: one open file */
    theirs[INPUT] = master;
    theirs[OUTPUT] = dup(master);
}

START_TEST(a_terminal_is_read_by_lines_and_is_blocking_again_at_the_end)
{
    begin(_i);
    rec.on[RECORD_DATA] = echo;
    open_terminal();
    ck_assert(is_blocking(ours[INPUT]));
    ck_assert_int_eq(open_connection(), 0);
    say("hello");
    turn_for(0.05);
    ck_assert_str_eq(rec.log, "made");
    say("\n");
    turn_until(rec.counts[RECORD_DATA] == 1);
    ck_assert_str_eq(heard(), "hello\n");
    ck_assert(!is_blocking(ours[INPUT]));
    say("\x04"); /* Ctrl-D */
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made data:6 lost:DONE");
    ck_assert(is_blocking(ours[INPUT]));
    end();
}
END_TEST

START_TEST(one_socket_can_be_both)
{
    int ends[2];
    begin(_i);
    rec.on[RECORD_DATA] = echo;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ours[INPUT] = ends[0];
    ours[OUTPUT] = dup(ends[0]);
    theirs[INPUT] = ends[1];
    theirs[OUTPUT] = dup(ends[1]);
    ck_assert_int_eq(open_connection(), 0);
    say("hello");
    turn_until(rec.counts[RECORD_DATA] == 1);
    ck_assert_str_eq(heard(), "hello");
    ck_assert_int_eq(shutdown(theirs[INPUT], SHUT_WR), 0);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_str_eq(rec.log, "made data:5 lost:DONE");
    end();
}
END_TEST

/* ---- the descriptors given ----------------------------------------------------------------- */

START_TEST(descriptors_are_put_back_to_what_they_were)
{
    begin(_i);
    rec.half_closeable = true;
    make_pipes();
    ck_assert_int_eq(fcntl(ours[INPUT], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(open_connection(), 0);
    ck_assert(!is_blocking(ours[OUTPUT]));
    turn();
    ck_assert_int_eq(TorcTransport_loseWriteConnection(rec.transport), 0);
    turn();
    ck_assert(is_blocking(ours[OUTPUT]));
    lose(&rec);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert(!is_blocking(ours[INPUT]));
    ck_assert(is_blocking(ours[OUTPUT]));
    end();
}
END_TEST

START_TEST(a_descriptor_that_is_not_open_is_refused)
{
    begin(_i);
    make_pipes();
    close_end(&ours[OUTPUT]);
    ck_assert_int_eq(open_connection(), -EBADF);
    ck_assert(is_blocking(ours[INPUT]));
    ours[OUTPUT] = 999;
    ck_assert_int_eq(open_connection(), -EBADF);
    ours[OUTPUT] = ours[INPUT];
    ours[INPUT] = -1;
    ck_assert_int_eq(open_connection(), -EBADF);
    ck_assert_str_eq(rec.factory_log, "");
    end();
}
END_TEST

START_TEST(a_process_without_descriptors_is_told)
{
    struct rlimit limit;
    begin(_i);
    make_pipes();
    int next = dup(ours[INPUT]);
    close(next);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit tight = {.rlim_cur = (rlim_t)next + 1, .rlim_max = limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    ck_assert_int_eq(open_connection(), -EMFILE);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(is_blocking(ours[INPUT]));
    ck_assert_str_eq(rec.factory_log, "");
    end();
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    begin(_i);
    ck_assert_int_eq(TorcReactor_standardIO(reactor, 0, 1, NULL), -EINVAL);
    TorcClientFactory *factory = Recording_factory(&rec);
    ck_assert_int_eq(TorcReactor_standardIO(NULL, 0, 1, &factory->base), -EINVAL);
    TorcFactory_unref(&factory->base);
    end();
}
END_TEST

START_TEST(a_descriptor_for_the_wrong_direction_loses_the_connection)
{
    begin(_i);
    make_pipes();
    int input = ours[INPUT];
    ours[INPUT] = ours[OUTPUT];
    ours[OUTPUT] = input;
    rec.on[RECORD_MADE] = write_hello;
    ck_assert_int_eq(open_connection(), 0);
    turn_until(rec.counts[RECORD_LOST] == 1);
    ck_assert_int_eq(rec.code, -EBADF);
    end();
}
END_TEST

START_TEST(it_has_no_addresses_and_no_options)
{
    TorcAddress address;
    begin(_i);
    connect_pipes();
    TorcTransport_getHost(rec.transport, &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_NONE);
    TorcTransport_getPeer(rec.transport, &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_NONE);
    ck_assert_int_eq(rec.peer.family, TORC_ADDRESS_NONE);
    ck_assert_int_eq(TorcTransport_setTcpNoDelay(rec.transport, true), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_getTcpKeepAlive(rec.transport), -EOPNOTSUPP);
    ck_assert_int_eq(TorcTransport_getSendBufferSize(rec.transport), -EOPNOTSUPP);
    ck_assert_int_gt(TorcTransport_getHandle(rec.transport), 2);
    end();
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------- */

static void try_connection(void)
{
    TorcClientFactory *factory = Recording_tryFactory(&rec);
    if (factory && TorcReactor_standardIO(reactor, ours[INPUT], ours[OUTPUT], &factory->base) < 0)
        ck_assert_str_eq(rec.factory_log, "");
    if (factory)
        TorcFactory_unref(&factory->base);
}

/* Echoes a file of more than a pipe holds. Returns how much came out. */
static size_t converse(int backend, long k)
{
    size_t taken = 0;
    begin(backend);
    rec.on[RECORD_DATA] = echo;
    make_pipes();
    close_end(&ours[INPUT]);
    ours[INPUT] = new_file_of(FILE_SIZE);
    FailingMemory_start(k);
    try_connection();
    for (int i = 0; i < 60; i++) {
        ck_assert_int_ge(TorcReactor_iterate(reactor, 0), 0);
        taken += take_pattern(taken);
    }
    ck_assert_uint_eq(rec.counts[RECORD_MADE], rec.counts[RECORD_LOST]);
    return taken;
}

/* Not with select, for which libevent allocates in each wait. */
START_TEST(every_failed_allocation_is_survived)
{
    bool failed = true;
    long k = 0;
    for (; failed; k++) {
        size_t taken = converse(_i, k);
        failed = FailingMemory_allocations() > k;
        ck_assert(failed || taken == FILE_SIZE);
        ck_assert(taken == FILE_SIZE || rec.kind != TORC_CONNECTION_DONE);
        end();
        FailingMemory_stop();
    }
    ck_assert_int_gt(k, 10);
}
END_TEST

RUN_LOOP_TESTS("stdio on files", {files_are_read_and_written_whole, BACKENDS},
               {a_file_is_read_a_piece_in_each_turn, BACKENDS},
               {a_paused_file_lets_the_loop_sleep, BACKENDS},
               {the_null_device_ends_at_once_and_takes_everything, BACKENDS},
               {a_full_disk_loses_the_connection_with_its_error, BACKENDS},
               {a_directory_cannot_be_read, BACKENDS},
               {a_terminal_is_read_by_lines_and_is_blocking_again_at_the_end, BACKENDS},
               {one_socket_can_be_both, BACKENDS},
               {descriptors_are_put_back_to_what_they_were, BACKENDS},
               {a_descriptor_that_is_not_open_is_refused, BACKENDS},
               {a_process_without_descriptors_is_told, BACKENDS}, {bad_arguments_are_refused, 1},
               {a_descriptor_for_the_wrong_direction_loses_the_connection, BACKENDS},
               {it_has_no_addresses_and_no_options, 1},
               {every_failed_allocation_is_survived, BACKENDS - 1})
