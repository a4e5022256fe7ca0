/* The folder for files (scratch.h). The parent's; runs only read its name, and end by _exit, which
 * removes nothing. */
#include "scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char path[] = "/tmp/torc-torture-XXXXXX";

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    (void)remove(name);
    return 0;
}

static void scratch_remove(void)
{
    (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void scratch_open(void)
{
    if (!mkdtemp(path) || atexit(scratch_remove) != 0) {
        perror("torture: /tmp");
        exit(2);
    }
}

const char *scratch_path(void)
{
    return path;
}
