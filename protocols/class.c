/* The registry of resolved class tables.
 *
 * One per process, because tables are static data of the program and reactors on several threads
 * use the same ones; a mutex guards it, taken once for each instance that is made, never per call.
 * It only grows: a resolved table is never freed or changed, since instances point to it for as long
 * as they please. It grows by what a program's tables are, not by what it does.
 *
 * Tables are found by their address, and compared with what was written there before: a plugin that
 * was unloaded and built anew may well put another table in the same place. */
#include "class_internal.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "../reactor/errors.h"
#include "../reactor/memory_internal.h"

/* Bounds that no sound table reaches; they keep garbage from being followed. */
enum { MAX_CLASS_SIZE = 16384, MAX_DEPTH = 64 };

/* A process has tens of classes; the number of buckets is fixed. */
enum { BUCKETS = 64 };

typedef struct Entry Entry;

/* An address at which an entry is found. */
typedef struct Key {
    struct Key *next;
    const void *address;
    Entry *entry;
} Key;

/* Followed by two tables of `size` bytes: the resolved one, and the original as it was written. */
struct Entry {
    Key written; /* first: so leak checkers find every entry by its address */
    Key resolved;
    const TorcClassKind *kind;
    size_t size;
    _Alignas(max_align_t) unsigned char tables[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Key *written_tables[BUCKETS];
static Key *resolved_tables[BUCKETS];

static const TorcClassHeader *header_of(const void *table)
{
    return table;
}

static const void *original(const Entry *entry)
{
    return entry->tables + entry->size;
}

static const Entry *entry_of(const void *resolved)
{
    return (const Entry *)((const unsigned char *)resolved - offsetof(Entry, tables));
}

static size_t bucket_of(const void *address)
{
    /* Tables are aligned to 16 bytes or more: their lowest bits tell nothing. */
    uintptr_t bits = (uintptr_t)address >> 4;
    return (bits ^ (bits >> 6)) % BUCKETS;
}

static void add_key(Key **buckets, Key *key, const void *address, Entry *entry)
{
    Key **bucket = &buckets[bucket_of(address)];

    *key = (Key){.next = *bucket, .address = address, .entry = entry};
    *bucket = key;
}

/* The entry for which `address` is the resolved table; NULL: the table is as written. */
static const Entry *find_resolved(const void *address)
{
    for (const Key *key = resolved_tables[bucket_of(address)]; key; key = key->next)
        if (key->address == address)
            return key->entry;
    return NULL;
}

/* The entry that was made from this table, with these contents and this parent. */
static const Entry *find_written(const void *table, const void *parent)
{
    for (const Key *key = written_tables[bucket_of(table)]; key; key = key->next) {
        const Entry *entry = key->entry;
        if (key->address == table && header_of(entry->tables)->parent == parent &&
            memcmp(original(entry), table, entry->size) == 0)
            return entry;
    }
    return NULL;
}

/* ---- checking ------------------------------------------------------------------------------ */

static bool sound(const TorcClassKind *kind, const TorcClassHeader *header)
{
    size_t size = header->class_size;

    return size >= header_of(kind->root)->class_size && size <= MAX_CLASS_SIZE &&
           size % sizeof(void *) == 0 && header->name;
}

/* A child is its parent with more at the end, the table and the instance alike. */
static bool fits(const TorcClassHeader *child, const TorcClassHeader *parent)
{
    return child->class_size >= parent->class_size && child->instance_size >= parent->instance_size;
}

/* ---- resolving ----------------------------------------------------------------------------- */

static void inherit(const TorcClassKind *kind, unsigned char *child, const unsigned char *parent)
{
    size_t size = header_of(parent)->class_size;

    for (size_t at = sizeof(TorcClassHeader); at < size; at += sizeof(uintptr_t)) {
        uintptr_t word;
        memcpy(&word, child + at, sizeof(word));
        if (word == 0 && at != kind->destroy_offset)
            memcpy(child + at, parent + at, sizeof(word));
    }
}

static int add_entry(const TorcClassKind *kind, const void *table, const void *parent,
                     const Entry **ret_entry)
{
    size_t size = header_of(table)->class_size;
    Entry *entry = torc__malloc(sizeof(Entry) + 2 * size);
    if (!entry)
        return -ENOMEM;

    entry->kind = kind;
    entry->size = size;
    memcpy(entry->tables, table, size);
    memcpy(entry->tables + size, table, size);
    ((TorcClassHeader *)entry->tables)->parent = parent;
    if (parent)
        inherit(kind, entry->tables, parent);
    add_key(written_tables, &entry->written, table, entry);
    add_key(resolved_tables, &entry->resolved, entry->tables, entry);
    *ret_entry = entry;
    return 0;
}

/* Parents first, also when the table itself is known: its parent may have changed. */
static int resolve(const TorcClassKind *kind, const void *table, int depth, const void **ret_table)
{
    const Entry *entry = find_resolved(table);
    const void *parent = NULL;
    int r = 0;

    if (entry) {
        *ret_table = table;
        return entry->kind == kind ? 0 : -TORC_ECLASS;
    }
    if (depth > MAX_DEPTH || !sound(kind, table))
        return -TORC_ECLASS;
    if (table != kind->root) {
        if (!header_of(table)->parent)
            return -TORC_ECLASS;
        r = resolve(kind, header_of(table)->parent, depth + 1, &parent);
        if (r == 0 && !fits(table, parent))
            r = -TORC_ECLASS;
    }
    if (r == 0) {
        entry = find_written(table, parent);
        if (!entry)
            r = add_entry(kind, table, parent, &entry);
    }
    if (r == 0)
        *ret_table = entry->tables;
    return r;
}

int torc__class_resolve(const TorcClassKind *kind, const void *table, const void **ret_resolved)
{
    if (!table)
        return -EINVAL;
    (void)pthread_mutex_lock(&lock);
    int r = resolve(kind, table, 0, ret_resolved);
    (void)pthread_mutex_unlock(&lock);
    return r;
}

/* ---- asking -------------------------------------------------------------------------------- */

const void *torc__class_find(const void *resolved, const void *cls)
{
    for (const void *table = resolved; table; table = header_of(table)->parent)
        if (table == cls || entry_of(table)->written.address == cls)
            return table;
    return NULL;
}

const void *torc__class_super(const void *resolved, const void *cls)
{
    const void *table = torc__class_find(resolved, cls);

    if (table && header_of(table)->parent)
        return header_of(table)->parent;
    while (header_of(resolved)->parent)
        resolved = header_of(resolved)->parent;
    return resolved;
}

const void *torc__class_definer(const void *resolved, size_t offset)
{
    for (const void *table = resolved; table; table = header_of(table)->parent) {
        const Entry *entry = entry_of(table);
        uintptr_t word = 0;
        if (offset < entry->size)
            memcpy(&word, entry->tables + entry->size + offset, sizeof(word));
        if (word)
            return original(entry);
    }
    return NULL;
}

/* ---- tables filled in at run time ---------------------------------------------------------- */

void torc__class_init(void *table, const void *root, const char *name, size_t instance_size,
                      const void *parent)
{
    size_t size = header_of(root)->class_size;

    if (!table)
        return;
    memset(table, 0, size);
    *(TorcClassHeader *)table = (TorcClassHeader){
        .class_size = size,
        .instance_size = instance_size,
        .name = name,
        .parent = parent ? parent : root,
    };
}

int torc__class_errno(int code)
{
    return code == -ENOMEM ? ENOMEM : EINVAL;
}
