/* The finger server: whatever is asked, and however the question is cut, it answers the same,
 * safely for a terminal, and closes.
 *
 * The input: the options, the cuts, and the bytes of the connection. */
#include <string.h>

#include "fuzz_cuts.h"

enum { OPTIONS = 16 };

static TorcSim *sim;
static TorcFactory *factories[OPTIONS];

static TorcFactory *new_factory(TorcFingerDirectory *directory, unsigned options)
{
    TorcFingerFactory *factory = TorcFingerFactory_new(
        TORC_FINGER_OPTIONS(.directory = directory, .refuseList = options & 1,
                            .exactNames = options & 2, .allowForwarding = options & 4,
                            .utf8 = options & 8));
    FUZZ_CHECK(factory);
    return &factory->base;
}

/* All that can be asked for, and all that has to be filtered. */
static TorcFingerTable *new_table(void)
{
    TorcFingerTable *table = TorcFingerTable_new();
    FUZZ_CHECK(table);
    FUZZ_CHECK(TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "ann", .name = "Ann Smith",
                                                            .plan = "Out until Monday.\n")) == 0);
    FUZZ_CHECK(TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "bob", .name = "Bob Smith",
                                                            .plan = "\033[2J\r\n\302\233x\377")) ==
               0);
    FUZZ_CHECK(TorcFingerTable_add(table, TORC_FINGER_ENTRY(.login = "j\303\274rgen",
                                                            .name = "J\303\274rgen")) == 0);
    return table;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_countMemory();
    sim = TorcSim_new(1);
    TorcSim_setTraceSize(sim, 0);
    TorcFingerTable *table = new_table();
    for (unsigned i = 0; i < OPTIONS; i++) {
        factories[i] = new_factory(&table->base, i);
        FUZZ_CHECK(torc_fragmentation_check(factories[i], "\r\n", 2,
                                            TORC_FRAGMENTATION_OPTIONS(.sim = sim), NULL, 0) == 0);
    }
    TorcFingerDirectory_unref(&table->base);
    return 0;
}

static void check_answer(const char *answer, size_t length, bool utf8)
{
    FUZZ_CHECK(strlen(answer) == length);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)answer[i];
        FUZZ_CHECK(byte == '\t' || (byte >= ' ' && byte < 0x7f) || (byte >= 0x80 && utf8) ||
                   (byte == '\r' && answer[i + 1] == '\n') ||
                   (byte == '\n' && i > 0 && answer[i - 1] == '\r'));
    }
    FUZZ_CHECK(length == 0 || answer[length - 1] == '\n');
}

/* One query, one answer, and then the connection is closed; without a query FIN ends it as well. */
static void check_conversation(TorcFactory *factory, const FuzzInput *input, bool utf8)
{
    TorcStringTransport *wire = TorcStringTransport_new();
    TorcStringTransport_setReactor(wire, TorcSim_reactor(sim));
    FUZZ_CHECK(TorcStringTransport_connect(wire, factory) == 0);
    if (input->left > 0)
        TorcStringTransport_deliverBytes(wire, input->at, input->left);
    TorcStringTransport_deliverEnd(wire);
    FUZZ_CHECK(TorcStringTransport_disconnecting(wire));
    while (TorcStringTransport_turn(wire)) {}
    FUZZ_CHECK(!TorcStringTransport_connected(wire));
    FUZZ_CHECK(TorcStringTransport_refusedWrites(wire) == 0);
    check_answer(TorcStringTransport_value(wire), TorcStringTransport_length(wire), utf8);
    TorcStringTransport_free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, size};
    unsigned options = fuzz_byte(&input);
    FuzzCuts cuts = fuzz_readCuts(&input);
    TorcFactory *factory = factories[options % OPTIONS];

    fuzz_checkCuts(factory, &input, &cuts, options / OPTIONS % 2 == 1, sim);
    check_conversation(factory, &input, options & 8);
    return 0;
}
