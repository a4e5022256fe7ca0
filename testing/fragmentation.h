/* The parser harness: a protocol must behave the same however its input is cut.
 *
 *     static const char session[] = "NICK ann\r\nSAY hello\r\nQUIT\r\n";
 *     char report[TORC_FRAGMENTATION_REPORT_SIZE];
 *     int r = torc_fragmentation_check(factory, session, strlen(session), NULL, report,
 *                                      sizeof(report));
 *     ck_assert_msg(r == 0, "%s", report);
 *
 * or, with check.h, ck_assert_cuts_do_not_matter(factory, session, NULL). A protocol that needs no
 * factory of its own is given by its class: torc_fragmentation_checkProtocol,
 * ck_assert_cuts_do_not_matter_to(&its_class, session, NULL).
 *
 * A new instance on a string transport gets the bytes whole; others get them byte by byte, cut in
 * two at every position, and, when they are few, cut in three at every pair of positions. What each
 * writes, how it closes, and what it observed must be what the first one wrote, did and
 * observed. */
#ifndef TORC_TESTING_FRAGMENTATION_H
#define TORC_TESTING_FRAGMENTATION_H

#include "../factories/factory.h"
#include "../reactor/api.h"
#include "sim.h"

TORC_BEGIN_DECLS

/* Enough for a report that leaves nothing out but the middle of long texts. */
enum { TORC_FRAGMENTATION_REPORT_SIZE = 8192 };

typedef struct TorcFragmentationOptions {
    size_t size; /* sizeof(TorcFragmentationOptions), set by TORC_FRAGMENTATION_OPTIONS */
    /* true: the peer's FIN follows the last byte. */
    bool endOfStream;
    /* Called before each run, to forget what an earlier one has observed. NULL: nothing to do. */
    void (*begin)(void *arg);
    /* What this instance, or the program, observed in the run, as text: anything that must not
     * depend on the cuts (so not, for example, the lengths of raw chunks). Valid until the next
     * call. Called at the end of each run, when connectionLost has returned and the instance is
     * still there. NULL: only what was written and how it closed is compared. */
    const char *(*observed)(TorcProtocol *protocol, void *arg);
    void *arg;
    /* Transcripts of up to this many bytes are cut at every pair of positions, too. 0: 64 (which
     * makes 2016 runs). */
    size_t pairLimit;
    /* For protocols that use timers or the reactor otherwise: they get its reactor, and it is
     * advanced by 0 after each piece. Borrowed. NULL: no reactor. */
    TorcSim *sim;
    /* With sim: virtual seconds that pass at the end of each run, for answers that come later. */
    double seconds;
    /* For a fuzzer, whose input says how it is cut as well: instead of all cuts only one, into pieces
     * of these lengths (each at least 1), over and over until the bytes are used up. With that there
     * are three runs, and the cost is linear. Borrowed. NULL and 0: all cuts. */
    const size_t *pieces;
    size_t pieceCount;
    void *reserved[2];
} TorcFragmentationOptions;

#define TORC_FRAGMENTATION_OPTIONS(...)                                                            \
    (&(TorcFragmentationOptions){.size = sizeof(TorcFragmentationOptions), __VA_ARGS__})

/* Fills in the size and defaults, for C++ and bindings. */
TORC_API void TorcFragmentationOptions_init(TorcFragmentationOptions *options);

/* Runs them all; each instance is made by the factory and lost, at the end of its run, with
 * TORC_CONNECTION_DONE unless it was over before. options may be NULL.
 *
 * 0: all the same. -EBADMSG: the first run that differs from the whole is described in `report`
 * (NULL with size 0: not wanted), cut to fit, with both texts escaped. -EINVAL: no factory, no
 * bytes, bad options; otherwise what TorcStringTransport_connect answers. The report says each of
 * these, too; it is "" on success. The cost grows with the square of the length, with
 * `pieces` it does not. */
TORC_API int torc_fragmentation_check(TorcFactory *factory, const void *data, size_t length,
                                      const TorcFragmentationOptions *options, char *report,
                                      size_t size);

/* The same for a protocol that needs no factory of its own, as TorcFactory_forProtocol makes it.
 * -EINVAL: no class; -ENOMEM. */
TORC_API int torc_fragmentation_checkProtocol(const TorcProtocolClass *cls, const void *data,
                                              size_t length,
                                              const TorcFragmentationOptions *options, char *report,
                                              size_t size);

TORC_END_DECLS

#endif
