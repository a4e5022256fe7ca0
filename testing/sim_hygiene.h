/* The hygiene check: what a test has left behind. (Twisted trial's dirty reactor.)
 *
 *     char report[1000];
 *     ck_assert_msg(TorcSim_checkClean(sim, report, sizeof(report)) == 0, "%s", report);
 *     TorcSim_free(sim);
 */
#ifndef TORC_TESTING_SIM_HYGIENE_H
#define TORC_TESTING_SIM_HYGIENE_H

#include "sim.h"

TORC_BEGIN_DECLS

/* Does what can be done now (not from inside a callback), then counts what is still there and names
 * it, a line each, in the report:
 *
 *     connection "chat" with 127.0.0.1:32768, port 8881
 *     port [::]:8881 of factory "factory", protocol "chat"
 *     connector to irc.example.org:6667, connecting
 *     delayed call in 12.500000000 s
 *     job, running
 *     look-up of irc.example.org
 *     system event trigger, before shutdown
 *     signal handler, signal 15
 *     descriptor 1000005: socket, connected
 *     descriptor under way: pipe, writing end
 *
 * Where there are several hosts (sim_network.h) a line begins with the name of its own: "client:
 * job, running". A connection, for example, counts twice, once with its descriptor. A descriptor is
 * under way while the bytes that it was sent with over a UNIX socket are unread. A protocol is told
 * where a port's factory names one (TorcFactory_forProtocol). Returns the number of lines that the
 * whole report has; 0: all clean. The report is NUL-terminated and cut to `size`, at the end of a
 * line if possible; NULL with 0: only the number.
 *
 * Triggers, and calls of callWhenRunning, are told once for each phase that has some; a signal that
 * stops the reactor is none of the application's handlers. What it cannot see: deferreds that
 * nobody has fired, and memory of the application's own (the leak sanitizer finds it). */
TORC_API size_t TorcSim_checkClean(TorcSim *sim, char *report, size_t size);

TORC_END_DECLS

#endif
