/* What the calls of a script use: the log, the words, the descriptors, and giving time. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include "reactor/errors.h"

#include "differential_world.h"

/* ---- the log ------------------------------------------------------------------------------- */

void World_say(World *world, const char *format, ...)
{
    va_list args;
    if (world->quiet)
        return;
    va_start(args, format);
    vfprintf(world->log, format, args);
    va_end(args);
}

void World_sayResult(World *world, ssize_t r)
{
    if (r < 0)
        World_say(world, " = %s", torc_strerror((int)r));
    else
        World_say(world, " = %zd", r);
}

void World_sayDone(World *world, int r)
{
    World_sayResult(world, r > 0 ? 0 : r);
}

void World_sayBytes(World *world, const char *bytes, ssize_t n)
{
    World_sayResult(world, n);
    if (n > 0)
        World_say(world, " \"%.*s\"", (int)(n < SHOWN ? n : SHOWN), bytes);
}

static unsigned number_of_port(World *world, uint16_t port)
{
    unsigned i = 0;
    while (i < world->port_count && world->ports[i] != port)
        i++;
    if (i == world->port_count) {
        ck_assert_uint_lt(i, MOST_PORTS);
        world->ports[world->port_count++] = port;
    }
    return i + 1;
}

static uint16_t port_of(const Name *name)
{
    return ntohs(name->any.sa_family == AF_INET ? name->in.sin_port : name->in6.sin6_port);
}

/* Abstract names are the same for all programs of a machine: this one's have its number in front. */
static size_t abstract_prefix(char *ret_text, size_t size)
{
    return (size_t)snprintf(ret_text, size, "torc-%08x-", (unsigned)getpid());
}

static socklen_t unix_address(const char *text, Name *ret_name)
{
    const size_t offset = offsetof(struct sockaddr_un, sun_path);
    size_t length = strlen(text);
    *ret_name = (Name){.un = {.sun_family = AF_UNIX}};
    char *path = ret_name->un.sun_path;
    if (*text != '@') {
        memcpy(path, text, length + 1);
        return (socklen_t)(offset + length + 1);
    }
    size_t prefix = abstract_prefix(path + 1, sizeof(ret_name->un.sun_path) - 1);
    memcpy(path + 1 + prefix, text + 1, length - 1);
    return (socklen_t)(offset + prefix + length);
}

static void say_unix(World *world, const Name *name, socklen_t length)
{
    char prefix[32];
    const char *path = name->un.sun_path;
    bool has_name = length > offsetof(struct sockaddr_un, sun_path);
    bool abstract = has_name && !*path;
    if (!has_name)
        path = "none";
    else if (abstract)
        path += 1 + abstract_prefix(prefix, sizeof(prefix));
    World_say(world, " unix %s%s length %u", abstract ? "@" : "", path, (unsigned)length);
}

void World_sayName(World *world, const Name *name, socklen_t length)
{
    if (name->any.sa_family == AF_UNIX) {
        say_unix(world, name, length);
        return;
    }
    char text[INET6_ADDRSTRLEN] = "?";
    bool ipv4 = name->any.sa_family == AF_INET;
    inet_ntop(name->any.sa_family,
              ipv4 ? (const void *)&name->in.sin_addr : (const void *)&name->in6.sin6_addr, text,
              sizeof(text));
    uint16_t port = port_of(name);
    World_say(world, " %s length %u port", text, (unsigned)length);
    if (port == 0)
        World_say(world, " none");
    else
        World_say(world, " #%u", number_of_port(world, port));
}

void World_sayTold(World *world)
{
    for (int i = 0; i < SLOTS; i++) {
        Slot *slot = &world->slots[i];
        if (slot->told && !slot->ignored)
            World_say(world, "    %c is told:%s%s%s\n", 'a' + i,
                      slot->told & TORC_READABLE ? " readable" : "",
                      slot->told & TORC_WRITABLE ? " writable" : "",
                      slot->told & TORC_CLOSED ? " closed" : "");
        slot->told = 0;
        slot->ignored = false;
    }
}

/* ---- reading words ------------------------------------------------------------------------- */

const char *Words_at(const Words *words, unsigned i)
{
    ck_assert_msg(i < words->count, "too few words for \"%s\"", words->at[0]);
    return words->at[i];
}

const char *Words_text(const Words *words, unsigned i)
{
    const char *text = Words_at(words, i);
    return strcmp(text, "-") == 0 ? "" : text;
}

Slot *World_slot(World *world, const Words *words, unsigned i)
{
    const char *letter = Words_at(words, i);
    ck_assert_msg(islower((unsigned char)*letter) && !letter[1], "no descriptor: %s", letter);
    return &world->slots[*letter - 'a'];
}

size_t Words_size(const Words *words, unsigned i)
{
    size_t size = (size_t)atol(Words_at(words, i));
    ck_assert_uint_le(size, MOST_MANY);
    return size;
}

socklen_t World_address(World *world, const Words *words, unsigned i, Name *ret_name)
{
    const char *port = Words_at(words, i + 1);
    if (strcmp(Words_at(words, i), "unix") == 0)
        return unix_address(port, ret_name);
    uint16_t number = isdigit((unsigned char)*port) ? (uint16_t)atoi(port)
                                                    : World_slot(world, words, i + 1)->port;
    *ret_name = (Name){0};
    if (inet_pton(AF_INET, Words_at(words, i), &ret_name->in.sin_addr) == 1) {
        ret_name->in.sin_family = AF_INET;
        ret_name->in.sin_port = htons(number);
        return sizeof(ret_name->in);
    }
    ck_assert_int_eq(inet_pton(AF_INET6, Words_at(words, i), &ret_name->in6.sin6_addr), 1);
    ret_name->in6.sin6_family = AF_INET6;
    ret_name->in6.sin6_port = htons(number);
    return sizeof(ret_name->in6);
}

unsigned World_interest(const World *world, const Words *words, unsigned i)
{
    const char *letters = Words_at(words, i);
    unsigned interest = strchr(letters, 'r') ? TORC_READABLE : 0;
    if (strchr(letters, 'w'))
        interest |= TORC_WRITABLE;
    if (world->edge)
        interest |= TORC_EDGE | (strchr(letters, 'c') ? (unsigned)TORC_CLOSED : 0);
    return interest;
}

/* ---- descriptors --------------------------------------------------------------------------- */

void Slot_notePort(Slot *slot)
{
    Name name = {0};
    socklen_t length = sizeof(name);
    if (ops_of(slot->world)->getsockname(slot->world->system, slot->fd, &name.any, &length) == 0 &&
        name.any.sa_family != AF_UNIX)
        slot->port = port_of(&name);
}

void Slot_open(Slot *slot, int fd, bool by_read)
{
    ck_assert_msg(!slot->open, "the descriptor is open already");
    slot->fd = fd;
    slot->open = fd >= 0;
    slot->by_read = by_read;
    slot->sent = slot->received = 0;
}

void Slot_unwatch(Slot *slot)
{
    if (slot->watched)
        ops_of(slot->world)->unwatch(slot->world->system, &slot->watch);
    slot->watched = false;
}

int Slot_close(Slot *slot)
{
    Slot_unwatch(slot);
    int fd = slot->fd;
    slot->fd = -1;
    slot->open = false;
    return ops_of(slot->world)->close(slot->world->system, fd);
}

/* ---- looking ------------------------------------------------------------------------------- */

static void give_nanoseconds(const World *world, int64_t time)
{
    if (!world->sim && world->settle_time > 0)
        nanosleep(&(struct timespec){.tv_nsec = (long)time}, NULL);
}

/* TCP_DELACK_MIN is 40 ms. */
void World_awaitAnswer(const World *world)
{
    give_nanoseconds(world, 50000000);
}

/* Lets a real kernel work. One that was sent FIN may put off its answer, which wakes the sender. */
static void give_time(World *world)
{
    if (world->fin_sent)
        World_awaitAnswer(world);
    else
        give_nanoseconds(world, world->settle_time);
    world->fin_sent = false;
}

void World_look(World *world)
{
    give_time(world);
    world->reports = 0;
    ck_assert_int_eq(ops_of(world)->wait(world->system, INT64_MIN), 0);
}

void World_settle(World *world)
{
    int looks = 0;
    do
        World_look(world);
    while (world->edge && world->reports > 0 && ++looks < MOST_LOOKS);
}
