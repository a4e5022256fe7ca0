/* Files of the simulated hosts, as far as the differential test cannot see them: what a test puts
 * there and finds, permissions, faults, the trace, and crashes. */
#include <fcntl.h>
#include <sys/stat.h>

#include <torc/testing/sim_faults.h>
#include <torc/testing/sim_files.h>
#include <torc/testing/sim_hygiene.h>
#include <torc/testing/sim_network.h>
#include <torc/testing/sim_trace.h>

#include "sim_fixture.h"
#include "testing/sim_network_internal.h"
#include "testing/sim_view_internal.h"

static int open_file(const char *path, int flags, mode_t mode)
{
    return ops->open(sys, path, flags, mode);
}

static int must_open(const char *path, int flags)
{
    int fd = open_file(path, flags, 0600);
    ck_assert_int_gt(fd, 2);
    return fd;
}

static ssize_t write_text(int fd, const char *text)
{
    return ops->write(sys, fd, text, strlen(text));
}

static const char *read_text(int fd)
{
    static char buffer[100];
    ssize_t n = ops->read(sys, fd, buffer, sizeof(buffer) - 1);
    ck_assert_int_ge(n, 0);
    buffer[n] = '\0';
    return buffer;
}

static void work_on(TorcSimHost *host)
{
    ck_assert_ptr_nonnull(TorcSimHost_reactor(host));
    sys = &host->view->system;
    ops = sys->ops;
}

/* ---- what a test does ---------------------------------------------------------------------- */

START_TEST(the_code_under_test_reads_what_the_test_wrote)
{
    ck_assert_int_eq(TorcSim_writeFile(sim, "/etc/motd", "hello\n", 6), 0);
    ck_assert_int_eq(TorcSim_fileMode(sim, "/etc/motd"), S_IFREG | 0644);
    int fd = must_open("/etc/motd", O_RDONLY);
    ck_assert_str_eq(read_text(fd), "hello\n");
    ck_assert_int_eq(TorcSim_writeFile(sim, "/etc/motd", "hi, all!\n", 9), 0);
    ck_assert_str_eq(read_text(fd), "l!\n"); /* it is the same file */
    ck_assert_str_eq(read_text(fd), "");
}
END_TEST

START_TEST(the_test_reads_what_the_code_under_test_wrote)
{
    size_t length;
    int fd = must_open("/var/log", O_WRONLY | O_CREAT);
    ck_assert_str_eq(TorcSim_readFile(sim, "/var/log", &length), "");
    ck_assert_uint_eq(length, 0);
    ck_assert_int_eq(write_text(fd, "one\n"), 4);
    ck_assert_int_eq(write_text(fd, "two\n"), 4);
    ck_assert_str_eq(TorcSim_readFile(sim, "/var/log", &length), "one\ntwo\n");
    ck_assert_uint_eq(length, 8);
    ck_assert_int_eq(TorcSim_fileMode(sim, "/var/log"), S_IFREG | 0600);
}
END_TEST

START_TEST(a_large_file_is_kept_byte_for_byte)
{
    enum { SIZE = 300000, STEP = 777 };
    unsigned char *data = malloc(SIZE);
    size_t length;
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (unsigned char)(i * 31 >> 3);
    int fd = must_open("/f", O_RDWR | O_CREAT);
    for (size_t at = 0; at < SIZE; at += STEP) {
        size_t count = SIZE - at < STEP ? SIZE - at : STEP;
        ck_assert_int_eq(ops->write(sys, fd, data + at, count), (ssize_t)count);
    }
    const char *content = TorcSim_readFile(sim, "/f", &length);
    ck_assert_uint_eq(length, SIZE);
    ck_assert_mem_eq(content, data, SIZE);
    ck_assert_int_eq(content[SIZE], 0);
    free(data);
}
END_TEST

START_TEST(a_write_behind_what_was_cut_off_leaves_zeros_between)
{
    size_t length;
    int fd = must_open("/f", O_WRONLY | O_CREAT);
    ck_assert_int_eq(write_text(fd, "abcd"), 4);
    ck_assert_int_eq(TorcSim_writeFile(sim, "/f", "x", 1), 0);
    ck_assert_int_eq(write_text(fd, "ef"), 2);
    ck_assert_mem_eq(TorcSim_readFile(sim, "/f", &length), "x\0\0\0ef", 7);
    ck_assert_uint_eq(length, 6);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_an_error)
{
    ck_assert_ptr_null(TorcSim_readFile(sim, "/none", NULL));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(TorcSim_fileMode(sim, "/none"), -ENOENT);
    ck_assert_int_eq(TorcSim_setFileMode(sim, "/none", 0600), -ENOENT);
    ck_assert_int_eq(TorcSim_removeFile(sim, "/none"), -ENOENT);
    ck_assert_int_eq(TorcSim_writeFile(sim, "", "x", 1), -EINVAL);
    ck_assert_int_eq(TorcSim_writeFile(sim, NULL, "x", 1), -EINVAL);
    ck_assert_int_eq(TorcSim_writeFile(sim, "/f", NULL, 0), 0);
    ck_assert_int_eq(TorcSim_setFileMode(sim, "/f", 010000), -EINVAL);
}
END_TEST

START_TEST(a_socket_is_no_file_to_read_or_write)
{
    ck_assert_int_eq(TorcSim_listenUNIX(sim, "/run/peer"), 0);
    ck_assert_ptr_null(TorcSim_readFile(sim, "/run/peer", NULL));
    ck_assert_int_eq(errno, ENXIO);
    ck_assert_int_eq(TorcSim_writeFile(sim, "/run/peer", "x", 1), -ENXIO);
    ck_assert_int_eq(open_file("/run/peer", O_RDONLY, 0), -ENXIO);
    ck_assert_int_eq(TorcSim_removeFile(sim, "/run/peer"), 0);
    ck_assert_ptr_null(TorcSim_connectUNIX(sim, "/run/peer"));
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(who_has_a_file_open_keeps_it_when_it_is_removed)
{
    ck_assert_int_eq(TorcSim_writeFile(sim, "/f", "old", 3), 0);
    int fd = must_open("/f", O_RDONLY);
    ck_assert_int_eq(TorcSim_removeFile(sim, "/f"), 0);
    ck_assert_int_eq(TorcSim_writeFile(sim, "/f", "new", 3), 0);
    ck_assert_str_eq(read_text(fd), "old");
}
END_TEST

/* ---- what the code under test may ---------------------------------------------------------- */

START_TEST(permissions_are_asked_for_when_a_file_is_opened)
{
    ck_assert_int_eq(TorcSim_writeFile(sim, "/f", "x", 1), 0);
    ck_assert_int_eq(TorcSim_setFileMode(sim, "/f", 0400), 0);
    ck_assert_int_eq(open_file("/f", O_WRONLY, 0), -EACCES);
    ck_assert_int_eq(open_file("/f", O_RDWR, 0), -EACCES);
    ck_assert_int_eq(open_file("/f", O_RDONLY | O_TRUNC, 0), -EACCES);
    int fd = must_open("/f", O_RDONLY);
    ck_assert_int_eq(ops->chmod(sys, "/f", 0), 0);
    ck_assert_int_eq(open_file("/f", O_RDONLY, 0), -EACCES);
    ck_assert_str_eq(read_text(fd), "x");
    ck_assert_int_eq(write_text(fd, "y"), -EBADF);
}
END_TEST

START_TEST(only_its_owner_changes_the_mode_of_a_path)
{
    TorcSim_setPeerCredentials(sim, 5, 1234, 1234);
    ck_assert_int_eq(TorcSim_listenUNIX(sim, "/run/peer"), 0);
    ck_assert_int_eq(ops->chmod(sys, "/run/peer", 0777), -EPERM);
    ck_assert_int_eq(TorcSim_fileMode(sim, "/run/peer"), S_IFSOCK | 0755);
}
END_TEST

START_TEST(paths_that_cannot_be_are_refused)
{
    char path[5000];
    TorcFileStatus status;
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    ck_assert_int_eq(open_file(path, O_WRONLY | O_CREAT, 0600), -ENAMETOOLONG);
    ck_assert_int_eq(ops->stat(sys, path, &status), -ENAMETOOLONG);
    ck_assert_int_eq(ops->unlink(sys, path), -ENAMETOOLONG);
    ck_assert_int_eq(ops->unlink(sys, ""), -ENOENT);
}
END_TEST

START_TEST(every_file_and_socket_has_a_number_of_its_own)
{
    TorcFileStatus seen[5];
    int fds[] = {must_open("/a", O_RDONLY | O_CREAT), must_open("/b", O_RDONLY | O_CREAT),
                 open_socket(AF_UNIX), open_socket(AF_INET), -1};
    int ends[2];
    ck_assert_int_eq(ops->pipe(sys, ends), 0);
    fds[4] = ends[0];
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(ops->statDescriptor(sys, fds[i], &seen[i]), 0);
        for (int k = 0; k < i; k++)
            ck_assert(seen[i].device != seen[k].device || seen[i].inode != seen[k].inode);
    }
}
END_TEST

START_TEST(files_cannot_be_watched)
{
    TorcWatch watch = {0};
    int fd = must_open("/f", O_RDONLY | O_CREAT);
    ck_assert_int_eq(ops->watch(sys, &watch, fd, TORC_READABLE, NULL, NULL), -EPERM);
}
END_TEST

/* ---- faults and the trace ------------------------------------------------------------------ */

START_TEST(calls_on_files_are_counted_and_fail_by_rule)
{
    static const TorcSimCall calls[] = {
        TORC_SIM_OPEN,  TORC_SIM_READ_FILE, TORC_SIM_WRITE_FILE, TORC_SIM_STAT,
        TORC_SIM_CHMOD, TORC_SIM_LOCK,      TORC_SIM_DUPLICATE,  TORC_SIM_UNLINK,
    };
    TorcFileStatus status;
    int fd = must_open("/f", O_RDWR | O_CREAT);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        TorcSim_failCall(sim, calls[i], 1, EIO, 1);
    ck_assert_int_eq(open_file("/g", O_WRONLY | O_CREAT, 0600), -EIO);
    ck_assert_int_eq(TorcSim_fileMode(sim, "/g"), -ENOENT);
    ck_assert_int_eq(ops->read(sys, fd, &status, 1), -EIO);
    ck_assert_int_eq(write_text(fd, "x"), -EIO);
    ck_assert_int_eq(ops->stat(sys, "/f", &status), -EIO);
    ck_assert_int_eq(ops->chmod(sys, "/f", 0), -EIO);
    ck_assert_int_eq(ops->lock(sys, fd), -EIO);
    ck_assert_int_eq(ops->duplicate(sys, fd), -EIO);
    ck_assert_int_eq(ops->unlink(sys, "/f"), -EIO);
    ck_assert_int_eq(ops->statDescriptor(sys, fd, &status), 0);
    ck_assert_int_eq(TorcSim_fileMode(sim, "/f"), S_IFREG | 0600);
    for (size_t i = 1; i < sizeof(calls) / sizeof(calls[0]); i++)
        ck_assert_uint_eq(TorcSim_countCalls(sim, calls[i]), calls[i] == TORC_SIM_STAT ? 2 : 1);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_OPEN), 2);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_RECV), 0);
}
END_TEST

START_TEST(a_limit_makes_reads_and_writes_short)
{
    int fd = must_open("/f", O_RDWR | O_CREAT);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_WRITE_FILE, .limit = 3));
    ck_assert_int_eq(write_text(fd, "abcdef"), 3);
    ck_assert_int_eq(write_text(fd, "def"), 3);
    fd = must_open("/f", O_RDONLY);
    TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_READ_FILE, .times = 1, .limit = 1));
    ck_assert_str_eq(read_text(fd), "a");
    ck_assert_str_eq(read_text(fd), "bcdef");
}
END_TEST

START_TEST(files_meet_none_of_the_faults_of_sockets)
{
    begin_again(TORC_SIM_OPTIONS(.seed = 1, .chunkSize = 1));
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.shortIO = 3000, .again = 3000, .delay = 1000));
    int fd = must_open("/f", O_RDWR | O_CREAT);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(write_text(fd, "line\n"), 5);
    ck_assert_uint_eq(TorcSim_countFaults(sim, TORC_SIM_ANY_FAULT), 0);
}
END_TEST

START_TEST(descriptors_run_out_by_chance)
{
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.noDescriptors = 10000));
    int r = open_file("/f", O_RDONLY | O_CREAT, 0600);
    ck_assert(r == -EMFILE || r == -ENFILE);
    ck_assert_int_eq(TorcSim_fileMode(sim, "/f"), -ENOENT);
}
END_TEST

START_TEST(the_trace_tells_of_files)
{
    TorcFileStatus status;
    TorcSim_setTraceSize(sim, 100);
    int fd = must_open("/f", O_RDWR | O_CREAT);
    ck_assert_int_eq(write_text(fd, "hi"), 2);
    ck_assert_int_eq(ops->chmod(sys, "/f", 0640), 0);
    ck_assert_int_eq(ops->lock(sys, fd), 0);
    ck_assert_int_gt(ops->duplicate(sys, fd), fd);
    ck_assert_int_eq(ops->setBlocking(sys, fd, true), 0);
    ck_assert_int_eq(ops->unlink(sys, "/g"), -ENOENT);
    ck_assert_int_eq(ops->stat(sys, "/f", &status), 0);
    ck_assert_int_eq(ops->statDescriptor(sys, fd, &status), 0);
    ck_assert_str_eq(TorcSim_trace(sim), "0.000000000 open(\"/f\") = 1000003\n"
                                         "0.000000000 write(1000003, 2) = 2 \"hi\"\n"
                                         "0.000000000 chmod(\"/f\", 0640) = 0\n"
                                         "0.000000000 lock(1000003) = 0\n"
                                         "0.000000000 duplicate(1000003) = 1000004\n"
                                         "0.000000000 setBlocking(1000003, 1) = 0\n"
                                         "0.000000000 unlink(\"/g\") = ENOENT\n"
                                         "0.000000000 stat(\"/f\") = 0\n"
                                         "0.000000000 statDescriptor(1000003) = 0\n");
}
END_TEST

START_TEST(an_open_file_is_reported)
{
    char report[500];
    (void)must_open("/f", O_RDONLY | O_CREAT);
    ck_assert_uint_eq(TorcSim_checkClean(sim, report, sizeof(report)), 1);
    ck_assert_str_eq(report, "descriptor 1000003: file\n");
}
END_TEST

/* ---- hosts --------------------------------------------------------------------------------- */

START_TEST(each_host_has_files_of_its_own)
{
    ck_assert_int_eq(TorcSim_writeFile(sim, "/f", "home", 4), 0);
    work_on(TorcSim_addHost(sim, "other", NULL));
    ck_assert_int_eq(open_file("/f", O_RDONLY, 0), -ENOENT);
}
END_TEST

/* Descriptors of the host are closed by the crash, which gives its locks back. */
START_TEST(files_outlive_a_crash_and_locks_do_not)
{
    TorcSimHost *host = TorcSim_addHost(sim, "other", NULL);
    work_on(host);
    int fd = must_open("/lock", O_RDWR | O_CREAT);
    ck_assert_int_eq(write_text(fd, "42"), 2);
    ck_assert_int_eq(ops->lock(sys, fd), 0);
    TorcSimHost_crash(host);
    TorcSimHost_restart(host);
    work_on(host);
    fd = must_open("/lock", O_RDONLY);
    ck_assert_str_eq(read_text(fd), "42");
    ck_assert_int_eq(ops->lock(sys, fd), 0);
}
END_TEST

START_TEST(a_machine_that_is_down_changes_no_file)
{
    TorcSimHost *host = TorcSim_addHost(sim, "other", NULL);
    work_on(host);
    int fd = must_open("/f", O_RDWR | O_CREAT);
    host->machine->down = true; /* as while its program dies */
    ck_assert_int_eq(write_text(fd, "x"), -EIO);
    ck_assert_int_eq(ops->unlink(sys, "/f"), -EIO);
    ck_assert_int_eq(ops->chmod(sys, "/f", 0), -EIO);
    ck_assert_int_eq(open_file("/g", O_WRONLY | O_CREAT, 0600), -EIO);
    ck_assert_int_eq(open_file("/f", O_WRONLY | O_TRUNC, 0), -EIO);
    ck_assert_int_gt(must_open("/f", O_RDONLY), fd);
    host->machine->down = false;
}
END_TEST

RUN_SUITE("sim_files", the_code_under_test_reads_what_the_test_wrote,
          the_test_reads_what_the_code_under_test_wrote, a_large_file_is_kept_byte_for_byte,
          a_write_behind_what_was_cut_off_leaves_zeros_between,
          a_file_that_is_not_there_is_an_error, a_socket_is_no_file_to_read_or_write,
          who_has_a_file_open_keeps_it_when_it_is_removed,
          permissions_are_asked_for_when_a_file_is_opened,
          only_its_owner_changes_the_mode_of_a_path, paths_that_cannot_be_are_refused,
          every_file_and_socket_has_a_number_of_its_own, files_cannot_be_watched,
          calls_on_files_are_counted_and_fail_by_rule, a_limit_makes_reads_and_writes_short,
          files_meet_none_of_the_faults_of_sockets, descriptors_run_out_by_chance,
          the_trace_tells_of_files, an_open_file_is_reported, each_host_has_files_of_its_own,
          files_outlive_a_crash_and_locks_do_not, a_machine_that_is_down_changes_no_file)
