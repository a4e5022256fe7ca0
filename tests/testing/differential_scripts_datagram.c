/* Scripts of the differential test: datagrams. */
#include "differential_scripts.h"

static const Script scripts[] = {
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
};

const Scripts datagram_scripts = SCRIPTS(scripts);
