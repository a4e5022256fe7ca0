/* Where a function is, for people: the file and the address in it.
 *
 * Any thread. A program and its libraries lie somewhere else in each run, so the address alone says
 * nothing once the run is over. The dynamic linker is asked, not dladdr, which tells the nearest
 * exported name (wrong for static functions) and not by how much the file was moved. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#ifdef __linux__
#include <link.h>
#endif

#include "reactor_internal.h"

#ifdef __linux__

typedef struct Wanted {
    uintptr_t function;
    char *text;
} Wanted;

static bool holds(const struct dl_phdr_info *file, uintptr_t function)
{
    for (size_t i = 0; i < file->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &file->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && function - file->dlpi_addr - part->p_vaddr < part->p_memsz)
            return true;
    }
    return false;
}

/* glibc leaves the program itself without a name. */
static const char *name_of(const struct dl_phdr_info *file)
{
    if (!file->dlpi_name || file->dlpi_name[0] == '\0')
        return program_invocation_short_name;
    const char *slash = strrchr(file->dlpi_name, '/');
    return slash ? slash + 1 : file->dlpi_name;
}

/* dlpi_addr is 0 for a program with fixed addresses, as it should be. */
static int tell_if_inside(struct dl_phdr_info *file, size_t size, void *arg)
{
    const Wanted *wanted = arg;

    (void)size;
    if (!holds(file, wanted->function))
        return 0;
    (void)snprintf(wanted->text, TORC__FUNCTION_TEXT_SIZE, "%.64s+0x%" PRIxPTR, name_of(file),
                   wanted->function - (uintptr_t)file->dlpi_addr);
    return 1;
}

static bool tell_file(uintptr_t function, char *text)
{
    Wanted wanted = {function, text};
    return dl_iterate_phdr(tell_if_inside, &wanted) != 0;
}

#else

static bool tell_file(uintptr_t function, char *text)
{
    (void)function;
    (void)text;
    return false;
}

#endif

const char *torc__function_text(uintptr_t function, char text[TORC__FUNCTION_TEXT_SIZE])
{
    if (!tell_file(function, text))
        (void)snprintf(text, TORC__FUNCTION_TEXT_SIZE, "0x%" PRIxPTR, function);
    return text;
}
