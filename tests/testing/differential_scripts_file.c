/* Scripts of the differential test: pipes, files and their duplicates. */
#include "differential_scripts.h"

static const Script scripts[] = {
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

    {"what descriptors are",
     "pair a b; statopen a; open c udp4; statopen c; unixpair d e; statopen d; pipe g h; statopen g; statopen h; statopen x\n"},
};

const Scripts file_scripts = SCRIPTS(scripts);
