/* The finger directory of users who are written down: a table in memory.
 *
 * Reactor's thread. The table owns its records, each one block of memory with its texts behind it,
 * in the order of their logins; a login is found by binary search, a full name by going through all
 * of them. Invariant: no two records have the same login. */
#include <assert.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "finger_internal.h"

typedef struct TorcFingerRecord {
    TorcFingerPerson person;
    char texts[];
} TorcFingerRecord;

typedef TorcFingerRecord Record;

static_assert(sizeof(TorcFingerTable) == sizeof(TorcFingerDirectory) + 5 * sizeof(void *),
              "part of the ABI");

/* ---- the table ------------------------------------------------------------------------------- */

/* Where the login is, or would have to be. */
static size_t position(const TorcFingerTable *table, const char *login, bool *ret_found)
{
    size_t low = 0;
    size_t high = table->count;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(login, table->records[middle]->person.login);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/* Copies a text, NULL included, to *end and moves that on. */
static const char *keep(char **end, const char *text)
{
    size_t size = text_size(text);
    char *kept = *end;
    if (size == 0)
        return NULL;
    memcpy(kept, text, size);
    *end += size;
    return kept;
}

static TorcBytes keep_bytes(char **end, const char *text)
{
    const char *kept = keep(end, text);
    return (TorcBytes){kept, kept ? strlen(kept) : 0};
}

static Record *record_new(const TorcFingerEntry *entry)
{
    size_t texts = text_size(entry->login) + text_size(entry->name) + text_size(entry->project) +
                   text_size(entry->plan) + text_size(entry->details);
    Record *record = torc__malloc(sizeof(Record) + texts);
    if (!record)
        return NULL;
    char *end = record->texts;
    record->person = (TorcFingerPerson){
        .login = keep(&end, entry->login),
        .name = keep(&end, entry->name),
        .details = keep_bytes(&end, entry->details),
        .project = keep_bytes(&end, entry->project),
        .plan = keep_bytes(&end, entry->plan),
    };
    return record;
}

static int grow(TorcFingerTable *table)
{
    if (table->count < table->capacity)
        return 0;
    size_t capacity = table->capacity ? table->capacity * 2 : 8;
    Record **records = torc__realloc(table->records, capacity * sizeof(Record *));
    if (!records)
        return -ENOMEM;
    table->records = records;
    table->capacity = capacity;
    return 0;
}

static int insert(TorcFingerTable *table, size_t at, Record *record)
{
    int r = grow(table);
    if (r < 0)
        return r;
    memmove(table->records + at + 1, table->records + at, (table->count - at) * sizeof(Record *));
    table->records[at] = record;
    table->count++;
    return 0;
}

/* A login that a query can ask for. */
static bool login_proper(const char *login)
{
    return login && login[0] != '\0' && login[0] != '/' && !strpbrk(login, " @\t\r\n");
}

static bool name_proper(const char *name)
{
    return !name || !strpbrk(name, "\r\n");
}

void TorcFingerEntry_init(TorcFingerEntry *entry)
{
    if (entry)
        *entry = (TorcFingerEntry){.size = sizeof(TorcFingerEntry)};
}

int TorcFingerTable_add(TorcFingerTable *table, const TorcFingerEntry *entry)
{
    TORC__REQUIRE(table && entry && entry->size >= sizeof(TorcFingerEntry));
    TORC__REQUIRE(login_proper(entry->login) && name_proper(entry->name));
    Record *record = record_new(entry);
    if (!record)
        return -ENOMEM;

    bool found;
    size_t at = position(table, entry->login, &found);
    if (found) {
        torc__free(table->records[at]);
        table->records[at] = record;
        return 0;
    }
    int r = insert(table, at, record);
    if (r < 0)
        torc__free(record);
    return r;
}

int TorcFingerTable_remove(TorcFingerTable *table, const char *login)
{
    TORC__REQUIRE(table && login);
    bool found;
    size_t at = position(table, login, &found);
    if (!found)
        return -ENOENT;
    torc__free(table->records[at]);
    table->count--;
    memmove(table->records + at, table->records + at + 1, (table->count - at) * sizeof(Record *));
    return 0;
}

/* ---- the directory --------------------------------------------------------------------------- */

static void write_list(const TorcFingerTable *table, TorcFingerText *text)
{
    if (table->count == 0)
        torc__finger_writeNobody(text);
    else
        torc__fingerText_printf(text, "Login            Name\n");
    for (size_t i = 0; i < table->count; i++) {
        const TorcFingerPerson *person = &table->records[i]->person;
        torc__fingerText_printf(text, "%-16s %s\n", person->login,
                                person->name ? person->name : "");
    }
}

static void write_record(const Record *record, bool verbose, TorcFingerText *text)
{
    TorcFingerPerson person = record->person;
    if (!verbose)
        person.details = (TorcBytes){0};
    if (text->length > 0)
        torc__fingerText_add(text, "\n", 1);
    torc__fingerPerson_write(text, &person);
}

static void write_matches(const TorcFingerTable *table, const TorcFingerQuery *query,
                          TorcFingerText *text)
{
    unsigned matches = 0;
    for (size_t i = 0; !query->exact && i < table->count; i++) {
        const Record *record = table->records[i];
        if (!record->person.name || !torc__finger_nameMatches(record->person.name, query->user))
            continue;
        if (matches++ == TORC__FINGER_MATCHES) {
            torc__finger_writeMore(text);
            return;
        }
        write_record(record, query->verbose, text);
    }
    if (matches == 0)
        torc__finger_writeUnknown(text, query->user);
}

static void write_user(const TorcFingerTable *table, const TorcFingerQuery *query,
                       TorcFingerText *text)
{
    bool found;
    size_t at = position(table, query->user, &found);
    if (found)
        write_record(table->records[at], query->verbose, text);
    else
        write_matches(table, query, text);
}

static int table_lookup(TorcFingerDirectory *self, const TorcFingerQuery *query,
                        TorcFingerAnswer *answer)
{
    const TorcFingerTable *table = (const TorcFingerTable *)self;
    TorcFingerText text = {0};

    if (query->hosts[0] != '\0')
        return TorcFingerAnswer_fail(answer, TORC__FINGER_NO_FORWARDING);
    if (query->user[0] == '\0')
        write_list(table, &text);
    else
        write_user(table, query, &text);
    return torc__fingerAnswer_complete(answer, &text);
}

static void table_destroy(TorcFingerDirectory *self)
{
    TorcFingerTable *table = (TorcFingerTable *)self;
    for (size_t i = 0; i < table->count; i++)
        torc__free(table->records[i]);
    torc__free(table->records);
}

static const TorcFingerDirectoryClass table_class = {
    TORC_FINGER_DIRECTORY_CLASS("finger-table", TorcFingerTable),
    .lookup = table_lookup,
    .destroy = table_destroy,
};

TorcFingerTable *TorcFingerTable_new(void)
{
    return (TorcFingerTable *)TorcFingerDirectory_new(&table_class);
}
