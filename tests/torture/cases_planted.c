/* Cases with a fault in the program under test, which the machinery must find. Only when named. */
#include <string.h>
#include <sys/socket.h>

#include "reactor/memory_internal.h"
#include "torture.h"

static void *first;
static void *second;

/* Forgets the first block when there is no second. */
static void leak(void)
{
    first = torc__malloc(64);
    second = first ? torc__malloc(64) : NULL;
    if (!second)
        return;
    torc__free(second);
    torc__free(first);
}

static void unchecked(void)
{
    char *text = torc__malloc(64);
    memset(text, ' ', 64);
    torc__free(text);
}

static void hang(void)
{
    void *memory = NULL;
    while (!memory)
        memory = torc__malloc(64);
    torc__free(memory);
}

/* A descriptor that nobody closes when there is no second. */
static void descriptor(void)
{
    TorcPort *port = NULL;
    TRY(listen_as(&server, echo_back));
    int r = TorcReactor_listenTCP(world.reactor, 0, party_base(&server), NULL, &port);
    if (r < 0) {
        faults_pause();
        (void)!socket(AF_INET, SOCK_STREAM, 0);
        faults_resume();
    }
}

/* Nobody is told why there is no port. */
static void silent(void)
{
    TorcPort *port = NULL;
    TRY(party_base(&server));
    TRY(TorcReactor_listenTCP(world.reactor, 0, party_base(&server), NULL, &port) == 0);
    server.port = TorcPort_ref(port);
}

const TortureCase planted_cases[] = {
    {"planted-leak", leak, ON_SIM},
    {"planted-unchecked", unchecked, ON_SIM},
    {"planted-hang", hang, ON_SIM},
    {"planted-descriptor", descriptor, ON_REAL},
    {"planted-silence", silent, ON_SIM | CALLS},
    {0},
};
