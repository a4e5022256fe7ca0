/* Scripts of system calls that are run on the real system and on the simulated one, and what they
 * say compared line by line.
 *
 * A script is text. A line is a step: calls, separated by ';', after which the kernel gets time to
 * deliver what they set going. A descriptor is a letter; a port is a number or the letter of a
 * descriptor that had it; a file is a name in a directory that is empty at the beginning. The log says
 * what each call answered and, below each step, what watches were told. It does not depend on
 * descriptor or port numbers: ports are named in the order in which they appear.
 *
 *     pair a b               a connects to a listener at 127.0.0.1, which accepts b and is closed;
 *                            both get TCP_NODELAY, lest small sends wait for answers
 *     open a tcp4            or tcp6, udp4, udp6
 *     bind a 127.0.0.1 0     listen a 5     accept a b     connect b 127.0.0.1 a
 *     send a text            sendv a te xt  sendmany a 5000
 *     recv a 100             peek a 100     recvmany a 5000 (says only how many)
 *     fill a                 sends until it is refused
 *     drain b a              receives until there is no more: was it all that a has sent? (What b is
 *                            told in this step is left out.)
 *     shutdown a r           or w, rw
 *     linger a 0             seconds; off: linger a -1
 *     close a                abort a (lingers 0 seconds)
 *     error a                SO_ERROR
 *     set a TCP_NODELAY 1    get a TCP_NODELAY      name a      peer a
 *     sendto a text 127.0.0.1 b    sendmanyto a 5000 127.0.0.1 b
 *     recvfrom a 100         peekfrom a 100         lengthfrom a 100 (MSG_TRUNC)
 *     pipe a b               write b text   writemany b 5000    read a 100   readmany a 5000
 *     open a unix            bind a unix f     bind a unix @f (abstract)     connect b unix f
 *     unixpair a b           as pair, on UNIX sockets; a is who connected
 *     credentials a          SO_PEERCRED: is it this process?
 *     file a f wc 644        opens a file: r, w, c O_CREAT, x O_EXCL, t O_TRUNC, a O_APPEND
 *     unlink f               chmod f 600    stat f     statopen a    same f a (one file?)
 *     lock a                 duplicate a b  blocking a 1 (said is what it was)
 *     pass a c text          sends c along with the text, over a UNIX socket
 *     take a 100 x           receives with room for one descriptor, x unless it is open; take a 100:
 *                            with room for none
 *     alike a x              do they stand for the same thing?
 *     watch a rwc            rewatch a r    unwatch a     (c, FIN, is left out when by level)
 *     then a unwatch a       the next time a's watch is called it does this
 *
 * By edge the log has what was reported in a step, by level what is reported at its end. */
#ifndef TORC_TESTS_DIFFERENTIAL_H
#define TORC_TESTS_DIFFERENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False, with the script, its smallest part that makes a difference and both logs on stderr, when
 * the systems disagree. A real kernel now and then delivers a little later than at once: a script
 * counts only when it differs with long waits between the steps too. */
bool differential_agree(const char *script, bool edge);

/* The log of a script on one of the two; to be freed. */
char *differential_run(const char *script, bool simulated, bool edge, int64_t settle_time);

/* A script drawn from the seed; to be freed. */
char *differential_random(uint64_t seed);

/* True when the machine has IPv6 on its loopback interface. */
bool differential_has_ipv6(void);

#endif
