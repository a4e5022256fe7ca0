/* Runs a command in a network of its own, in which only the loopback interface exists and every
 * port is free: for tests that need well-known ports. Status 77 when the system does not allow it.
 *
 *     private_network COMMAND [ARGUMENT...] */
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SKIP = 77 };

static int skip(const char *what)
{
    perror(what);
    return SKIP;
}

/* Without root a user namespace gives the right to make a network (where the system allows it). */
static int separate(void)
{
    return unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET);
}

static int bring_loopback_up(void)
{
    struct ifreq request = {.ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    memcpy(request.ifr_name, "lo", 3);
    int r = ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
    return r;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: private_network COMMAND [ARGUMENT...]\n");
        return 2;
    }
    if (separate() < 0)
        return skip("unshare");
    if (bring_loopback_up() < 0)
        return skip("loopback");
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 2;
}
