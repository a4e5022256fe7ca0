/* Scripts of the differential test: TCP sockets that are opened, bound, listen and connect. */
#include "differential_scripts.h"

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
};

const Scripts connecting_scripts = SCRIPTS(scripts);
