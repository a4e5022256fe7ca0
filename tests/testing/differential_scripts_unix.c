/* Scripts of the differential test: UNIX sockets, and descriptors that are passed along over them. */
#include "differential_scripts.h"

static const Script scripts[] = {
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
};

const Scripts unix_scripts = SCRIPTS(scripts);
