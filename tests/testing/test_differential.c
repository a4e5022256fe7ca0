/* The truth of the simulated kernel: scripts of system calls answer alike on the real one.
 *
 * A difference is either a fault of the simulation or one of the deliberate simplifications that
 * testing/sim.h lists; scripts keep away from those. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "differential.h"

typedef struct Script {
    const char *name;
    const char *text;
} Script;

static const Script scripts[] = {
    /* ---- opening, binding, listening ---- */
    {"names at each stage of a connection", "open l tcp4; name l; peer l\n"
                                            "bind l 127.0.0.1 0; name l; peer l\n"
                                            "listen l 5; name l; peer l; get l SO_ACCEPTCONN\n"
                                            "open a tcp4; name a\n"
                                            "connect a 127.0.0.1 l\n"
                                            "name a; peer a\n"
                                            "accept l b; name b; peer b\n"
                                            "shutdown a w\n"
                                            "name a; peer a; name b; peer b\n"
                                            "shutdown b w\n"
                                            "name a; peer a; name b; peer b\n"
                                            "close a; close b; close l\n"},
    {"an address in use", "open a tcp4; bind a 127.0.0.1 0; listen a 1\n"
                          "open b tcp4; bind b 127.0.0.1 a\n"
                          "bind b 0.0.0.0 a\n"
                          "bind b 127.0.0.2 a\n"
                          "bind b 127.0.0.2 0\n"
                          "open c tcp4; set c SO_REUSEADDR 1; bind c 127.0.0.1 a\n"
                          "open d tcp4; set d SO_REUSEPORT 1; bind d 127.0.0.1 a\n"
                          "close a\n"
                          "open e tcp4; bind e 127.0.0.1 a\n"},
    {"SO_REUSEADDR: two may bind, one may listen",
     "open a tcp4; set a SO_REUSEADDR 1; bind a 127.0.0.1 0\n"
     "open b tcp4; set b SO_REUSEADDR 1; bind b 127.0.0.1 a\n"
     "open c tcp4; bind c 127.0.0.1 a\n"
     "listen a 1; listen b 1; listen a 7\n"
     "open d tcp4; set d SO_REUSEADDR 1; bind d 127.0.0.1 a\n"},
    {"SO_REUSEPORT: both must have it, then both may listen",
     "open a tcp4; set a SO_REUSEPORT 1; bind a 127.0.0.1 0; listen a 1\n"
     "open b tcp4; set b SO_REUSEPORT 1; bind b 127.0.0.1 a; listen b 1\n"
     "open c tcp4; bind c 127.0.0.1 a\n"},
    {"connections hold a port against those without SO_REUSEADDR",
     "open l tcp4; bind l 127.0.0.1 0; listen l 5; open a tcp4; connect a 127.0.0.1 l\n"
     "accept l b; close l; open m tcp4; bind m 127.0.0.1 l; set m SO_REUSEADDR 1\n"
     "bind m 127.0.0.1 l\n"},
    {"connections of a SO_REUSEADDR listener leave the port to another",
     "open l tcp4; set l SO_REUSEADDR 1; bind l 127.0.0.1 0; listen l 5\n"
     "open a tcp4; connect a 127.0.0.1 l\n"
     "accept l b; close l; open m tcp4; set m SO_REUSEADDR 1; bind m 127.0.0.1 l; listen m 1\n"
     "send b hi; recv a 10\n"},
    {"listen and accept where they do not belong",
     "open a tcp4; accept a b; listen a 3; accept a b\n"
     "name a\n"
     "pair c d\n"
     "listen c 1; accept c e; bind c 127.0.0.1 0\n"
     "connect a 127.0.0.1 a\n"
     "send a x; recv a 1; shutdown a w; peer a\n"
     "accept a b\n"},
    {"IPV6_V6ONLY and addresses",
     "open a tcp6; bind a ::1 0; get a IPV6_V6ONLY; open b tcp6; bind b :: 0; get b IPV6_V6ONLY\n"
     "open c tcp6; set c IPV6_V6ONLY 1; bind c ::ffff:127.0.0.1 0; name c\n"
     "open d tcp6; bind d ::ffff:127.0.0.1 0; get d IPV6_V6ONLY; set d IPV6_V6ONLY 1\n"},
    {"binding to an address of another family", "open a tcp4; bind a ::1 0; name a\n"},
    {"port 0 gives different ports",
     "open a tcp4; bind a 127.0.0.1 0; open b tcp4; bind b 127.0.0.1 0\n"
     "name a; name b; open c tcp4; listen c 1; name c\n"},
    {"calls on what was closed or never was",
     "pair a b; open c tcp4; close a; close b; close c\n"
     "send a x; recv a 1; shutdown a w; accept a d; connect a 127.0.0.1 a; bind a 127.0.0.1 0\n"
     "listen a 1; name a; peer a; error a; get a SO_TYPE; set a TCP_NODELAY 1; close a; close x\n"},

    /* ---- connecting ---- */
    {"a connect that succeeds", "open l tcp4; bind l 127.0.0.1 0; listen l 5; watch l rc\n"
                                "open a tcp4; watch a w\n"
                                "rewatch a rwc\n"
                                "connect a 127.0.0.1 l\n"
                                "error a; connect a 127.0.0.1 l\n"
                                "connect a 127.0.0.1 l\n"
                                "accept l b; accept l c\n"
                                "watch b rwc\n"},
    {"a connect that is refused", "open l tcp4; bind l 127.0.0.1 0; close l\n"
                                  "open a tcp4; connect a 127.0.0.1 l; watch a rwc\n"
                                  "peer a; name a; error a; error a\n"
                                  "send a x; recv a 10; recv a 10\n"},
    {"a refused connect is told by connect itself", "open l tcp4; bind l 127.0.0.1 0; close l\n"
                                                    "open a tcp4; connect a 127.0.0.1 l\n"
                                                    "connect a 127.0.0.1 l\n"
                                                    "connect a 127.0.0.1 l\n"
                                                    "send a x; error a\n"
                                                    "recv a 1; error a\n"},
    {"a refused connect is told by recv", "open l tcp4; bind l 127.0.0.1 0; close l\n"
                                          "open a tcp4; connect a 127.0.0.1 l\n"
                                          "recv a 1; recv a 1; error a; send a x\n"
                                          "shutdown a w; peer a\n"},
    {"after a refusal another attempt can succeed",
     "open l tcp4; bind l 127.0.0.1 0; close l\n"
     "open a tcp4; watch a rwc; connect a 127.0.0.1 l\n"
     "error a; connect a 127.0.0.1 l\n"
     "open m tcp4; bind m 127.0.0.1 0; listen m 1\n"
     "connect a 127.0.0.1 m\n"
     "error a; peer a; accept m b; send b hi\n"
     "recv a 10\n"},
    {"a refused attempt gives its port and address back",
     "open l tcp4; bind l 127.0.0.1 0; close l\n"
     "open a tcp4; connect a 127.0.0.1 l\n"
     "name a; connect a 127.0.0.1 l; name a\n"
     "connect a 127.0.0.1 l\n"
     "name a; bind a 127.0.0.1 0; name a\n"
     "connect a 127.0.0.1 l\n"
     "name a; bind a 127.0.0.1 0; name a\n"},
    {"shutdown ends an attempt for good", "open l tcp4; bind l 127.0.0.1 0; close l\n"
                                          "open b tcp4; connect b 127.0.0.1 l\n"
                                          "shutdown b w; error b; connect b 127.0.0.1 l; peer b\n"},
    {"connect tells of RST once, and then makes a new connection",
     "open l tcp4; bind l 127.0.0.1 0; listen l 5; open a tcp4; connect a 127.0.0.1 l\n"
     "watch a rwc; accept l b; abort b\n"
     "name a; peer a; connect a 127.0.0.1 l; name a\n"
     "recv a 1; send a x; connect a 127.0.0.1 l\n"
     "accept l c; name a; recv a 1; send a x\n"
     "recv c 10; send c unread; abort c\n"
     "connect a 127.0.0.1 l; error a; recv a 1; connect a 127.0.0.1 l\n"
     "accept l d; send d hi\nrecv a 10\n"},
    {"connect after both FIN",
     "open l tcp4; bind l 127.0.0.1 0; listen l 5; open a tcp4; connect a 127.0.0.1 l\n"
     "accept l b; shutdown b w; shutdown a w\n"
     "recv a 1; error a; connect a 127.0.0.1 l; name a\n"},
    {"two sockets of one port cannot have the same connection",
     "open l tcp4; bind l 127.0.0.1 0; listen l 5; open m tcp4; bind m 127.0.0.1 0; listen m 5\n"
     "open a tcp4; set a SO_REUSEADDR 1; bind a 127.0.0.1 0\n"
     "open b tcp4; set b SO_REUSEADDR 1; bind b 127.0.0.1 a; connect a 127.0.0.1 l\n"
     "connect b 127.0.0.1 l; error b\n"
     "connect b 127.0.0.1 m\n"
     "peer a; peer b; accept l c; accept m d; peer c; peer d\n"},
    {"a connection to an address the wildcard covers",
     "open l tcp4; bind l 0.0.0.0 0; listen l 5; name l; open a tcp4; connect a 127.0.0.2 l\n"
     "name a; accept l b; name b; peer b; send b hi\nrecv a 10\n"},
    {"connecting to the wildcard from an address of one's own",
     "open l tcp4; bind l 0.0.0.0 0; listen l 5; open a tcp4; bind a 127.0.0.5 0\n"
     "connect a 0.0.0.0 l\npeer a; accept l b; name b\n"},
    {"a listener that is shut and listens again",
     "open m tcp4; bind m 127.0.0.1 0; listen m 2; name m\n"
     "open a tcp4; connect a 127.0.0.1 m; watch a rc\nshutdown m w; accept m b\n"
     "open c tcp4; connect c 127.0.0.1 m; watch c rc\n"
     "shutdown m r; name m; error c; listen m 2; name m; peer b\n"
     "open n tcp4; listen n 2; name n\n"
     "shutdown n r; name n; bind n 127.0.0.1 0; name n; listen n 4; name n; bind n 127.0.0.1 0\n"},
    {"shutting before connecting and listening",
     "open a tcp4; shutdown a r; recv a 1; send a x\n"
     "open m tcp4; shutdown m r; listen m 1; open b tcp4; connect b 127.0.0.1 m\n"
     "accept m c; watch c rwc; recv c 1; send c x; send b y\nrecv c 1; recv b 1\n"},
    {"connecting twice", "open l tcp4; bind l 127.0.0.1 0; listen l 5\n"
                         "open a tcp4; connect a 127.0.0.1 l\n"
                         "connect a 127.0.0.1 l\n"
                         "connect a 127.0.0.1 l\n"
                         "shutdown a w; connect a 127.0.0.1 l\n"
                         "accept l b; close b\n"
                         "connect a 127.0.0.1 l; close a\n"},
    {"calls before the connection is there",
     "open a tcp4; open l tcp4; bind l 127.0.0.1 0; listen l 1\n"
     "send a x; recv a 1; peek a 1; shutdown a w; shutdown a nonsense\n"
     "peer a; error a; accept a b; watch a rwc\n"
     "connect a 127.0.0.1 l\n"
     "recv a 1; send a x; accept l b\n"
     "recv b 1\n"},
    {"connecting to the wildcard reaches the loopback interface",
     "open l tcp4; bind l 127.0.0.1 0; listen l 5; open a tcp4; connect a 0.0.0.0 l\n"
     "peer a; name a; accept l b; name b\n"},
    {"connecting from where one was bound",
     "open l tcp4; bind l 127.0.0.1 0; listen l 5\n"
     "open a tcp4; bind a 127.0.0.5 0; name a; connect a 127.0.0.1 l\n"
     "name a; accept l b; peer b\n"},
    {"a port that is bound but not listened on refuses",
     "open l tcp4; bind l 127.0.0.1 0; open a tcp4; connect a 127.0.0.1 l\nerror a\n"},
    {"a queue that is full leaves attempts without an answer",
     "open l tcp4; bind l 127.0.0.1 0; listen l 1; watch l r\n"
     "open a tcp4; connect a 127.0.0.1 l; watch a rwc\n"
     "open b tcp4; connect b 127.0.0.1 l; watch b rwc\n"
     "open c tcp4; connect c 127.0.0.1 l; watch c rwc\n"
     "open d tcp4; connect d 127.0.0.1 l; watch d rwc\n"
     "error c; peer c; send c x; recv c 1; connect c 127.0.0.1 l; name c\n"
     "accept l e; accept l f; accept l g\n"
     "close c\n"
     "shutdown d w; close d\n"},
    {"backlog 0 has room for one", "open l tcp4; bind l 127.0.0.1 0; listen l 0\n"
                                   "open a tcp4; connect a 127.0.0.1 l; watch a w\n"
                                   "open b tcp4; connect b 127.0.0.1 l; watch b w\n"
                                   "accept l c; accept l d\n"},
    {"the queue keeps the order and what was sent meanwhile",
     "open l tcp4; bind l 127.0.0.1 0; listen l 5\n"
     "open a tcp4; connect a 127.0.0.1 l\n"
     "send a first\n"
     "open b tcp4; connect b 127.0.0.1 l\n"
     "send b second; shutdown b w\n"
     "accept l c; accept l d; accept l e\n"
     "recv c 10; recv d 10; recv d 10\n"},
    {"closing a listener resets those who wait in its queue",
     "open l tcp4; bind l 127.0.0.1 0; listen l 5\n"
     "open a tcp4; connect a 127.0.0.1 l\n"
     "watch a rwc; send a x\n"
     "close l\n"
     "error a; recv a 1; send a y\n"},
    {"who left the queue is accepted all the same",
     "open l tcp4; bind l 127.0.0.1 0; listen l 5; watch l r\n"
     "open a tcp4; connect a 127.0.0.1 l\nsend a bye; close a\n"
     "open b tcp4; connect b 127.0.0.1 l\nabort b\n"
     "accept l c; recv c 10; recv c 10; send c x\nsend c y\n"
     "accept l d; recv d 10; recv d 10\n"},

    /* ---- dual stack ---- */
    {"a dual-stack listener shows IPv4 peers as mapped",
     "open l tcp6; get l IPV6_V6ONLY; bind l :: 0; listen l 5; name l\n"
     "open a tcp4; connect a 127.0.0.1 l; open b tcp6; connect b ::1 l\n"
     "accept l c; peer c; name c; get c SO_DOMAIN; accept l d; peer d; name d\n"
     "peer a; peer b; set l IPV6_V6ONLY 1\n"},
    {"an IPv6 socket reaches IPv4 by a mapped name",
     "open l tcp4; bind l 127.0.0.1 0; listen l 5\n"
     "open a tcp6; connect a ::ffff:127.0.0.1 l\n"
     "name a; peer a; accept l b; peer b; send a hi\nrecv b 5\n"},
    {"an IPv6-only socket does not take IPv4",
     "open l tcp6; set l IPV6_V6ONLY 1; bind l :: 0; listen l 5\n"
     "open a tcp4; connect a 127.0.0.1 l; watch a rwc\n"
     "error a; open b tcp6; set b IPV6_V6ONLY 1\n"
     "connect b ::ffff:127.0.0.1 l; connect b 127.0.0.1 l\n"
     "open m tcp4; bind m 0.0.0.0 l; listen m 1\n"
     "open c tcp4; connect c 127.0.0.1 l\naccept m d\n"},
    {"dual-stack and IPv4 wildcards exclude each other",
     "open a tcp4; bind a 0.0.0.0 0; listen a 1; open b tcp6; bind b :: a\n"
     "set b IPV6_V6ONLY 1; bind b :: a; open c tcp6; bind c ::ffff:127.0.0.1 a\n"},
    {"an IPv6 loopback listener",
     "open l tcp6; bind l ::1 0; listen l 5; open a tcp6; connect a :: l\n"
     "peer a; name a; accept l b; peer b; open c tcp4; connect c 127.0.0.1 l\n"
     "error c\n"},

    /* ---- ends in order ---- */
    {"half-close: the connected side first",
     "pair a b; watch a rwc; watch b rwc\n"
     "send a request\nshutdown a w\n"
     "send a x; recv b 100; recv b 100; recv b 100\n"
     "send b answer\n"
     "recv a 100; recv a 100\n"
     "shutdown b w\n"
     "recv a 100; send b x; shutdown a w; shutdown b rw; peer a\n"
     "close a\nrecv b 1; error b; close b\n"},
    {"half-close: the accepted side first", "pair a b; watch a rc; watch b rc\n"
                                            "shutdown b w\nrecv a 1; send a late\n"
                                            "recv b 10\nclose a\nrecv b 10; close b\n"},
    {"both sides at once", "pair a b; watch a rwc; watch b rwc\n"
                           "shutdown a w; shutdown b w\nrecv a 1; recv b 1; send a x; send b y\n"
                           "error a; error b; close a; close b\n"},
    {"data and end in one step", "pair a b; watch b rc\nsend a x; shutdown a w\n"
                                 "peek b 10; recv b 10; recv b 10\n"},
    {"shutdown twice, and of what was closed",
     "pair a b\nshutdown a w; shutdown a w; shutdown a rw; shutdown a nonsense\n"
     "close b\nshutdown a w; shutdown a r\nerror a; close a\n"},
    {"shutting only the reading side",
     "pair a b; watch a rwc; watch b rwc\n"
     "shutdown a r\nrecv a 10\nsend b still\nrecv a 10; recv a 10\n"
     "send a back\nrecv b 10\n"},
    {"shutting both sides, then data arrives",
     "pair a b; watch a rwc; watch b rwc\n"
     "shutdown a rw\nrecv a 1; send a x\n"
     "recv b 1; send b y\nsend b z; recv b 1; recv a 1; error a; error b\n"},
    {"shutting the reading side with unread data",
     "pair a b; watch a rwc; send b unread\nshutdown a r\n"
     "recv a 3; recv a 10; recv a 10\nclose a\nrecv b 1; error b\n"},
    {"close on both sides", "pair a b; watch b rwc\nclose a\nrecv b 1; close b\n"},
    {"close, and the other side goes on sending",
     "pair a b; watch b rwc\nclose a\n"
     "send b first\nsend b second\nrecv b 1; recv b 1; error b\n"},
    {"close after shutdown, and the other side goes on sending",
     "pair a b; watch b rwc\nshutdown a w\nclose a\nrecv b 5; send b first\n"
     "recv b 5; send b second; send b third; error b\n"},

    /* ---- RST ---- */
    {"close with unread input", "pair a b; watch a rwc; send a unread\nclose b\n"
                                "recv a 10; recv a 10; send a x; error a\n"},
    {"close with unread input and own data on the way",
     "pair a b; watch a rwc; send a unread\nsend b last; close b\n"
     "recv a 10; recv a 10; send a x\n"},
    {"RST: told by recv",
     "pair a b; watch b rwc\nabort a\nrecv b 1; recv b 1; send b x; peer b; name b\n"},
    {"RST: told by send",
     "pair a b; watch b rwc\nabort a\nsend b x; send b x; recv b 1; error b\n"},
    {"RST: told by SO_ERROR",
     "pair a b; watch b rwc\nabort a\nerror b; error b; recv b 1; send b x; shutdown b w\n"},
    {"RST: told by peek", "pair a b\nabort a\npeek b 1; peek b 1; recv b 1; error b\n"},
    {"RST with unread data", "pair a b; watch b rwc; send a abc\nabort a\n"
                             "recv b 1; recv b 10; recv b 10; recv b 10; send b x\n"},
    {"RST together with data", "pair a b; watch b rwc\nsend a abc; abort a\n"
                               "peek b 10; error b; recv b 10; recv b 10\n"},
    {"send after RST with unread data", "pair a b; watch b rwc; send a abc\nabort a\n"
                                        "send b x; recv b 10; recv b 10; send b x\n"},
    {"FIN, then RST", "pair a b; watch b rwc; send a abc; shutdown a w\nabort a\n"
                      "error b; recv b 10; recv b 10; send b x; shutdown b w; peer b\n"},
    {"FIN was read, then RST", "pair a b; watch b rwc; shutdown a w\nrecv b 1\nabort a\n"
                               "recv b 10; send b x; send b x; error b\n"},
    {"RST behind one's own FIN", "pair a b; watch b rwc; shutdown b w\nabort a\n"
                                 "recv b 1; recv b 1; send b x; error b\n"},
    {"RST after both FIN",
     "pair a b; watch a rwc; watch b rwc; shutdown a w; shutdown b w\nabort a\n"
     "recv b 1; send b x; error b\n"},
    {"RST, then shutdown and close",
     "pair a b; watch b rwc\nabort a\nshutdown b w\nshutdown b r\nclose b\n"},
    {"linger that is not 0 closes in order",
     "pair a b; linger a 5; watch b rwc; send a x\nclose a\nrecv b 5; recv b 5; error b\n"},
    {"linger that is switched off again",
     "pair a b; linger a 0; linger a -1\nclose a\nrecv b 5; error b\n"},
    {"an accepted connection inherits linger",
     "open l tcp4; linger l 0; bind l 127.0.0.1 0; listen l 5\n"
     "open a tcp4; connect a 127.0.0.1 l; watch a rwc\n"
     "accept l b; close b\nrecv a 1\n"},

    /* ---- bytes ---- */
    {"short reads and peeks",
     "pair a b; send a hello,; send a world\npeek b 3; peek b 100; recv b 3\n"
     "recv b 100; recv b 1; peek b 1; recv b 0; peek b 0\n"
     "send a -; recv b 1\nsend a x; recv b 0; recv b 1\n"},
    {"gathered sends",
     "pair a b; sendv a one two - three; sendv a -\nrecv b 100; shutdown a w; sendv a x y\n"
     "recv b 100\n"},
    {"sends and gathered sends that fit only in part",
     "pair a b; set a SO_SNDBUF 10000; fill a\nsendmany a 100; sendv a one two\ndrain b a\n"
     "sendv a one two\nrecv b 10\n"},
    {"a reset behind a full buffer", "pair a b; watch b rwc\nfill a; abort a\n"
                                     "error b; send b x\n"},
    {"sending until it is refused, then all is taken",
     "pair a b; watch a rwc; watch b rc\nfill a\n"
     "send a x\ndrain b a\nsend a x\nrecv b 10\n"},
    {"the peer goes while its buffer is full", "pair a b; watch a rwc\nfill a\nclose b\n"
                                               "error a; send a x; recv a 1\n"},
    {"end of input behind a full buffer",
     "pair a b; fill a; shutdown a w\ndrain b a\nrecv b 1; send b x\nrecv a 1\n"},
    {"close behind a full buffer", "pair a b; fill a; close a\ndrain b a\nrecv b 1\n"},
    {"full both ways",
     "pair a b; watch a r; watch b r; fill a; fill b\nrecv a 0\ndrain a b\ndrain b a\n"
     "close a\nrecv b 1\n"},

    /* ---- watches ---- */
    {"rewatch reports anew",
     "pair a b; send b x; watch a r\nrewatch a r\nrewatch a rw\nrewatch a r\n"
     "rewatch a w\nrecv a 5; rewatch a r\nrewatch a rc\nsend b y\n"},
    {"interest in nothing", "pair a b; watch a -\nsend b x; shutdown b w\nabort b\nrewatch a r\n"},
    {"unwatch, then watch again",
     "pair a b; watch a rwc; send b x\nunwatch a; send b y\nunwatch a\nwatch a rwc\n"
     "rewatch a c\nshutdown b w\n"},
    {"unwatch in the watch's own callback",
     "pair a b; watch a rc; then a unwatch a; send b x\nsend b y\nwatch a r\n"},
    {"rewatch in the watch's own callback",
     "pair a b; watch a r; then a rewatch a rw; send b x\nsend b y\n"},
    {"close in the watch's own callback",
     "pair a b; watch a rwc; then a close a; send b x\nsend b y\n"},
    {"reading in the callback", "pair a b; watch a r; then a recv a 100; send b x\nsend b y\n"},
    {"more data is reported again",
     "pair a b; watch a rw\nsend b x\nsend b y\nrecv a 1\nsend b z\nrecv a 100\n"},
    {"one's own shutdown is reported", "pair a b; watch a rwc\nshutdown a r\nshutdown a w\n"},
    {"watching what is not connected", "open a tcp4; watch a rwc\nbind a 127.0.0.1 0\nlisten a 1\n"
                                       "open b tcp4; connect b 127.0.0.1 a\nclose b\naccept a c\n"},
    {"a listener reports each arrival",
     "open l tcp4; bind l 127.0.0.1 0; listen l 5; watch l rwc\n"
     "open a tcp4; connect a 127.0.0.1 l\nopen b tcp4; connect b 127.0.0.1 l\n"
     "accept l c\nrewatch l rc\naccept l d\naccept l e\n"},

    /* ---- options ---- */
    {"options of a stream socket",
     "open a tcp4; get a SO_TYPE; get a SO_DOMAIN; get a SO_PROTOCOL; get a SO_ERROR; get a SO_ACCEPTCONN\n"
     "get a TCP_NODELAY; set a TCP_NODELAY 5; get a TCP_NODELAY; set a TCP_NODELAY 0; get a TCP_NODELAY\n"
     "set a SO_KEEPALIVE 1; get a SO_KEEPALIVE; set a TCP_KEEPIDLE 10; get a TCP_KEEPIDLE; set a TCP_KEEPIDLE 0\n"
     "set a TCP_KEEPIDLE 40000; set a TCP_KEEPINTVL 3; get a TCP_KEEPINTVL; set a TCP_KEEPCNT 128\n"
     "set a TCP_KEEPCNT 3; get a TCP_KEEPCNT; set a TCP_USER_TIMEOUT 1000; get a TCP_USER_TIMEOUT\n"
     "set a TCP_USER_TIMEOUT -1; set a IP_TOS 16; get a IP_TOS; get a IP_TTL; set a IP_TTL 3; get a IP_TTL\n"
     "set a IP_TTL 0; set a IP_TTL 256; get a NONSENSE; set a NONSENSE 1; get a IPV6_V6ONLY\n"
     "set a SO_ERROR 1; set a SO_TYPE 1; set a TCP_CORK 1; get a TCP_CORK; get a SO_REUSEADDR; get a SO_REUSEPORT\n"
     "set a SO_SNDBUF 10000; get a SO_SNDBUF; set a SO_RCVBUF 10000; get a SO_RCVBUF; set a SO_SNDBUF 1; get a SO_SNDBUF\n"
     "set a SO_RCVBUF 1; get a SO_RCVBUF\n"},
    {"options of an IPv6 stream socket",
     "open a tcp6; get a SO_DOMAIN; get a IPV6_V6ONLY; set a IPV6_V6ONLY 7; get a IPV6_V6ONLY; get a IPV6_TCLASS\n"
     "set a IPV6_TCLASS 9; get a IPV6_TCLASS; set a IPV6_TCLASS 256; set a IPV6_TCLASS -2; get a IPV6_UNICAST_HOPS\n"
     "set a IPV6_UNICAST_HOPS 9; get a IPV6_UNICAST_HOPS; set a IPV6_UNICAST_HOPS 256\n"
     "set a IPV6_UNICAST_HOPS 0; get a IPV6_UNICAST_HOPS\n"},
    {"an accepted connection inherits options",
     "open l tcp4; set l TCP_NODELAY 1; set l SO_KEEPALIVE 1; set l TCP_KEEPIDLE 77; set l IP_TOS 16; set l SO_REUSEADDR 1\n"
     "bind l 127.0.0.1 0; listen l 5; open a tcp4; connect a 127.0.0.1 l\n"
     "accept l b; get b TCP_NODELAY; get b SO_KEEPALIVE; get b TCP_KEEPIDLE; get b IP_TOS; get b SO_REUSEADDR\n"
     "get b SO_ACCEPTCONN; get l SO_ACCEPTCONN\n"},

    /* ---- datagrams ---- */
    {"datagrams between two sockets",
     "open a udp4; bind a 127.0.0.1 0; watch a rwc; open b udp4; watch b rwc; name b; peer b\n"
     "sendto b one 127.0.0.1 a\nname b; sendto b two 127.0.0.1 a\n"
     "peekfrom a 10; recvfrom a 10; recv a 10; recv a 10; recvfrom a 10\n"
     "sendto a back 127.0.0.1 b\nrecvfrom b 2; recvfrom b 10\n"
     "close a; close b\n"},
    {"datagrams: cut off, whole length, and length zero",
     "open a udp4; bind a 127.0.0.1 0; watch a r; open b udp4; connect b 127.0.0.1 a\n"
     "send b abcdef; send b -; send b abcdef\npeek a 3; lengthfrom a 3; recvfrom a 3\n"
     "lengthfrom a 2; recv a 0; send b abc\nrecv a 0; recv a 5\n"
     "sendto b -\nrecvfrom a 10; recvfrom a 10\nsendv b one two - three\nrecv a 100\n"},
    {"datagrams: too long", "open a udp4; bind a 127.0.0.1 0; open b udp4\n"
                            "sendmanyto b 65507 127.0.0.1 a; recvmany a 100000\n"
                            "sendmanyto b 65508 127.0.0.1 a; sendmanyto b 100000 127.0.0.1 a\n"
                            "recvmany a 100000\n"},
    {"datagrams over IPv6: too long", "open a udp6; bind a ::1 0; open b udp6\n"
                                      "sendmanyto b 65527 ::1 a; recvmany a 100000\n"
                                      "sendmanyto b 65528 ::1 a; recvmany a 100000\n"},
    {"datagrams: what is asked first",
     "open a udp4; sendmanyto a 70000; sendmanyto a 65530; sendmanyto a 70000 127.0.0.1 0\n"
     "sendmanyto a 65530 127.0.0.1 0; open b udp6; sendmanyto b 70000; send b x\n"},
    {"a datagram to the wildcard from an address of one's own",
     "open a udp4; bind a 127.0.0.2 0; open b udp4; bind b 0.0.0.0 0\n"
     "sendto a x 0.0.0.0 b\nrecvfrom b 10; connect a 0.0.0.0 b; peer a\n"},
    {"datagrams without anywhere to go",
     "open a udp4; send a x; sendto a x; recv a 1; recvfrom a 1; peer a\n"
     "sendto a x 127.0.0.1 0; name a; listen a 1; accept a b; error a\n"
     "shutdown a w; send a x; sendto a x 127.0.0.1 9\n"},
    {"a datagram for nobody, connected",
     "open z udp4; bind z 127.0.0.1 0; close z; open a udp4; connect a 127.0.0.1 z\n"
     "watch a rwc\nname a; peer a; send a x\n"
     "recv a 1; recv a 1; send a x\nsend a y; send a z\nerror a; error a\n"
     "send a x\nrecvfrom a 1; peer a\n"},
    {"a datagram for nobody, not connected",
     "open z udp4; bind z 127.0.0.1 0; close z; open a udp4; watch a rwc\n"
     "sendto a x 127.0.0.1 z\nrecv a 1; error a; sendto a x 127.0.0.1 z\n"},
    {"a connected datagram socket sends elsewhere, too",
     "open z udp4; bind z 127.0.0.1 0; open y udp4; bind y 127.0.0.1 0\n"
     "open a udp4; connect a 127.0.0.1 z; watch a rwc\nclose z; sendto a x 127.0.0.1 y\nrecvfrom y 5\n"
     "sendto a x 127.0.0.1 z\nerror a\n"},
    {"a connected datagram socket takes from its peer alone",
     "open a udp4; bind a 127.0.0.1 0; open b udp4; bind b 127.0.0.1 0; open c udp4; bind c 127.0.0.1 0\n"
     "connect a 127.0.0.1 b; watch a r\nsendto c no 127.0.0.1 a\nsendto b yes 127.0.0.1 a\n"
     "recvfrom a 10; recvfrom a 10\nconnect a 127.0.0.1 c; peer a\nsendto c now 127.0.0.1 a; sendto b no 127.0.0.1 a\n"
     "recvfrom a 10; recvfrom a 10\n"},
    {"what came before connect stays",
     "open a udp4; bind a 127.0.0.1 0; open b udp4; open c udp4; bind c 127.0.0.1 0\n"
     "sendto b early 127.0.0.1 a\nconnect a 127.0.0.1 c; recvfrom a 10\n"},
    {"a datagram port in use",
     "open c tcp4; bind c 127.0.0.1 0; listen c 1; open a udp4; bind a 127.0.0.1 c\n"
     "open b udp4; bind b 127.0.0.1 a\n"
     "bind b 0.0.0.0 a; bind b 127.0.0.2 a; bind b 127.0.0.1 0\n"
     "open d udp6; bind d :: a; set d IPV6_V6ONLY 1; bind d :: a\n"},
    {"datagram sockets that share a port",
     "open a udp4; set a SO_REUSEADDR 1; bind a 127.0.0.1 0\n"
     "open b udp4; bind b 127.0.0.1 a; set b SO_REUSEADDR 1; bind b 127.0.0.1 a\n"
     "open c udp4; sendto c x 127.0.0.1 a\nrecv a 1; recv b 1\n"
     "connect a 127.0.0.1 c; sendto c y 127.0.0.1 a\nrecv a 1; recv b 1\n"},
    {"the wildcard gets what nothing closer takes",
     "open a udp4; set a SO_REUSEADDR 1; bind a 0.0.0.0 0; open b udp4; set b SO_REUSEADDR 1; bind b 127.0.0.1 a\n"
     "open c udp4; sendto c one 127.0.0.1 a; sendto c two 127.0.0.2 a; sendto c three 0.0.0.0 a\n"
     "recvfrom a 10; recvfrom a 10; recvfrom b 10; recvfrom b 10\n"},
    {"dual-stack datagrams",
     "open a udp6; bind a :: 0; name a; open b udp4; sendto b four 127.0.0.1 a\n"
     "recvfrom a 10\nopen c udp6; sendto c six ::1 a\nrecvfrom a 10; name c\n"
     "sendto a back ::ffff:127.0.0.1 b\nrecvfrom b 10\n"
     "open d udp6; set d IPV6_V6ONLY 1; sendto d x ::ffff:127.0.0.1 b; connect d ::ffff:127.0.0.1 b\n"
     "connect c ::ffff:127.0.0.1 b; name c\n"},
    {"shutting a datagram socket",
     "open a udp4; watch a rwc; bind a 127.0.0.1 0; open b udp4; shutdown a r; recv a 1\n"
     "sendto b x 127.0.0.1 a\nrecv a 5; recv a 5; connect a 127.0.0.1 b; shutdown a w\n"
     "send a x; shutdown a rw; shutdown a nonsense; peer a\n"},
    {"options of a datagram socket",
     "open a udp4; get a SO_TYPE; get a SO_PROTOCOL; get a SO_DOMAIN; get a SO_ACCEPTCONN\n"
     "get a TCP_NODELAY; set a TCP_NODELAY 1; get a SO_BROADCAST; set a SO_BROADCAST 1\n"
     "get a SO_BROADCAST; set a IP_TOS 3; get a IP_TOS; get a IPV6_V6ONLY\n"
     "open b udp6; get b IPV6_V6ONLY; get b TCP_NODELAY; set b IPV6_TCLASS 3; get b IPV6_TCLASS\n"},
    {"watching datagrams",
     "open a udp4; bind a 127.0.0.1 0; watch a r; open b udp4; watch b rw\n"
     "sendto b one 127.0.0.1 a\nsendto b two 127.0.0.1 a\nrecv a 10\nrewatch a r\nrecv a 10\n"
     "rewatch a rw\nclose a; sendto b x 127.0.0.1 a\n"},

    /* ---- pipes ---- */
    {"a pipe carries bytes",
     "pipe a b; watch a rwc; watch b rwc\nread a 10; write b abc\nwrite b def\nread a 2; read a 10; read a 10\n"
     "read a 0; write b -; write b x\nread a 0; read a 1\n"},
    {"the wrong end, and socket calls",
     "pipe a b; write a x; read b 1; send b x; recv a 1; shutdown a w; name a; error a\n"
     "connect a 127.0.0.1 9; listen a 1; accept a c; set a SO_REUSEADDR 1; sendto b x\n"},
    {"the end of a pipe",
     "pipe a b; watch a rwc; write b last\nclose b\nread a 2; read a 10; read a 10; close a\n"},
    {"nobody reads", "pipe a b; watch b rwc; write b x\nclose a\nwrite b x; write b -; close b\n"},
    {"a pipe that is full",
     "pipe a b; watch b w; watch a r; fill b\nwrite b x\nread a 0\nreadmany a 4096\nwritemany b 4096\n"
     "write b x\ndrain a b\nwritemany b 100000\nreadmany a 65536\nread a 1\n"},
    {"small writes are whole or not at all",
     "pipe a b; writemany b 61440; writemany b 4000; writemany b 4000; writemany b 96; writemany b 4096\n"
     "readmany a 100000\n"},
    {"pipe ends after close", "pipe a b; close a; close b; read a 1; write b x; close a\n"},
    {"both ends closed with bytes inside",
     "pipe a b; write b abc; close b; close a; open c tcp4; read c 1; write c x\n"},
    {"reading and writing sockets",
     "pair a b; write a abc\nread b 2; read b 10; read b 10; close a\nread b 1\n"},

    /* ---- UNIX sockets ---- */
    {"UNIX: names at each stage of a connection",
     "open l unix; name l; peer l; listen l 5\n"
     "bind l unix f; name l; peer l; stat f; same f l; statopen l\n"
     "listen l 5; name l; get l SO_ACCEPTCONN; credentials l\n"
     "open a unix; name a; connect a unix f; name a; peer a; credentials a; get a SO_ACCEPTCONN\n"
     "accept l b; name b; peer b; credentials b; bind a unix g; name a; peer b\n"
     "close a; peer b; name b; close b; stat f; stat g\n"},
    {"UNIX: abstract names go with their socket",
     "open l unix; bind l unix @f; name l; stat f; listen l 5; open a unix; connect a unix @f\n"
     "open b unix; bind b unix @f; bind l unix @g; bind l unix @f; bind b unix @other; name b\n"
     "peer a; accept l c; name c; close l; connect b unix @f; bind b unix @f; open d unix; bind d unix @f\n"},
    {"UNIX: a path in use, and one that is left over",
     "open l unix; bind l unix f; listen l 1; open b unix; bind b unix f; bind l unix g; stat g; bind l unix f\n"
     "close l; stat f; bind b unix f; open a unix; connect a unix f; connect a unix g; name b\n"
     "unlink f; bind b unix f; name b; connect a unix f; listen b 1; connect a unix f\n"},
    {"UNIX: a path that is unlinked and bound again",
     "open l unix; bind l unix f; listen l 5; open a unix; connect a unix f; unlink f; stat f\n"
     "open b unix; connect b unix f; open m unix; bind m unix f; listen m 5; connect b unix f\n"
     "name l; accept l c; accept m d; accept l e; same f m\n"},
    {"UNIX: what is no socket",
     "file f a wc 644\nclose f; open a unix; connect a unix a; bind a unix a; "
     "open b unix; bind b unix s; file c s r 0; statopen b\n"},
    {"UNIX: connecting where it does not belong",
     "open l unix; bind l unix f; open a unix; connect a unix f; listen l 0; connect l unix f; "
     "connect a unix f; connect a unix f; connect a 127.0.0.1 9\n"
     "accept l b; connect a unix f; connect b unix f; listen a 1; listen b 1; accept a c; bind a 127.0.0.1 0\n"
     "open t tcp4; connect t unix f; bind t unix g; bind l 127.0.0.1 0\n"
     "close b; connect a unix f; peer a\n"},
    {"UNIX: a queue that is full",
     "open l unix; bind l unix f; listen l 1; watch l rc\nopen a unix; watch a rwc; connect a unix f\n"
     "open b unix; connect b unix f; open c unix; connect c unix f; watch c rwc\n"
     "accept l d; connect c unix f\nlisten l 0; open e unix; connect e unix f; accept l g; connect e unix f\n"
     "accept l h; accept l i; connect e unix f\nerror c; name c\n"},
    {"UNIX: no interest is told of a connection but that of the listener",
     "open l unix; bind l unix f; listen l 5; watch l rwc\nopen a unix; watch a rwc\nconnect a unix f\n"
     "rewatch a rwc\naccept l b\nwatch b rwc\n"},
    {"UNIX: the queue keeps the order and what was sent meanwhile",
     "open l unix; bind l unix @f; listen l 5; open a unix; connect a unix @f; send a first\n"
     "open b unix; connect b unix @f; send b second; shutdown b w; send a more\n"
     "accept l c; accept l d; accept l e; recv c 20; recv d 10; recv d 10\n"},
    {"UNIX: closing a listener resets those who wait in its queue",
     "open l unix; bind l unix f; listen l 5; open a unix; connect a unix f; watch a rwc; send a x\n"
     "close l\nsend a y; recv a 1; recv a 1; error a; send a y; peer a\n"},
    {"UNIX: who left the queue is accepted all the same",
     "open l unix; bind l unix f; listen l 5; watch l r; open a unix; connect a unix f; send a bye; close a\n"
     "accept l c; watch c rwc\nrecv c 10; recv c 10; send c x; peer c\n"},
    {"UNIX: shutting a listener",
     "open l unix; bind l unix f; listen l 5; watch l rwc; open a unix; connect a unix f\n"
     "shutdown l r\nopen b unix; connect b unix f; accept l c; accept l d\nlisten l 5; connect b unix f\n"
     "shutdown l w\nrewatch l rw\nsend c hi; recv a 5\n"},
    {"UNIX: calls before the connection is there",
     "open a unix; watch a rwc; send a x; recv a 1; peek a 1; shutdown a w; shutdown a nonsense\n"
     "peer a; error a; accept a b; connect a unix none; credentials a\n"
     "shutdown a r\nrewatch a rw\nrecv a 1; open l unix; bind l unix f; listen l 1; connect a unix f\n"
     "recv a 1; send a x; accept l b; recv b 1; send b x\n"},
    {"UNIX: bytes and readiness",
     "unixpair a b; watch a rwc; watch b rwc\nsend a one; send a two\nrecv b 2\nrecv b 1\nrecv b 10\n"
     "peek b 1; recv b 0; send a -; sendv a x yy - zzz\npeek b 100; recv b 0; recv b 4\nrecv b 100\n"
     "recv a 1; sendto a x; sendto a x unix f; recvmany b 100\n"},
    {"UNIX: reading tells the sender of room, piece by piece",
     "unixpair a b; watch a w\nsend a abc; send a def; send a ghi\nrecv b 2\nrecv b 3\nrecv b 1\nrecv b 9\n"
     "sendmany a 2000; sendmany a 2000\nrecvmany b 1000\nrecvmany b 1000\nrecvmany b 5000\n"},
    {"UNIX: half-close",
     "unixpair a b; watch a rwc; watch b rwc\nsend a request\nshutdown a w\nrecv b 100; recv b 100; send a x\n"
     "send b answer\nrecv a 100; recv a 1\nshutdown b w\nrecv a 1; send b x; peer a; error a\n"
     "close a\nrecv b 1; send b x; error b; peer b\n"},
    {"UNIX: shutting the reading side is the end of writing for the other",
     "unixpair a b; watch a rwc; watch b rwc; send b unread\nshutdown a r\nrecv a 3; recv a 10; recv a 10\n"
     "send b x; send a still\nrecv b 10; recv b 1; error b; shutdown b rw\nrecv a 1; send a x\n"},
    {"UNIX: shutting both sides",
     "unixpair a b; watch a rwc; watch b rw; send b left\nshutdown a rw\n"
     "recv a 10; recv a 10; recv b 10; send b x; send a x; error b\nrewatch b rwc\nclose a\n"},
    {"UNIX: close with nothing unread",
     "unixpair a b; watch b rwc; send a last\nclose a\nrecv b 2; recv b 10; recv b 10; send b x; error b; peer b\n"},
    {"UNIX: close with input unread: told by recv",
     "unixpair a b; watch b rwc; send b unread; send a last\nclose a\nsend b x; recv b 2; recv b 10; recv b 10; recv b 1\n"},
    {"UNIX: close with input unread: told by SO_ERROR",
     "unixpair a b; watch b rwc; send b unread\nclose a\nerror b; error b; recv b 1; send b x; send b -\nrewatch b rwc\n"},
    {"UNIX: close with input unread: told by peek",
     "unixpair a b; send b unread\nclose a; peek b 1; peek b 1; shutdown b rw; close b\n"},
    {"UNIX: lingering does not matter",
     "unixpair a b; watch b rwc\nabort a\nrecv b 1; error b; send b x\n"},
    {"UNIX: sending until it is refused, then all is taken",
     "unixpair a b; watch a rwc; watch b r\nfill a\nsend a x; rewatch a rw\ndrain b a\nsend a x\nrecv b 10\n"},
    {"UNIX: the peer goes while its buffer is full",
     "unixpair a b; watch a rwc\nfill a\nclose b\nrewatch a rwc\nsend a x; recv a 1; recv a 1\n"},
    {"UNIX: end of input behind a full buffer",
     "unixpair a b; fill a; shutdown a w\ndrain b a\nrecv b 1; send b x\nrecv a 1\n"},
    {"UNIX: options",
     "open a unix; get a SO_TYPE; get a SO_DOMAIN; get a SO_PROTOCOL; get a SO_ERROR; get a SO_ACCEPTCONN\n"
     "get a TCP_NODELAY; set a TCP_NODELAY 1; get a IP_TOS; set a IPV6_V6ONLY 1; get a NONSENSE; set a NONSENSE 1\n"
     "get a SO_SNDBUF; get a SO_RCVBUF; set a SO_SNDBUF 10000; get a SO_SNDBUF; set a SO_KEEPALIVE 1; get a SO_KEEPALIVE\n"
     "set a SO_REUSEADDR 1; get a SO_REUSEADDR; linger a 5; open b tcp4; credentials b\n"},
    {"UNIX: an accepted connection inherits nothing",
     "open l unix; set l SO_KEEPALIVE 1; set l SO_SNDBUF 20000; bind l unix f; listen l 5; open a unix\n"
     "connect a unix f; accept l b; get b SO_KEEPALIVE; get b SO_SNDBUF; get b SO_ACCEPTCONN\n"},
    {"UNIX: who may connect",
     "open l unix; bind l unix f; listen l 9; chmod f 200; open a unix; connect a unix f\n"
     "chmod f 0; open b unix; connect b unix f; chmod f 577; connect b unix f; stat f\n"},

    /* ---- files ---- */
    {"files: writing and reading",
     "file a f r 0; file a f wc 666; stat f; write a hello; stat f; same f a; read a 1\n"
     "file b f r 0; same f b; read b 2; read b 100; read b 1; read b 0; write b x\nwrite a more; read b 100; statopen b\n"
     "file c f rw 0; write c HE; read c 2; statopen c; close c; file c f wt 0; stat f; read b 1\n"
     "write a late; stat f; file d f r 0; readmany d 100; write d -\n"},
    {"files: O_EXCL, O_APPEND, modes",
     "file a f wcx 640; stat f; file b f wcx 600; file b f wc 777; stat f; write a one; file c f wa 0; write c two\n"
     "write a X; file d f r 0; read d 100; file e g c 0; stat g; chmod g 4755; stat g; chmod h 600\n"
     "file g - r 0; unlink -; stat -; chmod - 0\n"},
    {"files: unlinked while open",
     "file a f rwc 600; write a abc; unlink f; stat f; unlink f; statopen a; write a def; file b f wcx 600\n"
     "same f a; same f b; close a; stat f; close a; statopen a\n"},
    {"files: who may open",
     "file a f wc 400; write a x; file b f w 0; file b f r 0; file c f rt 0; stat f; chmod f 200; file d f r 0\n"
     "file e f w 0; chmod f 0; file g f r 0; stat f\n"},
    {"files: socket calls",
     "file a f rwc 600; send a x; recv a 1; name a; shutdown a w; listen a 1; accept a b; error a\n"
     "connect a unix f; bind a unix g; set a SO_KEEPALIVE 1\n"},
    {"files: locks",
     "file a f wc 600; file b f r 0; lock a; lock a; lock b; duplicate a c; lock c; close a; lock b; close c; lock b\n"
     "file d f w 0; lock d; close b; lock d; unlink f; file e f wc 600; lock e; file g f w 0; lock g\n"
     "open h tcp4; lock h; pipe i j; lock i; lock x\n"},

    /* ---- duplicates ---- */
    {"a duplicate keeps a connection",
     "pair a b; duplicate a c; watch a r; watch c rwc; watch b rc\nsend b one\nrecv a 2; recv c 10; close a\n"
     "send c still\nrecv b 10; send b two\nrecv c 10; close c\nrecv b 1\n"},
    {"a duplicate keeps a UNIX connection and its name",
     "open l unix; bind l unix @f; listen l 5; duplicate l m; close l; open a unix; connect a unix @f; accept m b\n"
     "duplicate a c; close a; send c x; recv b 5; shutdown c w; recv b 1; close m; open d unix; connect d unix @f\n"},
    {"a duplicate of a pipe's end",
     "pipe a b; duplicate b c; watch a r; close b\nwrite c x\nread a 5; close c\nread a 1; duplicate b d; duplicate x e\n"},
    {"duplicates of a file share the place",
     "file a f rwc 600; write a abc; duplicate a b; write b def; file c f r 0; duplicate c d; read c 2; read d 2; close c\n"
     "read d 10; same f b; statopen d\n"},
    {"whether a descriptor may block is shared",
     "pair a b; blocking a 1; blocking a 1; duplicate a c; blocking c 0; blocking a 0; recv c 1; blocking x 1\n"
     "unixpair d e; blocking d 0; blocking d 1; blocking d 0; file f f wc 600; blocking f 1; blocking f 0; pipe g h; blocking g 0\n"},
    /* ---- descriptors passed along ---- */
    {"a descriptor passed along is the same open file",
     "unixpair a b; pipe p q; watch b rc\npass a q hello\nclose q; take b 100 x; alike x q; statopen x\n"
     "write x word\nread p 10; close x\nread p 1\n"},
    {"recv ends behind the bytes that a descriptor came with",
     "unixpair a b; pipe p q; watch b rwc; send a one; pass a p two; send a three; pass a q four; pass a p five; send a six\n"
     "take b 100 x; alike x p\ntake b 100 y; alike y q\ntake b 100 z; alike z p\ntake b 100 w; take b 100 w\n"},
    {"a descriptor comes with the first of its bytes",
     "unixpair a b; pipe p q; pass a p hello; pass a q world\ntake b 2 x; take b 100 y; take b 100 y; alike y q\n"
     "pass a p hello; send a there\ntake b 2; take b 100 z\n"},
    {"recv without room for a descriptor drops it",
     "unixpair a b; pipe p q; watch p r; pass a q one; close q\npeek b 10\nrecv b 2\nrecv b 10\n"
     "pipe q r; pass a q one; pass a r two; recv b 100; take b 100; send a x; take b 5 s\n"},
    {"peek ends behind it, too, and leaves it",
     "unixpair a b; pipe p q; send a one; pass a p two; send a three\npeek b 100; peek b 2; take b 100 x; peek b 100; alike x p\n"},
    {"a descriptor needs a byte to go with",
     "unixpair a b; pipe p q; pass a p -; take b 10 x; pass a p x; take b 0 x; take b 10 y; alike x p\n"},
    {"what is passed is closed with the socket it waits at",
     "unixpair a b; pipe p q; watch p r; pass a q unread; close q\nclose b\nread p 1; take a 5 x; pass a p x\n"},
    {"what is passed stays when its sender closes",
     "unixpair a b; pipe p q; watch b rwc; pass a q last; close q; close a\ntake b 10 x; take b 10 y; write x w; read p 5\n"},
    {"a socket passed along goes on",
     "pair c d; unixpair a b; watch d rwc; pass a c take; send c one; close c\nsend d back\n"
     "take b 10 x; recv x 10; send x two; name x; peer x\nrecv d 10; shutdown x w\nrecv d 1; close x\n"},
    {"a listener passed along",
     "open l unix; bind l unix @f; listen l 5; unixpair a b; pass a l x; close l; open c unix; connect c unix @f\n"
     "take b 5 m; accept m d; peer d; send c hi; recv d 5; close m; open e unix; connect e unix @f\n"},
    {"to whom descriptors can be passed before he was accepted",
     "open l unix; bind l unix @f; listen l 5; pipe p q; open a unix; connect a unix @f; pass a q x; close q\n"
     "accept l b; take b 5 x; write x hi; read p 5; close x; pipe q r; pass a r y; close r\nclose l; close b\nread q 1\n"},
    {"a file passed along keeps its place and its lock",
     "unixpair a b; file f f rwc 600; write f abcdef; file g f r 0; read g 2; lock f; pass a g x; pass a f y; close f; close g\n"
     "take b 9 x; take b 9 y; read x 10; file g f r 0; lock g; close y; lock g\n"},
    {"who cannot pass or take descriptors",
     "unixpair a b; pipe p q; open u unix; pass u p x; take u 5 x; pass a z x; pass z p x; pass p q x; take p 5 x; take z 5 x\n"
     "shutdown b r; pass a p x; close b; pass a p x; take a 5 x; take a 5 x\n"},
    {"TCP and UDP do not look at descriptors",
     "pair a b; pipe p q; pass a p hello\ntake b 10 x; open u udp4; bind u 127.0.0.1 0; connect u 127.0.0.1 u; pass u p dgram\n"
     "take u 10 y; take u 10 y\n"},
    {"whether it may block is passed along, too",
     "unixpair a b; pipe p q; blocking p 1; pass a p x; take b 5 x; blocking x 0; blocking p 1\n"},
    {"watches of both descriptors",
     "unixpair a b; unixpair c d; watch c rc; pass a c x; take b 5 x; watch x rwc\nsend d hi\nrecv x 10\nclose c\nclose d\n"},

    {"what descriptors are",
     "pair a b; statopen a; open c udp4; statopen c; unixpair d e; statopen d; pipe g h; statopen g; statopen h; statopen x\n"},
};

enum { SCRIPTS = sizeof(scripts) / sizeof(scripts[0]), RANDOM_SCRIPTS = 100, MOST_SECONDS = 2 };

static bool needs_ipv6(const char *script)
{
    return strstr(script, "tcp6") || strstr(script, "udp6");
}

static void run(int i, bool edge)
{
    if (needs_ipv6(scripts[i].text) && !differential_has_ipv6())
        return;
    ck_assert_msg(differential_agree(scripts[i].text, edge), "%s", scripts[i].name);
}

START_TEST(both_systems_answer_alike_by_edge)
{
    run(_i, true);
}
END_TEST

START_TEST(both_systems_answer_alike_by_level)
{
    run(_i, false);
}
END_TEST

/* A number from the environment: TORC_DIFFERENTIAL_SEED=n begins with that seed,
 * TORC_DIFFERENTIAL_SEEDS=n runs so many, however long it takes. */
static uint64_t asked_for(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void run_seed(uint64_t seed, bool edge)
{
    char *script = differential_random(seed);
    if (!needs_ipv6(script) || differential_has_ipv6())
        ck_assert_msg(differential_agree(script, edge), "TORC_DIFFERENTIAL_SEED=%llu",
                      (unsigned long long)seed);
    free(script);
}

/* As many as fit into the time, unless a number was asked for: a machine that is busy runs fewer. */
static void run_random(bool edge)
{
    time_t end = time(NULL) + MOST_SECONDS;
    uint64_t first = asked_for("TORC_DIFFERENTIAL_SEED", 1);
    uint64_t asked = asked_for("TORC_DIFFERENTIAL_SEEDS", 0);
    uint64_t count = asked ? asked : RANDOM_SCRIPTS;
    for (uint64_t i = 0; i < count && (asked || time(NULL) < end); i++)
        run_seed(first + i, edge);
}

START_TEST(random_scripts_are_answered_alike_by_edge)
{
    run_random(true);
}
END_TEST

START_TEST(random_scripts_are_answered_alike_by_level)
{
    run_random(false);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("differential");
    TCase *tcase = tcase_create("differential");
    tcase_add_loop_test(tcase, both_systems_answer_alike_by_edge, 0, SCRIPTS);
    tcase_add_loop_test(tcase, both_systems_answer_alike_by_level, 0, SCRIPTS);
    tcase_add_test(tcase, random_scripts_are_answered_alike_by_edge);
    tcase_add_test(tcase, random_scripts_are_answered_alike_by_level);
    if (getenv("TORC_DIFFERENTIAL_SEEDS"))
        tcase_set_timeout(tcase, 0);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
