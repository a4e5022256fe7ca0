/* Files of home directories, as finger may tell them.
 *
 * Pool threads only: home directories may be on a network. What is opened belongs to its owner, who
 * may be malicious, while the server may be root: the directory is opened once and everything is
 * done below that descriptor; symbolic links are not followed; FIFOs and devices are neither waited
 * for nor read; what is checked is what was opened; sizes are bounded. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "finger_host_internal.h"

enum { MOST_BYTES = 64 * 1024, PIECE = 4096 };

/* A directory that is not to be listed, only passed through, needs no read permission. */
#if defined(O_PATH)
enum { OPEN_DIRECTORY = O_PATH | O_DIRECTORY | O_CLOEXEC };
#elif defined(O_SEARCH)
enum { OPEN_DIRECTORY = O_SEARCH | O_DIRECTORY | O_CLOEXEC };
#else
enum { OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
#endif

enum { OPEN_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

void torc__fingerHome_open(TorcFingerHome *home, const char *path, bool privileged)
{
    struct stat status;

    *home = (TorcFingerHome){.fd = -1, .privileged = privileged};
    if (path[0] != '/')
        return;
    do
        home->fd = open(path, OPEN_DIRECTORY);
    while (home->fd < 0 && errno == EINTR);
    if (home->fd >= 0 && fstat(home->fd, &status) == 0)
        home->searchable = !privileged || (status.st_mode & S_IXOTH);
}

void torc__fingerHome_close(TorcFingerHome *home)
{
    if (home->fd >= 0)
        (void)close(home->fd); /* only read from */
    home->fd = -1;
}

bool torc__fingerHome_has(const TorcFingerHome *home, const char *name)
{
    struct stat status;
    return home->fd >= 0 && fstatat(home->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool may_tell(const TorcFingerHome *home, int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
           (!home->privileged || (status.st_mode & S_IROTH));
}

static void read_all(int fd, TorcFingerText *text)
{
    char piece[PIECE];
    size_t left = MOST_BYTES;

    while (left > 0 && !text->failed) {
        ssize_t got = read(fd, piece, left < sizeof(piece) ? left : sizeof(piece));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return; /* the end; or an error, and what came is told */
        torc__fingerText_add(text, piece, (size_t)got);
        left -= (size_t)got;
    }
}

void torc__fingerHome_read(const TorcFingerHome *home, const char *name, TorcFingerText *text)
{
    if (home->fd < 0 || !home->searchable)
        return;
    int fd;
    do
        fd = openat(home->fd, name, OPEN_FILE);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return;
    if (may_tell(home, fd))
        read_all(fd, text);
    (void)close(fd); /* only read from */
}
