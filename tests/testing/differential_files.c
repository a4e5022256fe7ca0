/* The calls of the differential test's scripts on files, and on descriptors of any kind. */
#include <fcntl.h>
#include <sys/stat.h>

#include "differential_world.h"

static mode_t mode_at(const Words *words, unsigned i)
{
    return (mode_t)strtoul(Words_at(words, i), NULL, 8);
}

/* ---- files --------------------------------------------------------------------------------- */

static int flags_of(const char *letters)
{
    bool reads = strchr(letters, 'r');
    int flags = !strchr(letters, 'w') ? O_RDONLY : reads ? O_RDWR : O_WRONLY;
    flags |= strchr(letters, 'c') ? O_CREAT : 0;
    flags |= strchr(letters, 'x') ? O_EXCL : 0;
    flags |= strchr(letters, 't') ? O_TRUNC : 0;
    return flags | (strchr(letters, 'a') ? O_APPEND : 0);
}

void World_file(World *world, const Words *words)
{
    Slot *slot = World_slot(world, words, 1);
    if (slot->open)
        return;
    int fd = ops_of(world)->open(world->system, Words_text(words, 2), flags_of(Words_at(words, 3)),
                                 mode_at(words, 4));
    Slot_open(slot, fd, true);
    World_sayDone(world, fd);
}

void World_unlink(World *world, const Words *words)
{
    World_sayDone(world, ops_of(world)->unlink(world->system, Words_text(words, 1)));
}

void World_chmod(World *world, const Words *words)
{
    World_sayDone(world,
                  ops_of(world)->chmod(world->system, Words_text(words, 1), mode_at(words, 2)));
}

/* The size of what is no regular file is its own affair. */
static void say_status(World *world, int r, const TorcFileStatus *status)
{
    World_sayDone(world, r);
    if (r < 0)
        return;
    World_say(world, " mode 0%o", (unsigned)status->mode);
    if (S_ISREG(status->mode))
        World_say(world, " size %lld", (long long)status->size);
}

void World_stat(World *world, const Words *words)
{
    TorcFileStatus status;
    int r = ops_of(world)->stat(world->system, Words_text(words, 1), &status);
    say_status(world, r, &status);
}

void World_statOpen(World *world, const Words *words)
{
    TorcFileStatus status;
    int r = ops_of(world)->statDescriptor(world->system, World_slot(world, words, 1)->fd, &status);
    say_status(world, r, &status);
}

void World_same(World *world, const Words *words)
{
    TorcFileStatus path;
    TorcFileStatus open;
    int r = ops_of(world)->stat(world->system, Words_text(words, 1), &path);
    if (r == 0)
        r = ops_of(world)->statDescriptor(world->system, World_slot(world, words, 2)->fd, &open);
    if (r == 0)
        World_say(world, " = %s",
                  path.device == open.device && path.inode == open.inode ? "yes" : "no");
    else
        World_sayResult(world, r);
}

/* ---- descriptors --------------------------------------------------------------------------- */

void World_alike(World *world, const Words *words)
{
    TorcFileStatus a;
    TorcFileStatus b;
    int r = ops_of(world)->statDescriptor(world->system, World_slot(world, words, 1)->fd, &a);
    if (r == 0)
        r = ops_of(world)->statDescriptor(world->system, World_slot(world, words, 2)->fd, &b);
    if (r == 0)
        World_say(world, " = %s", a.device == b.device && a.inode == b.inode ? "yes" : "no");
    else
        World_sayResult(world, r);
}

void World_openTaken(Slot *slot, int fd)
{
    TorcFileStatus status;
    ck_assert_int_eq(ops_of(slot->world)->statDescriptor(slot->world->system, fd, &status), 0);
    Slot_open(slot, fd, !S_ISSOCK(status.mode));
    Slot_notePort(slot);
}

void World_lock(World *world, const Words *words)
{
    World_sayDone(world, ops_of(world)->lock(world->system, World_slot(world, words, 1)->fd));
}

void World_duplicate(World *world, const Words *words)
{
    const Slot *from = World_slot(world, words, 1);
    Slot *to = World_slot(world, words, 2);
    if (to->open)
        return;
    int fd = ops_of(world)->duplicate(world->system, from->fd);
    Slot_open(to, fd, from->by_read);
    to->port = from->port;
    World_sayDone(world, fd);
}

void World_blocking(World *world, const Words *words)
{
    World_sayResult(world,
                    ops_of(world)->setBlocking(world->system, World_slot(world, words, 1)->fd,
                                               atoi(Words_at(words, 2)) != 0));
}
