/* The other main of a fuzz target: runs inputs that are files, without looking for new ones.
 *
 *     replay_TARGET FILE-OR-DIRECTORY...
 *
 * Works with any compiler and needs no fuzzer, so that the corpus and the inputs that once broke
 * something are ordinary tests. A directory stands for the files in it, in the order of their
 * names; one that does not exist is empty. Each input lies in memory of exactly its size. An
 * input that fails ends the process; its name was said before. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned count;

static uint8_t *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    FUZZ_CHECK_THAT(file && fstat(fileno(file), &status) == 0, "%s: %s", path, strerror(errno));
    size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    FUZZ_CHECK(data);
    FUZZ_CHECK_THAT(fread(data, 1, size, file) == size, "%s: it cannot be read", path);
    fclose(file);
    *ret_size = size;
    return data;
}

static void replay_file(const char *path)
{
    size_t size;
    uint8_t *data = read_file(path, &size);
    printf("%s\n", path);
    fflush(stdout);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    count++;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay_directory(const char *path)
{
    struct dirent **entries;
    char name[4096];
    int found = scandir(path, &entries, is_visible, alphasort);
    FUZZ_CHECK_THAT(found >= 0, "%s: %s", path, strerror(errno));
    for (int i = 0; i < found; i++) {
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        replay_file(name);
        free(entries[i]);
    }
    free(entries);
}

static void replay(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0 && errno == ENOENT)
        return;
    if (S_ISDIR(status.st_mode))
        replay_directory(path);
    else
        replay_file(path);
}

int main(int argc, char **argv)
{
    (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%u passed, 0 failed\n", count);
    return count == 0; /* a test that has nothing to do is a mistake */
}
