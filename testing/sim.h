/* The simulation: production code on a kernel in memory, with a clock that moves only when told.
 *
 *     TorcSim *sim = TorcSim_new(1);
 *     chat_server_start(TorcSim_reactor(sim), 8881);
 *     TorcSimPeer *peer = TorcSim_connect(sim, 8881);
 *     TorcSimPeer_send(peer, "NICK ann\r\n");
 *     TorcSim_advance(sim, 30.0);
 *     ck_assert_str_eq(TorcSimPeer_received(peer), "WELCOME ann\r\n");
 *     TorcSim_free(sim);
 *
 * The reactor, its transports, timers and thread jobs are the real ones; below them is a kernel
 * with stream, datagram and UNIX sockets, pipes, files, bounded buffers, listening queues, FIN and
 * RST, a table of host names, and jobs that run at virtual times on this thread. A peer is the
 * other end of a connection, worked by the test by hand. Nothing sleeps, nothing is random but what
 * the seed decides.
 *
 * What a peer does takes effect in the simulated kernel at once; the reactor sees it in the next
 * advance or run. Everything belongs to one thread. Memory running out in the kit itself aborts
 * the process with a message, and so does misuse (no peer, a negative delay): it is a test tool.
 *
 * The kernel is Linux's as far as a program can tell: tests/testing/test_differential.c runs the
 * same system calls on both. It is simpler on purpose in these points:
 *   - A connection has one buffer in each direction, the receiver's. How many bytes fit, and how
 *     many must be taken before there is room again, is another number than on a real kernel. When
 *     a connection is reset or the reader has shut its side, nothing is lost or left over in a
 *     buffer of the sender.
 *   - Small sends leave at once and are answered at once: no Nagle, no delayed ACK, so there are
 *     no edges at times of their own. FIN is not answered by an edge of its own.
 *   - On one machine connect takes effect in the next wait, not before it returns.
 *   - A port is free as soon as its last socket is closed: there is no TIME_WAIT.
 *   - A peer's or host's attempt that finds the queue full fails at once in TorcSim_connect.
 *   - Any address can be bound. Connect to AF_UNSPEC, out-of-band data, ancillary data (but for
 *     descriptors over UNIX sockets), multicast and broadcast are not there; of the flags of recv
 *     only MSG_PEEK counts, and for datagrams MSG_TRUNC; an IPv6 datagram socket does not take
 *     sockaddr_in.
 *   - Who connects to the port that he is bound to himself is refused: there is no simultaneous
 *     open. Shutting a socket for writing before it listens sends no FIN to who is accepted then.
 *   - UNIX sockets are streams, between programs on one host; their buffers count the bytes alone.
 *     bind wants a name (there is no autobind), recvfrom tells none, and shutting both sides of a
 *     socket while its buffer is full leaves it not writable. Files: see sim_files.h.
 *   - A message carries one descriptor at most, of any number of them under way; peers drop those
 *     they get. A socket that only messages lead to which nobody can receive is closed at once, and
 *     not when Linux's collector next finds it.
 *   - No call ever blocks: that a descriptor should is only remembered.
 *   - Of the socket options only SO_LINGER, SO_REUSEADDR, SO_REUSEPORT and IPV6_V6ONLY have an
 *     effect, the others are remembered: nobody probes by keepalive, TCP_USER_TIMEOUT never ends a
 *     connection, and close never waits, however long SO_LINGER says.
 *   - Descriptors are numbered from 1,000,003 on, so that none is taken for a real one.
 *   - Datagrams on one machine arrive in order and are lost only when the receiver's buffer, which
 *     counts nothing but their bytes, is full. A pipe counts bytes, not pages.
 *   - Of several watches that are ready the one with the lowest descriptor is called first. */
#ifndef TORC_TESTING_SIM_H
#define TORC_TESTING_SIM_H

#include <sys/types.h>

#include "../reactor/api.h"
#include "../reactor/reactor.h"

TORC_BEGIN_DECLS

typedef struct TorcSim TorcSim;
typedef struct TorcSimPeer TorcSimPeer;

typedef struct TorcSimOptions {
    size_t size; /* sizeof(TorcSimOptions), set by TORC_SIM_OPTIONS */
    /* Where its random decisions come from; TORC_SIM_SEED in the environment overrides it, see
     * sim_seeds.h. */
    uint64_t seed;
    /* Bytes a socket holds in each direction before send is refused. 0: 64 KiB. */
    size_t bufferSize;
    /* Most bytes that one recv or send moves; 0: no such limit. 1 shows every place where code
     * relies on whole messages. */
    size_t chunkSize;
    /* true: readiness by level, as poll and select have it, instead of by edge as epoll has. */
    bool levelTriggered;
    /* For the reactor inside; `system` and `backend` are ignored. NULL: defaults. */
    const TorcReactorOptions *reactor;
    /* Most turns of the loop in one TorcSim_run or TorcSimHost_run; 0: ten million, which take some
     * seconds of real time. */
    uint64_t turns;
    void *reserved[3];
} TorcSimOptions;

#define TORC_SIM_OPTIONS(...) (&(TorcSimOptions){.size = sizeof(TorcSimOptions), __VA_ARGS__})

TORC_API TorcSim *TorcSim_new(uint64_t seed);
TORC_API TorcSim *TorcSim_newWith(const TorcSimOptions *options);

/* Frees the reactor (as TorcReactor_free does), the peers and the kernel. */
TORC_API void TorcSim_free(TorcSim *sim);

TORC_API TorcReactor *TorcSim_reactor(TorcSim *sim);

/* ---- time ---------------------------------------------------------------------------------- */

/* Turns the reactor (and those of all other hosts, see sim_network.h) until `seconds` of virtual
 * time have passed and nothing is left to do at that moment. 0: what can be done now. Also drives a
 * reactor whose run() was not called; not to be used from inside a callback. A loop that spins (a
 * million turns in which no time passes and no byte moves) aborts the process with the end of the
 * trace. 0, or -EINVAL when `seconds` is negative or NaN: time does not go backwards. */
TORC_API int TorcSim_advance(TorcSim *sim, double seconds);

/* The same, but only until the predicate answers true, which is asked before anything is done and
 * after each turn. False when `limit` seconds have passed before. */
typedef bool TorcSimPredicate(void *arg);
TORC_API bool TorcSim_runUntil(TorcSim *sim, TorcSimPredicate *predicate, void *arg, double limit);

/* The same, until all is quiet: nothing is on its way in the network, no attempt to connect,
 * look-up or thread job is under way, no reactor has work left, and no delayed call is due within a
 * second. Later ones, such as idle timeouts, and what a partition or a full buffer holds back do
 * not count and are not waited for. False when it is not quiet after `limit` seconds. */
TORC_API bool TorcSim_runUntilIdle(TorcSim *sim, double limit);

/* The virtual clock; 0 when the simulation begins. */
TORC_API double TorcSim_seconds(TorcSim *sim);

/* Called from inside a callback of home's reactor: the callback takes so long. Virtual time passes
 * here and now, and while it does nothing else happens on any host: what is due meanwhile comes
 * late. This is how to test what a callback that holds the loop does to the others, and that it is
 * reported (reactor/observation.h). 0, or -EINVAL when `seconds` is negative or NaN. */
TORC_API int TorcSim_spend(TorcSim *sim, double seconds);

/* The date, in seconds since 1970, which is 2024-01-01 00:00:00 UTC when the simulation begins and
 * goes with the virtual clock. Setting it makes it jump, as an administrator or NTP does, forwards
 * or backwards; nothing else changes. 0, or -EINVAL (negative, NaN, beyond the year 2262). */
TORC_API double TorcSim_wallTime(TorcSim *sim);
TORC_API int TorcSim_setWallTime(TorcSim *sim, double seconds);

typedef enum TorcSimOrder {
    TORC_SIM_ORDER_DESCRIPTOR, /* by number; the default */
    TORC_SIM_ORDER_RANDOM      /* as the seed decides, each time anew */
} TorcSimOrder;

/* In which order a reactor is told of descriptors that are ready at the same moment. A kernel
 * promises none, so code must work with any. */
TORC_API void TorcSim_setWakeOrder(TorcSim *sim, TorcSimOrder order);

/* Runs the reactor by TorcReactor_run, as the program's main does, until it stops; time jumps from
 * event to event. Fails with -EDEADLK when nothing can ever happen any more, and with -ETIMEDOUT
 * when TorcSimOptions.turns are used up: with both it says on stderr what is still there, with the
 * seed and the end of the trace (TorcSim_fail), and the reactor shuts down. */
TORC_API int TorcSim_run(TorcSim *sim);

/* As if the process got the signal: SIGINT or SIGTERM, or one that it has a handler for
 * (signals.h). Ignored if nobody catches it, also those whose default action is worse; as
 * everywhere, one that pends already is not counted again. */
TORC_API void TorcSim_raise(TorcSim *sim, int signo);

/* ---- names --------------------------------------------------------------------------------- */

/* The name resolves to these literals, in this order; replaces what it had. */
TORC_API void TorcSim_setAddresses(TorcSim *sim, const char *name, const char *const *addresses,
                                   size_t count);

/* Seconds that look-ups and thread jobs take; default 0.001. Jobs beyond the reactor's pool size
 * wait until a worker is free. */
TORC_API void TorcSim_setLookupDelay(TorcSim *sim, double seconds);
TORC_API void TorcSim_setJobDelay(TorcSim *sim, double seconds);

/* ---- peers --------------------------------------------------------------------------------- */

/* A peer at 127.0.0.1 connects to a port on which the code under test listens (on the wildcard or a
 * loopback address; one at ::1 if only that is listened on). NULL with errno ECONNREFUSED when none
 * does or its queue is full. The sim owns the peer. */
TORC_API TorcSimPeer *TorcSim_connect(TorcSim *sim, int port);

/* The same from and to given literals, or names that resolve to some (the first counts). From an
 * address of one of the simulation's hosts the peer is on that host (sim_network.h). */
TORC_API TorcSimPeer *TorcSim_connectFrom(TorcSim *sim, const char *from, const char *to, int port);

/* Listens for connections that the code under test makes to this literal and port. 0 or a negative
 * code. */
TORC_API int TorcSim_listen(TorcSim *sim, const char *address, int port);

/* The next connection made to the port, NULL when there is none. */
TORC_API TorcSimPeer *TorcSim_accept(TorcSim *sim, int port);

/* The same on a UNIX address, a path or '@' and an abstract name (transports/unix.h), of home (see
 * sim_files.h for its files). connectUNIX: NULL with errno ENOENT (no such path), ECONNREFUSED
 * (nobody listens), EACCES (no write permission), EAGAIN (the queue is full), EINVAL. listenUNIX:
 * 0, -EADDRINUSE (also when a path is left over), -EINVAL. */
TORC_API TorcSimPeer *TorcSim_connectUNIX(TorcSim *sim, const char *address);
TORC_API int TorcSim_listenUNIX(TorcSim *sim, const char *address);
TORC_API TorcSimPeer *TorcSim_acceptUNIX(TorcSim *sim, const char *address);

/* Whom the peers that connect to or listen on UNIX addresses from now on work for: what SO_PEERCRED
 * tells, and whether the mode of a path lets them connect. In the beginning process 1001 of user
 * 1000 and group 1000; the code under test is process 1000 of the same. */
TORC_API void TorcSim_setPeerCredentials(TorcSim *sim, pid_t pid, uid_t uid, gid_t gid);

/* Attempts to reach this literal get no answer at all (they time out). */
TORC_API void TorcSim_blackHole(TorcSim *sim, const char *address);

/* Sends; what the other side's buffer does not take waits in the peer and follows by itself. Not
 * after shutdown or close; lost without a word when the connection is. */
TORC_API void TorcSimPeer_send(TorcSimPeer *peer, const char *text);
TORC_API void TorcSimPeer_sendBytes(TorcSimPeer *peer, const void *data, size_t length);

/* All that was received since the beginning or the last clear, NUL-terminated behind the last byte;
 * valid until the next call for this peer or the next turn. */
TORC_API const char *TorcSimPeer_received(TorcSimPeer *peer);
TORC_API size_t TorcSimPeer_receivedLength(TorcSimPeer *peer);
TORC_API void TorcSimPeer_clear(TorcSimPeer *peer);

/* Stops taking bytes (the other side's buffers fill up), and starts again. A peer reads at once by
 * default. */
TORC_API void TorcSimPeer_stopReading(TorcSimPeer *peer);
TORC_API void TorcSimPeer_startReading(TorcSimPeer *peer);

/* FIN, behind what was sent; reading goes on. */
TORC_API void TorcSimPeer_shutdown(TorcSimPeer *peer);

/* Closes both ways: FIN, and RST when input is unread or arrives later. */
TORC_API void TorcSimPeer_close(TorcSimPeer *peer);

/* RST now; what was sent and not yet read by the other side stays readable there. UNIX sockets have
 * no RST: there it is a close with input unread, which looks the same to the other side. */
TORC_API void TorcSimPeer_reset(TorcSimPeer *peer);

/* What the code under test did: sent FIN (and all before it was received); sent RST. */
TORC_API bool TorcSimPeer_gotEnd(const TorcSimPeer *peer);
TORC_API bool TorcSimPeer_gotReset(const TorcSimPeer *peer);

/* ---- system calls -------------------------------------------------------------------------- */

typedef enum TorcSimCall {
    TORC_SIM_SOCKET,
    TORC_SIM_BIND,
    TORC_SIM_LISTEN,
    TORC_SIM_ACCEPT,
    TORC_SIM_CONNECT,
    TORC_SIM_RECV,
    TORC_SIM_SEND,
    TORC_SIM_WAIT,
    TORC_SIM_SHUTDOWN,
    TORC_SIM_CLOSE,
    TORC_SIM_SETSOCKOPT,
    TORC_SIM_WATCH,      /* epoll_ctl: a watch is started or changed */
    TORC_SIM_LOOKUP,     /* a host name is asked for */
    TORC_SIM_SUBMIT,     /* a job is handed to the pool of threads */
    TORC_SIM_OPEN_SPARE, /* a descriptor is kept in reserve */
    TORC_SIM_OPEN,
    TORC_SIM_READ_FILE, /* of files alone: all else counts as recv and send */
    TORC_SIM_WRITE_FILE,
    TORC_SIM_UNLINK,
    TORC_SIM_CHMOD,
    TORC_SIM_STAT, /* of a path or of a descriptor */
    TORC_SIM_LOCK, /* flock */
    TORC_SIM_DUPLICATE,
    TORC_SIM_SEND_DESCRIPTOR, /* one goes along with a send over a UNIX socket, which counts too */
    TORC_SIM_TAKE_DESCRIPTOR, /* one that came along with a recv gets its number, or is lost */
    TORC_SIM_CALLS            /* how many kinds there are */
} TorcSimCall;

/* From now on the `nth` call of the kind (1: the next) fails with this errno value, `times` times
 * in a row (0: for ever). One such rule per kind; a new one replaces it, error 0 removes it. After
 * an invented EAGAIN the descriptor is reported ready again, so nobody waits in vain. The short
 * form of TorcSim_addFault (sim_faults.h). */
TORC_API void TorcSim_failCall(TorcSim *sim, TorcSimCall call, unsigned nth, int error,
                               unsigned times);

/* Calls of a kind so far, on all hosts, those included that have crashed. TorcSimHost_countCalls
 * (sim_network.h) tells those of one. */
TORC_API uint64_t TorcSim_countCalls(TorcSim *sim, TorcSimCall call);

/* Descriptors open now on all hosts, without those of peers and those under way over UNIX sockets. */
TORC_API size_t TorcSim_openDescriptors(TorcSim *sim);

TORC_END_DECLS

#endif
