/* The finger client: whatever a server sends, and however it is cut, the reply holds those
 * bytes, or their beginning and that there were more.
 *
 * The input: the limit of an answer, how it ends, the cuts, and the answer. */
#include <string.h>

#include "fuzz_cuts.h"

/* Stands around the client's factory, to be there when its protocol is made. */
typedef struct Asking {
    TorcFactory base;
    TorcFactory *question;
} Asking;

static const size_t limits[] = {1, 2, 10, 100, 1000, 0};
enum { LIMITS = sizeof(limits) / sizeof(limits[0]) };

static TorcSim *sim;
static TorcFactory *factories[LIMITS];

static FuzzInput answer; /* of this execution */
static size_t limit;

static void check_reply(const TorcFingerReply *reply)
{
    size_t most = limit > 0 ? limit : 1 << 20;
    size_t expected = answer.left < most ? answer.left : most;
    FUZZ_CHECK(reply->length == expected && reply->text[expected] == '\0');
    FUZZ_CHECK(expected == 0 || memcmp(reply->text, answer.at, expected) == 0);
    FUZZ_CHECK(reply->truncated == (answer.left > most));
    fuzz_note("reply", reply->text, reply->length);
}

static void note_reply(TorcResult *result, void *arg)
{
    (void)arg;
    if (result->reason)
        fuzz_note(TorcReason_kindName(TorcReason_kind(result->reason)), "", 0);
    else
        check_reply(result->value);
    TorcResult_clear(result);
}

/* The answer is awaited from the moment when the protocol is there. */
static int asking_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                                TorcProtocol **ret_protocol)
{
    int r = TorcFactory_buildProtocol(((Asking *)self)->question, peer, ret_protocol);
    TorcDeferred *reply = TorcDeferred_succeed(*ret_protocol, NULL);
    FUZZ_CHECK(r == 0 && reply);
    FUZZ_CHECK(TorcDeferred_addCallback(reply, torc_finger_awaitReply, NULL) == 0);
    FUZZ_CHECK(TorcDeferred_addBoth(reply, note_reply, NULL) == 0);
    TorcDeferred_detach(reply);
    return 0;
}

static const TorcFactoryClass asking_class = {
    TORC_FACTORY_CLASS("asking", Asking),
    .buildProtocol = asking_buildProtocol,
};

static TorcFactory *new_asking(size_t most)
{
    Asking *asking = (Asking *)TorcFactory_new(&asking_class);
    FUZZ_CHECK(asking);
    asking->question = TorcFingerClientFactory_new(
        TorcSim_reactor(sim), "ann", TORC_FINGER_CLIENT_OPTIONS(.limit = most, .timeout = -1));
    FUZZ_CHECK(asking->question);
    return &asking->base;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_countMemory();
    sim = TorcSim_new(1);
    TorcSim_setTraceSize(sim, 0);
    for (int i = 0; i < LIMITS; i++) {
        factories[i] = new_asking(limits[i]);
        limit = limits[i];
        answer = (FuzzInput){(const uint8_t *)"x", 1};
        FUZZ_CHECK(torc_fragmentation_check(factories[i], answer.at, 1,
                                            TORC_FRAGMENTATION_OPTIONS(.sim = sim), NULL, 0) == 0);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, size};
    unsigned settings = fuzz_byte(&input);
    FuzzCuts cuts = fuzz_readCuts(&input);

    answer = input;
    limit = limits[settings % LIMITS];
    fuzz_checkCuts(factories[settings % LIMITS], &input, &cuts, settings / LIMITS % 2 == 1, sim);
    return 0;
}
