/* Cases of UNIX sockets, and of sockets and descriptors made elsewhere. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "torture.h"

/* ---- UNIX addresses ------------------------------------------------------------------------ */

static bool listen_unix(const char *address)
{
    TorcPort *port = NULL;
    server.on_data = echo_back;
    if (!party_base(&server) ||
        told(TorcReactor_listenUNIX(world.reactor, address, party_base(&server), NULL, &port)) < 0)
        return false;
    server.port = TorcPort_ref(port);
    return true;
}

static bool connect_unix(const char *address)
{
    client.on_made = say_hello;
    return party_factory(&client) &&
           TorcReactor_connectUNIX(world.reactor, address, party_factory(&client), NULL, NULL) == 0;
}

static void talk_by_unix(const char *address)
{
    TRY(listen_unix(address));
    TRY(connect_unix(address));
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

static void unix_path(void)
{
    talk_by_unix(world.address[0]);
}

static void unix_abstract(void)
{
    talk_by_unix(world.address[1]);
}

static void unix_nobody(void)
{
    TRY(connect_unix(world.address[0]));
    TRY(until(client.failed == 1));
    TRY(client.code == -ENOENT);
}

static void pass_descriptors(void)
{
    TRY(listen_unix(world.address[0]));
    TRY(connect_unix(world.address[0]));
    TRY(until(client.received == HELLO));
    for (int i = 0; i < 3; i++) {
        TRY(client.transport && told(TorcTransport_sendFileDescriptor(client.transport, 0)) == 0);
        TRY(write_text(&client, "hello"));
    }
    TRY(until(client.received == (size_t)4 * HELLO));
    TRY(server.descriptors == 3);
    TRY(lose_both());
}

/* ---- made elsewhere ------------------------------------------------------------------------ */

static void make_pair(int ends[2])
{
    faults_pause();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    faults_resume();
}

static void close_pair(const int ends[2])
{
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void adopt_connections(void)
{
    int ends[2];
    make_pair(ends);
    server.on_data = echo_back;
    client.on_made = say_hello;
    int r = -1;
    if (party_base(&server) && party_base(&client)) {
        r = told(TorcReactor_adoptStreamConnection(world.reactor, ends[0], party_base(&server)));
        if (r == 0)
            r = told(
                TorcReactor_adoptStreamConnection(world.reactor, ends[1], party_base(&client)));
    }
    close_pair(ends);
    TRY(r == 0);
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

static void adopt_port(void)
{
    TorcPort *port = NULL;
    faults_pause();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && listen(fd, 10) == 0); /* on a port that the kernel chooses */
    faults_resume();
    int r = -1;
    if (party_base(&server))
        r = told(TorcReactor_adoptStreamPort(world.reactor, fd, party_base(&server), &port));
    (void)close(fd);
    TRY(r == 0);
    server.port = TorcPort_ref(port);
    server.on_data = echo_back;
    TRY(connect_to(&server, &client, say_hello));
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

static void standard_io(void)
{
    int ends[2];
    make_pair(ends);
    server.on_data = echo_back;
    client.on_made = say_hello;
    int r = -1;
    if (party_base(&server) && party_base(&client)) {
        r = told(TorcReactor_standardIO(world.reactor, ends[0], ends[0], party_base(&server)));
        if (r == 0)
            r = told(
                TorcReactor_adoptStreamConnection(world.reactor, ends[1], party_base(&client)));
    }
    close_pair(ends);
    TRY(r == 0);
    TRY(until(client.received == HELLO));
    TRY(lose_both());
}

const TortureCase unix_cases[] = {
    {"unix", unix_path, ON_ALL | CALLS},
    {"unix-abstract", unix_abstract, ON_ALL | CALLS},
    {"unix-nobody", unix_nobody, ON_ALL},
    {"descriptors", pass_descriptors, ON_REAL | CALLS},
    {"adopt", adopt_connections, ON_REAL | CALLS},
    {"adopt-port", adopt_port, ON_REAL | CALLS},
    {"stdio", standard_io, ON_REAL | CALLS},
    {0},
};
