/* The fragmentation oracle of the protocols' targets: whole, byte by byte and cut as the input
 * says, a protocol must behave the same, leave nothing behind, and use no more memory than its
 * input explains. */
#ifndef TORC_TESTS_FUZZ_CUTS_H
#define TORC_TESTS_FUZZ_CUTS_H

#include <torc/torc.h>

#include "fuzz.h"

enum { FUZZ_PIECES = 15 };

/* How an input is cut: into pieces of these lengths, over and over. */
typedef struct FuzzCuts {
    size_t lengths[FUZZ_PIECES];
    size_t count;
} FuzzCuts;

/* Reads how many pieces there are, a byte of which the lower half counts, and their lengths less
 * one, a byte each. None: pieces of three bytes. */
FuzzCuts fuzz_readCuts(FuzzInput *input);

/* What a protocol's slots have been given, as text, for fuzz_checkCuts: a word, the length of the
 * bytes, and the bytes escaped. Too much of it is left out at the end, always in the same place. */
void fuzz_note(const char *what, const void *data, size_t length);

/* Feeds the rest of the input to protocols of the factory in all three ways and compares; `sim` may
 * be NULL and is the reactor for those that need one. It must be clean afterwards. */
void fuzz_checkCuts(TorcFactory *factory, const FuzzInput *input, const FuzzCuts *cuts, bool end,
                    TorcSim *sim);

/* A whole target whose first byte chooses one of the factories, and whether the peer ends its
 * stream; the cuts follow, and the rest is fed by fuzz_checkCuts. */
void fuzz_checkOneOf(TorcFactory *const *factories, unsigned count, const uint8_t *data,
                     size_t size, TorcSim *sim);

/* A factory for the class of a line protocol, that has been run: what a first run leaves in memory,
 * such as the resolved class, is there from now on. */
TorcFactory *fuzz_lineFactory(const TorcProtocolClass *cls);

#endif
