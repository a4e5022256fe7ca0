/* Assertions about peers and string transports, with messages that show both texts and where they
 * part.
 *
 *     #include <check.h>
 *     #include <torc/torc.h>
 *     …
 *     ck_assert_received(peer, "WELCOME ann\r\n");
 *
 * The macros are for libcheck, which this header does not include: it is needed only where they are
 * used. Under any other test framework the functions behind them do the same; for example
 *
 *     char message[TORC_CHECK_MESSAGE_SIZE];
 *     TEST_ASSERT_TRUE_MESSAGE(torc_check_ended(peer, message, sizeof(message)), message);
 *
 * Their answer is true when all is as it should be; `message` is then "", and else says what is not
 * so, cut to fit (NULL with size 0: not wanted). */
#ifndef TORC_TESTING_CHECK_H
#define TORC_TESTING_CHECK_H

#include <string.h>

#include "../reactor/api.h"
#include "fragmentation.h"
#include "sim.h"
#include "string_transport.h"

TORC_BEGIN_DECLS

enum { TORC_CHECK_MESSAGE_SIZE = 4096 };

/* ---- for any test framework ---------------------------------------------------------------- */

/* The peer has received exactly these bytes since the beginning or the last clear. */
TORC_API bool torc_check_received(TorcSimPeer *peer, const void *data, size_t length, char *message,
                                  size_t size);

/* The code under test has ended this connection in order: the peer has got FIN and no RST. */
TORC_API bool torc_check_ended(TorcSimPeer *peer, char *message, size_t size);

/* The code under test has reset this connection. */
TORC_API bool torc_check_reset(TorcSimPeer *peer, char *message, size_t size);

/* The protocol has written exactly these bytes since the beginning or the last clear: the string
 * transport's value. */
TORC_API bool torc_check_written(TorcStringTransport *wire, const void *data, size_t length,
                                 char *message, size_t size);

/* Nothing is left behind: TorcSim_checkClean (sim_hygiene.h), which does what can be done now, finds
 * no connection, port, connector, delayed call, job, look-up, trigger, signal handler or descriptor;
 * else the message names each. sim_hygiene.h says what it cannot see, deferreds for example. */
TORC_API bool torc_check_clean(TorcSim *sim, char *message, size_t size);

TORC_END_DECLS

/* ---- for libcheck -------------------------------------------------------------------------- */

/* call_ is one of the functions above, without its last two arguments. */
#define TORC_CHECK_THAT(what_, function_, ...)                                                     \
    do {                                                                                           \
        char torc_message_[TORC_CHECK_MESSAGE_SIZE];                                               \
        ck_assert_msg(function_(__VA_ARGS__, torc_message_, sizeof(torc_message_)), "%s: %s",      \
                      what_, torc_message_);                                                       \
    } while (0)

#define ck_assert_received_bytes(peer_, data_, length_)                                            \
    TORC_CHECK_THAT(#peer_, torc_check_received, peer_, data_, length_)
#define ck_assert_received(peer_, text_)                                                           \
    do {                                                                                           \
        const char *torc_text_ = (text_);                                                          \
        TORC_CHECK_THAT(#peer_, torc_check_received, peer_, torc_text_, strlen(torc_text_));       \
    } while (0)

#define ck_assert_ended(peer_) TORC_CHECK_THAT(#peer_, torc_check_ended, peer_)
#define ck_assert_reset(peer_) TORC_CHECK_THAT(#peer_, torc_check_reset, peer_)

#define ck_assert_written_bytes(wire_, data_, length_)                                             \
    TORC_CHECK_THAT(#wire_, torc_check_written, wire_, data_, length_)
#define ck_assert_written(wire_, text_)                                                            \
    do {                                                                                           \
        const char *torc_text_ = (text_);                                                          \
        TORC_CHECK_THAT(#wire_, torc_check_written, wire_, torc_text_, strlen(torc_text_));        \
    } while (0)

#define ck_assert_clean(sim_) TORC_CHECK_THAT(#sim_, torc_check_clean, sim_)

/* torc_fragmentation_check finds no difference; options_ may be NULL. */
#define ck_assert_cuts_do_not_matter(factory_, text_, options_)                                    \
    do {                                                                                           \
        const char *torc_text_ = (text_);                                                          \
        char torc_report_[TORC_FRAGMENTATION_REPORT_SIZE];                                         \
        int torc_result_ = torc_fragmentation_check(factory_, torc_text_, strlen(torc_text_),      \
                                                    options_, torc_report_, sizeof(torc_report_)); \
        ck_assert_msg(torc_result_ == 0, "%s: %s", #factory_, torc_report_);                       \
    } while (0)

/* The same of a protocol class, &its_class, that needs no factory of its own. */
#define ck_assert_cuts_do_not_matter_to(class_, text_, options_)                                   \
    do {                                                                                           \
        const char *torc_text_ = (text_);                                                          \
        char torc_report_[TORC_FRAGMENTATION_REPORT_SIZE];                                         \
        int torc_result_ = torc_fragmentation_checkProtocol(                                       \
            class_, torc_text_, strlen(torc_text_), options_, torc_report_, sizeof(torc_report_)); \
        ck_assert_msg(torc_result_ == 0, "%s: %s", #class_, torc_report_);                         \
    } while (0)

#endif
