/* Texts in the format of hosts(5): a text of several lines says what its lines say by
 * themselves, and a resolver over it finds what is in it.
 *
 * The input: how many of the names are looked for, which allocation fails, and the text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "fuzz.h"
#include "reactor/resolver_internal.h"

static TorcSim *sim;

/* Memory that no execution gives back, such as of the simulation's log, is there before the
 * first. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_countMemory();
    sim = TorcSim_new(1);
    TorcSim_setTraceSize(sim, 0);
    return 0;
}

/* ---- the cursor ----------------------------------------------------------------------------- */

static void check_name(const TorcHostsName *name, const char *text, size_t length)
{
    char key[TORC__HOST_LENGTH + 1];
    FUZZ_CHECK(name->length > 0 && name->name >= text &&
               name->name + name->length <= text + length);
    FUZZ_CHECK(torc__resolver_key(name->name, name->length, key));
    FUZZ_CHECK(name->address->family == TORC_ADDRESS_IPV4 ||
               name->address->family == TORC_ADDRESS_IPV6);
    FUZZ_CHECK(name->address->port == 0);
}

static bool same(const TorcHostsName *a, const TorcHostsName *b)
{
    return a->name == b->name && a->length == b->length &&
           TorcAddress_equal(a->address, b->address);
}

/* What is read of one line by itself is what comes next of the whole text. */
static void check_line(TorcHostsCursor *whole, const char *line, const char *end)
{
    TorcHostsCursor cursor = {.at = line, .end = end};
    TorcHostsName expected;
    TorcHostsName name;
    int r;
    while ((r = torc__hosts_next(&cursor, &expected)) != 0) {
        FUZZ_CHECK(torc__hosts_next(whole, &name) == r);
        if (r < 0)
            continue;
        FUZZ_CHECK(same(&name, &expected));
        check_name(&name, line, (size_t)(end - line));
    }
}

/* Where there are comments the copy has spaces. */
static void blank_comments(char *copy, const char *text, size_t length)
{
    bool comment = false;
    for (size_t i = 0; i < length; i++) {
        comment = text[i] != '\n' && (comment || text[i] == '#');
        copy[i] = comment ? ' ' : text[i];
    }
}

/* Comments say nothing. */
static void fuzz_comments(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    FUZZ_CHECK(copy);
    blank_comments(copy, text, length);
    TorcHostsCursor with = {.at = text, .end = text + length};
    TorcHostsCursor without = {.at = copy, .end = copy + length};
    TorcHostsName name;
    TorcHostsName expected;
    int r;
    while ((r = torc__hosts_next(&without, &expected)) != 0) {
        FUZZ_CHECK(torc__hosts_next(&with, &name) == r);
        FUZZ_CHECK(r < 0 ||
                   (name.name - text == expected.name - copy && name.length == expected.length &&
                    TorcAddress_equal(name.address, expected.address)));
    }
    FUZZ_CHECK(torc__hosts_next(&with, &name) == 0);
    free(copy);
}

static void fuzz_cursor(const char *text, size_t length)
{
    TorcHostsCursor whole = {.at = text, .end = text + length};
    TorcHostsName name;
    const char *end = text + length;
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        check_line(&whole, line, newline ? newline : end);
        line = newline ? newline + 1 : end;
    }
    FUZZ_CHECK(torc__hosts_next(&whole, &name) == 0);
}

/* ---- the resolver --------------------------------------------------------------------------- */

typedef struct Wanted {
    TorcAddress address;
    bool found;
} Wanted;

static void note_addresses(TorcResult *result, void *arg)
{
    Wanted *wanted = arg;
    const TorcAddressList *list = result->value;
    for (size_t i = 0; !result->reason && i < list->count; i++)
        wanted->found |= TorcAddress_equal(&list->addresses[i], &wanted->address);
    TorcResult_clear(result);
}

/* Literals are not asked of it. */
static bool is_literal(const char *host)
{
    TorcAddress address;
    return TorcAddress_parse(host, 0, &address) == 0;
}

static void look_for(TorcResolver *resolver, const TorcHostsName *name)
{
    char host[TORC__HOST_LENGTH + 2];
    Wanted wanted = {.address = *name->address};
    TorcDeferred *addresses;
    snprintf(host, sizeof(host), "%.*s", (int)name->length, name->name);
    if (is_literal(host))
        return;
    FUZZ_CHECK(resolver->cls->resolve(resolver, TorcSim_reactor(sim), host, 0, TORC_ADDRESS_NONE,
                                      &addresses) == 0);
    FUZZ_CHECK(TorcDeferred_addBoth(addresses, note_addresses, &wanted) == 0);
    TorcDeferred_detach(addresses);
    FUZZ_CHECK(wanted.found);
}

/* More than TORC__HOST_ADDRESSES for one name are not all told. */
static void fuzz_resolver(const char *text, size_t length, unsigned names)
{
    TorcResolver *resolver = TorcHostsResolver_new(text, length, NULL);
    TorcHostsCursor cursor = {.at = text, .end = text + length};
    TorcHostsName name;
    int r;
    fuzz_failAllocation(-1);
    while (resolver && names > 0 && (r = torc__hosts_next(&cursor, &name)) != 0) {
        if (r > 0) {
            look_for(resolver, &name);
            names--;
        }
    }
    TorcResolver_unref(resolver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, size};
    unsigned settings = fuzz_byte(&input);
    size_t before = fuzz_memory();

    char *text = malloc(input.left > 0 ? input.left : 1);
    FUZZ_CHECK(text);
    if (input.left > 0)
        memcpy(text, input.at, input.left);
    fuzz_cursor(text, input.left);
    fuzz_comments(text, input.left);
    if (settings % 4 == 1)
        fuzz_failAllocation(settings / 4 % 4);
    fuzz_resolver(text, input.left, settings / 16);
    free(text);
    FUZZ_CHECK(fuzz_memory() <= before);
    return 0;
}
