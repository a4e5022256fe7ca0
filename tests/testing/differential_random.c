/* Random scripts, of one subject each: two connections; listeners and who connects to them;
 * addresses and ports; datagrams; pipes; UNIX connections; UNIX names; files; descriptors passed
 * along.
 * A script is a beginning and then calls in any order.
 *
 * They keep away from the deliberate simplifications of testing/sim.h. Buffers are filled at the
 * beginning only, and drained at once, and pipes never come near to be full. Where a port may be
 * bound again connections end by RST, which leaves no TIME_WAIT behind. No two sockets are equally
 * right for what arrives, as the kernel's hash tables would decide between them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "differential.h"

enum { STEPS = 30, MOST_CALLS = 3 };

/* In a call '#' stands for one of the subject's letters, '@' for another draw of them, and '%' for
 * one of its addresses. */
typedef struct Subject {
    const char *begin;
    const char *letters;
    bool fills; /* some begin with a buffer that is filled */
    const char *const *addresses;
    size_t address_count;
    const char *const *calls;
    size_t call_count;
} Subject;

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define SUBJECT_CALLS(table) .calls = (table), .call_count = COUNT(table)
#define SUBJECT_ADDRESSES(table) .addresses = (table), .address_count = COUNT(table)

/* ---- two connections ----------------------------------------------------------------------- */

static const char *const connection_calls[] = {
    "send # abc",      "send # x",    "sendv # ab cd", "sendmany # 2000", "recv # 2",
    "recvmany # 9000", "peek # 10",   "recv # 100",    "shutdown # w",    "shutdown # w",
    "shutdown # r",    "abort #",     "shutdown # rw", "close #",         "error #",
    "watch # r",       "watch # rwc", "rewatch # rw",  "rewatch # rc",    "rewatch # w",
    "rewatch # rwc",   "unwatch #",   "name #",        "peer #",          "linger # 0",
    "linger # -1",     "recv # 0",    "send # -",      "accept # x",      "listen # 1",
    "recv # 100",      "send # hi",   "watch # rwc",   "watch # r",       "watch # rw",
};

/* ---- listeners ----------------------------------------------------------------------------- */

/* z has a port on which nobody listens. */
static const char *const listener_calls[] = {
    "connect # 127.0.0.1 l",
    "connect # 127.0.0.1 l",
    "connect # 127.0.0.1 m",
    "connect # 0.0.0.0 m",
    "connect # 127.0.0.1 z",
    "abort #; accept l #",
    "abort #; accept l #",
    "abort #; accept m #",
    "abort #; open # tcp4",
    "abort #; open # tcp4",
    "abort #; open # tcp6",
    "connect # ::ffff:127.0.0.1 m",
    "connect # ::1 m",
    "listen l 0",
    "listen m 2",
    "watch l r",
    "rewatch l rwc",
    "unwatch l",
    "name l",
    "name m",
    "watch m rc",
    "shutdown m r",
    "shutdown l r",
    "abort l; open l tcp4",
    "bind l 127.0.0.1 0; listen l 1",
    "watch # rwc",
    "watch # w",
    "rewatch # rw",
    "rewatch # rwc",
    "unwatch #",
    "send # abc",
    "send # -",
    "recv # 2",
    "recv # 100",
    "peek # 5",
    "error #",
    "error #",
    "name #",
    "peer #",
    "peer #",
    "shutdown # w",
    "shutdown # r",
    "get # SO_ACCEPTCONN",
    "listen # 1",
    "close x; accept # x",
    "set # IPV6_V6ONLY 1",
};

/* ---- addresses and ports ------------------------------------------------------------------- */

static const char *const port_addresses[] = {
    "127.0.0.1", "127.0.0.2", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0",
};

static const char *const port_calls[] = {
    "close #; open # tcp4",
    "close #; open # tcp4",
    "close #; open # tcp6",
    "close #; open # udp4",
    "close #; open # udp6",
    "bind # % 0",
    "bind # % @",
    "bind # % @",
    "bind # % @",
    "bind # 0.0.0.0 @",
    "bind # 127.0.0.1 @",
    "bind # :: @",
    "listen # 1",
    "listen # 1",
    "set # SO_REUSEADDR 1",
    "set # SO_REUSEADDR 1",
    "set # SO_REUSEADDR 0",
    "set # SO_REUSEPORT 1",
    "set # SO_REUSEPORT 0",
    "set # IPV6_V6ONLY 1",
    "set # IPV6_V6ONLY 0",
    "name #",
    "peer #",
    "get # IPV6_V6ONLY",
    "get # SO_ACCEPTCONN",
    "watch # rwc",
    "shutdown # r",
};

/* ---- datagrams ----------------------------------------------------------------------------- */

static const char *const datagram_addresses[] = {"127.0.0.1", "127.0.0.2", "0.0.0.0"};

static const char *const datagram_calls[] = {
    "sendto # abc 127.0.0.1 @",
    "sendto # - 127.0.0.1 @",
    "sendto # hello % @",
    "sendto # x 127.0.0.1 z",
    "sendto # x",
    "sendmanyto # 3000 127.0.0.1 @",
    "sendmanyto # 70000 % @",
    "send # abc",
    "send # -",
    "sendv # one - two",
    "connect # 127.0.0.1 @",
    "connect # % @",
    "connect # 127.0.0.1 z",
    "recv # 100",
    "recv # 2",
    "recv # 0",
    "recvfrom # 100",
    "recvfrom # 2",
    "recvmany # 9000",
    "peek # 3",
    "peekfrom # 10",
    "lengthfrom # 3",
    "error #",
    "name #",
    "peer #",
    "shutdown # r",
    "shutdown # w",
    "watch # r",
    "watch # rwc",
    "watch # rw",
    "rewatch # w",
    "rewatch # rc",
    "rewatch # rwc",
    "unwatch #",
    "close #; open # udp4",
    "bind # % 0",
    "bind # 127.0.0.1 @",
    "listen # 1",
    "accept # x",
    "recvfrom # 100",
    "recv # 100",
    "sendto # yes 127.0.0.1 @",
};

/* ---- pipes --------------------------------------------------------------------------------- */

static const char *const pipe_calls[] = {
    "write # abc",  "write # x",   "write # -",      "writemany # 900", "read # 2",
    "read # 100",   "read # 0",    "readmany # 500", "readmany # 5000", "watch # r",
    "watch # w",    "watch # rwc", "rewatch # r",    "rewatch # w",     "rewatch # rw",
    "rewatch # rc", "unwatch #",   "send # x",       "recv # 1",        "shutdown # w",
    "write # hi",   "read # 100",  "write # abcdef", "name #",          "readmany # 5000",
    "write # more", "watch # rw",  "read # 1",       "close #",
};

/* ---- UNIX connections ---------------------------------------------------------------------- */

static const char *const unix_connection_calls[] = {
    "send # abc",      "send # x",       "sendv # ab cd",   "sendmany # 2000", "recv # 2",
    "recvmany # 9000", "peek # 10",      "recv # 100",      "shutdown # w",    "shutdown # w",
    "shutdown # r",    "close #",        "shutdown # rw",   "close #",         "error #",
    "watch # r",       "watch # rwc",    "rewatch # rw",    "rewatch # rc",    "rewatch # w",
    "rewatch # rwc",   "unwatch #",      "name #",          "peer #",          "duplicate # x",
    "recv # 0",        "send # -",       "accept # x",      "listen # 1",      "duplicate @ #",
    "recv # 100",      "send # hi",      "watch # rwc",     "watch # r",       "watch # rw",
    "credentials #",   "bind # unix @f", "unixpair # @",    "close x",         "recv x 100",
    "send x more",     "watch x rwc",    "recvmany # 1500", "sendmany # 100",  "sendto # x",
};

/* ---- descriptors passed along -------------------------------------------------------------- */

/* What is passed is none of those that it is passed over: a socket on its way to itself is closed
 * when the kernel's collector finds it. */
static const char *const passed_ends[] = {"p", "q", "s", "t", "f", "p", "q", "s"};

static const char *const passing_calls[] = {
    "pass # % abc",     "pass # % x",   "pass # % hello", "pass # % -",     "pass # f abc",
    "pass # % abcdef",  "pass # x on",  "send # abc",     "send # defghi",  "sendv # ab cd",
    "take # 100 x",     "take # 100 y", "take # 100 x",   "take # 2 x",     "take # 1 y",
    "take # 100",       "take # 2",     "take # 0 x",     "recv # 100",     "recv # 2",
    "peek # 100",       "peek # 2",     "close x",        "close y",        "close %",
    "close x; close y", "alike x %",    "alike y %",      "alike x y",      "statopen x",
    "write q abc",      "read p 10",    "write x yes",    "read x 10",      "read y 2",
    "send s hi",        "recv t 10",    "send x there",   "recv y 9",       "close %",
    "watch # rwc",      "watch # r",    "rewatch # rw",   "watch p r",      "watch t rwc",
    "rewatch t r",      "shutdown # w", "shutdown s w",   "duplicate # z",  "unwatch #",
    "take z 9 x",       "recv # 100",   "close z",        "sendmany # 900", "recvmany # 9000",
    "watch s rwc",      "take # 100 x", "take # 100 y",   "take # 100 x",   "recvmany # 2000",
};

/* ---- UNIX names ---------------------------------------------------------------------------- */

static const char *const unix_names[] = {"f", "f", "g", "@f", "@g"};

static const char *const unix_name_calls[] = {
    "connect # unix %",
    "connect # unix %",
    "connect # unix %",
    "close #; accept l #",
    "close #; accept l #",
    "close #; accept m #",
    "close #; open # unix",
    "close #; open # unix",
    "bind # unix %",
    "bind # unix %",
    "bind # unix %; listen # 0",
    "listen # 1",
    "listen l 0",
    "listen m 2",
    "close l; open l unix; bind l unix %; listen l 1",
    "close m; open m unix; unlink f; bind m unix f; listen m 0",
    "unlink f",
    "unlink g",
    "stat f",
    "stat g",
    "same f #",
    "duplicate l x",
    "close x",
    "accept x #",
    "watch l rwc",
    "rewatch l rc",
    "rewatch l rw",
    "watch m r",
    "shutdown l r",
    "shutdown m w",
    "name #",
    "peer #",
    "name l",
    "credentials #",
    "get # SO_ACCEPTCONN",
    "watch # rwc",
    "watch # w",
    "rewatch # rwc",
    "rewatch # r",
    "unwatch #",
    "send # abc",
    "recv # 2",
    "recv # 100",
    "error #",
    "shutdown # w",
    "shutdown # r",
};

/* ---- files --------------------------------------------------------------------------------- */

static const char *const file_names[] = {"f", "f", "g"};

static const char *const file_calls[] = {
    "file # % r 0",
    "file # % rw 0",
    "file # % rwc 644",
    "file # % wc 600",
    "file # % wcx 666",
    "file # % rwt 0",
    "file # % wa 0",
    "close #; file # % rwc 644",
    "close #",
    "close #",
    "duplicate # @",
    "duplicate # @",
    "lock #",
    "lock #",
    "lock #",
    "write # abc",
    "write # x",
    "write # -",
    "writemany # 3000",
    "read # 2",
    "read # 100",
    "readmany # 5000",
    "unlink %",
    "chmod % 600",
    "chmod % 604",
    "stat %",
    "stat %",
    "same % #",
    "statopen #",
    "statopen #",
    "blocking # 1; blocking # 0",
    "send # x",
    "recv # 1",
};

/* ---- all of them --------------------------------------------------------------------------- */

static const Subject subjects[] = {
    {.begin = "pair a b; pair c d",
     .letters = "abcd",
     .fills = true,
     SUBJECT_CALLS(connection_calls)},
    {.begin = "open l tcp4; bind l 127.0.0.1 0; listen l 1; open m tcp6; bind m :: 0; listen m 2\n"
              "open z tcp4; bind z 127.0.0.1 0; close z\n"
              "open a tcp4; open b tcp4; open c tcp6; open d tcp4; open e tcp4; open f tcp4",
     .letters = "abcdef",
     SUBJECT_CALLS(listener_calls)},
    {.begin = "open a tcp4; open b tcp6; open c tcp4; open d udp4",
     .letters = "abcd",
     SUBJECT_ADDRESSES(port_addresses),
     SUBJECT_CALLS(port_calls)},
    {.begin = "open z udp4; bind z 127.0.0.1 0; close z; open a udp4; bind a 127.0.0.1 0\n"
              "open b udp4; bind b 0.0.0.0 0; open c udp4; bind c 127.0.0.1 0; watch a rwc\n"
              "open d udp4; bind d 127.0.0.2 0; watch b r",
     .letters = "abcd",
     SUBJECT_ADDRESSES(datagram_addresses),
     SUBJECT_CALLS(datagram_calls)},
    {.begin = "pipe a b; pipe c d", .letters = "abcd", SUBJECT_CALLS(pipe_calls)},
    {.begin = "unixpair a b; unixpair c d",
     .letters = "abcd",
     .fills = true,
     SUBJECT_CALLS(unix_connection_calls)},
    {.begin = "open l unix; bind l unix f; listen l 1; open m unix; bind m unix @f; listen m 2\n"
              "open a unix; open b unix; open c unix; open d unix",
     .letters = "abcd",
     SUBJECT_ADDRESSES(unix_names),
     SUBJECT_CALLS(unix_name_calls)},
    {.begin = "unixpair a b; unixpair c d; unixpair s t; pipe p q; file f f rwc 644; write f data",
     .letters = "abcd",
     SUBJECT_ADDRESSES(passed_ends),
     SUBJECT_CALLS(passing_calls)},
    {.begin = "file a f rwc 644; file b f r 0",
     .letters = "abcd",
     SUBJECT_ADDRESSES(file_names),
     SUBJECT_CALLS(file_calls)},
};

/* ---- drawing ------------------------------------------------------------------------------- */

typedef struct Random {
    uint64_t state;
} Random;

/* SplitMix64, as in the simulation. */
static uint64_t draw(Random *random, uint64_t limit)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % limit;
}

static char letter(Random *random, const Subject *subject)
{
    return subject->letters[draw(random, strlen(subject->letters))];
}

static void write_fill(FILE *script, Random *random)
{
    static const char *const pairs[] = {"ab", "ba", "cd", "dc"};
    const char *pair = pairs[draw(random, COUNT(pairs))];
    fprintf(script, "fill %c\ndrain %c %c\n", pair[0], pair[1], pair[0]);
}

static void write_call(FILE *script, Random *random, const Subject *subject, const char *call)
{
    char end = letter(random, subject);
    for (; *call; call++)
        if (*call == '#')
            fputc(end, script);
        else if (*call == '@')
            fputc(letter(random, subject), script);
        else if (*call == '%')
            fputs(subject->addresses[draw(random, subject->address_count)], script);
        else
            fputc(*call, script);
    fputs("; ", script);
}

/* On one machine a real connect is done when it returns, a simulated one in the next wait: nothing
 * follows it in its step. */
static void write_step(FILE *script, Random *random, const Subject *subject)
{
    const char *call = "";
    uint64_t count = 1 + draw(random, MOST_CALLS);
    for (uint64_t i = 0; i < count && strncmp(call, "connect", 7) != 0; i++) {
        call = subject->calls[draw(random, subject->call_count)];
        write_call(script, random, subject, call);
    }
    fputs("\n", script);
}

char *differential_random(uint64_t seed)
{
    char *text = NULL;
    size_t length;
    Random random = {.state = seed};
    FILE *script = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(script);
    const Subject *subject = &subjects[draw(&random, COUNT(subjects))];
    fprintf(script, "%s\n", subject->begin);
    if (subject->fills && draw(&random, 4) == 0)
        write_fill(script, &random);
    for (int i = 0; i < STEPS; i++)
        write_step(script, &random, subject);
    fclose(script);
    return text;
}
