/* Scripts of the differential test: what a TCP connection carries and how it ends, its watches and
 * its options. */
#include "differential_scripts.h"

static const Script scripts[] = {
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
};

const Scripts stream_scripts = SCRIPTS(scripts);
