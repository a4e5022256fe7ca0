/* The real system's descriptors and files: flags and places of what is opened, shared blocking mode,
 * which file is which, and locks. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/real_system.h"

static char directory[32];
static char path[64];

static void begin(void)
{
    open_system();
    snprintf(directory, sizeof(directory), "/tmp/torc-files-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/file", directory);
}

static void end(void)
{
    (void)unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
    close_system();
}

static int open_file(void)
{
    int fd = sys->ops->open(sys, path, O_RDWR | O_CREAT, 0600);
    ck_assert_int_gt(fd, 2);
    return fd;
}

START_TEST(what_is_opened_is_close_on_exec_non_blocking_and_above_2)
{
    begin();
    int fd = open_file();
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    ck_assert_int_eq(sys->ops->close(sys, fd), 0);

    int saved = dup(0);
    close(0);
    fd = sys->ops->open(sys, path, O_RDONLY, 0);
    ck_assert_int_gt(fd, 2);
    ck_assert_int_eq(sys->ops->close(sys, fd), 0);
    if (saved >= 0) {
        ck_assert_int_eq(dup2(saved, 0), 0);
        close(saved);
    }
    end();
}
END_TEST

START_TEST(a_duplicate_is_close_on_exec_and_shares_the_blocking_mode)
{
    begin();
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    int copy = sys->ops->duplicate(sys, ends[0]);
    ck_assert_int_gt(copy, 2);
    ck_assert(fcntl(copy, F_GETFD) & FD_CLOEXEC);
    ck_assert_int_eq(sys->ops->setBlocking(sys, copy, false), 1);
    ck_assert(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
    ck_assert_int_eq(sys->ops->setBlocking(sys, copy, false), 0);
    ck_assert_int_eq(sys->ops->setBlocking(sys, copy, true), 0);
    ck_assert(!(fcntl(ends[0], F_GETFL) & O_NONBLOCK));
    close(copy);
    close(ends[0]);
    close(ends[1]);
    ck_assert_int_eq(sys->ops->duplicate(sys, ends[0]), -EBADF);
    ck_assert_int_eq(sys->ops->setBlocking(sys, ends[0], true), -EBADF);
    end();
}
END_TEST

START_TEST(a_file_is_known_by_path_and_by_descriptor)
{
    begin();
    TorcFileStatus by_path;
    TorcFileStatus by_descriptor;
    int fd = open_file();
    ck_assert_int_eq(write(fd, "12345", 5), 5);
    ck_assert_int_eq(sys->ops->stat(sys, path, &by_path), 0);
    ck_assert_int_eq(sys->ops->statDescriptor(sys, fd, &by_descriptor), 0);
    ck_assert_uint_eq(by_path.inode, by_descriptor.inode);
    ck_assert_uint_eq(by_path.device, by_descriptor.device);
    ck_assert_int_eq(by_path.size, 5);
    ck_assert(S_ISREG(by_path.mode));

    ck_assert_int_eq(sys->ops->chmod(sys, path, 0640), 0);
    ck_assert_int_eq(sys->ops->statDescriptor(sys, fd, &by_descriptor), 0);
    ck_assert_uint_eq(by_descriptor.mode & 07777, 0640);
    close(fd);
    ck_assert_int_eq(sys->ops->statDescriptor(sys, fd, &by_descriptor), -EBADF);
    end();
}
END_TEST

START_TEST(stat_does_not_follow_a_symbolic_link)
{
    begin();
    TorcFileStatus status;
    ck_assert_int_eq(symlink("nowhere", path), 0);
    ck_assert_int_eq(sys->ops->stat(sys, path, &status), 0);
    ck_assert(S_ISLNK(status.mode));
    end();
}
END_TEST

START_TEST(what_is_not_there_is_ENOENT)
{
    begin();
    TorcFileStatus status;
    ck_assert_int_eq(sys->ops->stat(sys, path, &status), -ENOENT);
    ck_assert_int_eq(sys->ops->unlink(sys, path), -ENOENT);
    ck_assert_int_eq(sys->ops->chmod(sys, path, 0600), -ENOENT);
    ck_assert_int_eq(sys->ops->open(sys, path, O_RDONLY, 0), -ENOENT);
    close(open_file());
    ck_assert_int_eq(sys->ops->unlink(sys, path), 0);
    ck_assert_int_eq(sys->ops->stat(sys, path, &status), -ENOENT);
    end();
}
END_TEST

START_TEST(a_lock_is_held_until_the_last_descriptor_is_closed)
{
    begin();
    int first = open_file();
    int second = open_file();
    int copy = sys->ops->duplicate(sys, first);
    ck_assert_int_eq(sys->ops->lock(sys, first), 0);
    ck_assert_int_eq(sys->ops->lock(sys, second), -EAGAIN);
    ck_assert_int_eq(sys->ops->close(sys, first), 0);
    ck_assert_int_eq(sys->ops->lock(sys, second), -EAGAIN);
    ck_assert_int_eq(sys->ops->close(sys, copy), 0);
    ck_assert_int_eq(sys->ops->lock(sys, second), 0);
    ck_assert_int_eq(sys->ops->close(sys, second), 0);
    ck_assert_int_eq(sys->ops->lock(sys, second), -EBADF);
    end();
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("files");
    tcase_add_test(tcase, what_is_opened_is_close_on_exec_non_blocking_and_above_2);
    tcase_add_test(tcase, a_duplicate_is_close_on_exec_and_shares_the_blocking_mode);
    tcase_add_test(tcase, a_file_is_known_by_path_and_by_descriptor);
    tcase_add_test(tcase, stat_does_not_follow_a_symbolic_link);
    tcase_add_test(tcase, what_is_not_there_is_ENOENT);
    tcase_add_test(tcase, a_lock_is_held_until_the_last_descriptor_is_closed);
    return run_case("files of the real system", tcase);
}
