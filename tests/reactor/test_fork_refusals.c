/* What a child may not ask of the operating system through its copy of a reactor's system: each call,
 * one by one. */
#include <signal.h>
#include <sys/wait.h>

#include <torc/torc.h>

#include "../support/real_system.h"

/* Each of the calls, with arguments that would be good; how many were not refused. */
static int count_accepted_transfers(void)
{
    const TorcSystemOps *ops = sys->ops;
    char byte = 0;
    const struct iovec piece = {&byte, 1};
    int wrong = 0;
    wrong += ops->recv(sys, 0, &byte, 1, 0) != -TORC_EFORKED;
    wrong += ops->send(sys, 0, &byte, 1) != -TORC_EFORKED;
    wrong += ops->sendv(sys, 0, &piece, 1) != -TORC_EFORKED;
    wrong += ops->recvfrom(sys, 0, &byte, 1, 0, NULL, NULL) != -TORC_EFORKED;
    wrong += ops->sendto(sys, 0, &byte, 1, NULL, 0) != -TORC_EFORKED;
    wrong += ops->read(sys, 0, &byte, 1) != -TORC_EFORKED;
    wrong += ops->pread(sys, 0, &byte, 1, 0) != -TORC_EFORKED;
    wrong += ops->sendfile(sys, 0, 0, 0, 1) != -TORC_EFORKED;
    return wrong;
}

static int count_accepted_sockets(void)
{
    const TorcSystemOps *ops = sys->ops;
    int one = 1;
    int ends[2];
    int wrong = 0;
    wrong += ops->socket(sys, AF_INET, SOCK_STREAM) != -TORC_EFORKED;
    wrong += ops->listen(sys, 0, 1) != -TORC_EFORKED;
    wrong += ops->accept(sys, 0, NULL, NULL) != -TORC_EFORKED;
    wrong += ops->shutdown(sys, 0, SHUT_WR) != -TORC_EFORKED;
    wrong += ops->setsockopt(sys, 0, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) != -TORC_EFORKED;
    wrong += ops->pipe(sys, ends) != -TORC_EFORKED;
    wrong += ops->openSpare(sys) != -TORC_EFORKED;
    return wrong;
}

static int count_accepted_files(void)
{
    const TorcSystemOps *ops = sys->ops;
    int wrong = 0;
    wrong += ops->duplicate(sys, 0) != -TORC_EFORKED;
    wrong += ops->setBlocking(sys, 0, true) != -TORC_EFORKED;
    wrong += ops->open(sys, "/dev/null", 0, 0) != -TORC_EFORKED;
    wrong += ops->unlink(sys, "/nowhere") != -TORC_EFORKED;
    wrong += ops->chmod(sys, "/nowhere", 0) != -TORC_EFORKED;
    wrong += ops->lock(sys, 0) != -TORC_EFORKED;
    return wrong;
}

static int count_accepted_work(void)
{
    const TorcSystemOps *ops = sys->ops;
    TorcWatch watch = {0};
    TorcLookup *lookup;
    int wrong = 0;
    wrong += ops->wait(sys, 0) != -TORC_EFORKED;
    wrong += ops->watch(sys, &watch, 0, TORC_READABLE, NULL, NULL) != -TORC_EFORKED;
    wrong += ops->rewatch(sys, &watch, TORC_READABLE) != -TORC_EFORKED;
    wrong += ops->lookup(sys, "localhost", 1, NULL, NULL, &lookup) != -TORC_EFORKED;
    wrong += ops->catchSignal(sys, SIGUSR1, false, NULL, NULL) != -TORC_EFORKED;
    wrong += ops->eventBase(sys) != NULL;
    ops->wake(sys); /* nobody notices */
    ops->setPoolSize(sys, 2);
    return wrong;
}

START_TEST(a_copy_refuses_whatever_would_reach_the_parents_descriptors) /* BUG-41 */
{
    open_variant(_i);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int wrong = !sys->forked + count_accepted_transfers() + count_accepted_sockets() +
                    count_accepted_files() + count_accepted_work();
        _exit(wrong);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_int_eq(wait_until(0), 0); /* the parent goes on */
    close_system();
}
END_TEST

RUN_LOOP_TESTS("refusals of a copy",
               {a_copy_refuses_whatever_would_reach_the_parents_descriptors, VARIANTS})
