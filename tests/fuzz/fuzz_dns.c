/* The DNS client, against a name server that answers whatever the input says: it always comes to
 * a result, once, that is a list of addresses or a failure to look up, and leaves nothing open.
 *
 * The wire format is c-ares' affair, what is made of it is ours. The input: which family is
 * wanted, and an answer for each question that comes, until it is used up; then the server is
 * silent. An answer: two bytes of flags, how many records there are, a byte that says how much
 * of the question is repeated, how many bytes of records follow, and these. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <torc/torc.h>

#include "fuzz.h"
#include "testing/sim_internal.h"

enum { SERVER_PORT = 5353, SERVICE_PORT = 80, HEAD = 12, MESSAGE = 1024, ADDRESSES = 512 };

static TorcSim *sim;
static TorcSystem *system_of_sim;
static TorcWatch watch;
static int server = -1;
static bool has_client; /* false: the library was built without c-ares */

static FuzzInput answers; /* of this execution */
static unsigned results;

/* ---- the server ---------------------------------------------------------------------------- */

/* Makes an answer of a question: id and question as they came, if nothing else is asked for. */
static size_t make_answer(uint8_t *message, size_t length)
{
    uint8_t flags[] = {fuzz_byte(&answers), fuzz_byte(&answers)};
    uint8_t records = fuzz_byte(&answers);
    uint8_t kept = fuzz_byte(&answers);
    size_t bytes = 2 * (size_t)fuzz_byte(&answers);

    message[2] = 0x80 | flags[0];
    message[3] = flags[1];
    memset(message + 6, 0, HEAD - 6);
    message[7] = records;
    message[0] ^= kept == 255; /* another id: to be ignored */
    length = kept == 254 ? HEAD : length;
    for (size_t i = 0; i < bytes && answers.left > 0; i++)
        message[length++] = fuzz_byte(&answers);
    return length;
}

static void question_came(int fd, short ready, void *arg)
{
    const TorcSystemOps *ops = system_of_sim->ops;
    static uint8_t message[MESSAGE + 512];
    struct sockaddr_storage from;
    socklen_t from_length = sizeof(from);
    (void)ready;
    (void)arg;
    ssize_t n = ops->recvfrom(system_of_sim, fd, message, MESSAGE, 0, (struct sockaddr *)&from,
                              &from_length);
    if (n < HEAD || answers.left == 0)
        return;
    size_t length = make_answer(message, (size_t)n);
    (void)ops->sendto(system_of_sim, fd, message, length, (struct sockaddr *)&from, from_length);
}

static void start_server(void)
{
    const TorcSystemOps *ops = system_of_sim->ops;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(SERVER_PORT)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server = ops->socket(system_of_sim, AF_INET, SOCK_DGRAM);
    FUZZ_CHECK(server >= 0);
    FUZZ_CHECK(ops->bind(system_of_sim, server, (struct sockaddr *)&name, sizeof(name)) == 0);
    FUZZ_CHECK(ops->watch(system_of_sim, &watch, server, TORC_READABLE, question_came, NULL) == 0);
}

/* ---- the client ---------------------------------------------------------------------------- */

static void start_client(void)
{
    TorcResolver *resolver = TorcDNSResolver_new(
        TorcSim_reactor(sim), TORC_DNS_OPTIONS(.servers = "127.0.0.1:5353", .tries = 2));
    has_client = resolver != NULL;
    FUZZ_CHECK(has_client || errno == ENOTSUP);
    if (has_client)
        FUZZ_CHECK(TorcReactor_installResolver(TorcSim_reactor(sim), resolver, NULL) == 0);
    TorcResolver_unref(resolver);
}

static void check_list(const TorcAddressList *list, TorcAddressFamily family)
{
    FUZZ_CHECK(list->count > 0 && list->count <= ADDRESSES);
    FUZZ_CHECK(list->lifetime >= 0);
    for (size_t i = 0; i < list->count; i++) {
        const TorcAddress *address = &list->addresses[i];
        FUZZ_CHECK(address->family == TORC_ADDRESS_IPV4 || address->family == TORC_ADDRESS_IPV6);
        FUZZ_CHECK(family == TORC_ADDRESS_NONE || address->family == family);
        FUZZ_CHECK(address->port == SERVICE_PORT);
    }
}

static void note_result(TorcResult *result, void *arg)
{
    const TorcAddressFamily *family = arg;
    results++;
    if (result->reason)
        FUZZ_CHECK(TorcReason_kind(result->reason) == TORC_CONNECTION_DNS_LOOKUP &&
                   *TorcReason_text(result->reason));
    else
        check_list(result->value, *family);
    TorcResult_clear(result);
}

static void look_up(TorcAddressFamily family)
{
    TorcDeferred *addresses;
    results = 0;
    FUZZ_CHECK(TorcReactor_resolve(TorcSim_reactor(sim), "www.example.org", SERVICE_PORT,
                                   TORC_RESOLVE_OPTIONS(.family = family, .timeout = -1),
                                   &addresses) == 0);
    FUZZ_CHECK(TorcDeferred_addBoth(addresses, note_result, &family) == 0);
    TorcDeferred_detach(addresses);
    FUZZ_CHECK(results == 0);
    FUZZ_CHECK(TorcSim_advance(sim, 30) == 0);
    FUZZ_CHECK_THAT(results == 1, "%u results", results);
}

/* ---- an execution -------------------------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_countMemory();
    sim = TorcSim_new(1);
    TorcSim_setTraceSize(sim, 0);
    system_of_sim = torc__sim_system(sim);
    start_server();
    start_client();
    if (has_client)
        look_up(TORC_ADDRESS_NONE); /* what is kept for the next is there from now on */
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const TorcAddressFamily families[] = {TORC_ADDRESS_NONE, TORC_ADDRESS_IPV4,
                                                 TORC_ADDRESS_IPV6};
    size_t before = fuzz_memory();
    answers = (FuzzInput){data, size};
    unsigned settings = fuzz_byte(&answers);

    if (!has_client)
        return 0;
    look_up(families[settings % 3]);
    FUZZ_CHECK(TorcSim_openDescriptors(sim) == 1); /* the server's */
    FUZZ_CHECK_THAT(fuzz_memory() <= before, "%zu bytes were allocated before, %zu after", before,
                    fuzz_memory());
    return 0;
}
