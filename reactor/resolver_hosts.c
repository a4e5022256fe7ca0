/* A resolver over a text in the format of hosts(5).
 *
 * Thread: the reactor's. The text is read once, into an index: entries in the order of the text, one
 * for each name of a line, in the chains of a table as large as there are entries. So a file of a
 * hundred thousand names is searched as fast as one of three. It never changes afterwards. */
#include "reactor_internal.h"
#include "resolver_internal.h"

/* A name and one of its addresses: 36 bytes and the name's own. */
typedef struct HostsEntry {
    uint32_t next; /* of the chain: number + 1; 0: the last */
    uint32_t hash;
    uint32_t name; /* where it begins in `names` */
    uint32_t scope;
    uint8_t ip[16];
    uint8_t family;
} HostsEntry;

typedef struct HostsResolver {
    TorcResolver base;
    TorcResolver *next;
    HostsEntry *entries;
    uint32_t count;
    uint32_t *chains; /* number + 1 of the first entry; 0: none */
    uint32_t chain_mask;
    char *names; /* lower case, each with its NUL */
} HostsResolver;

/* ---- building the index -------------------------------------------------------------------- */

typedef struct HostsSize {
    size_t entries;
    size_t bytes; /* of names */
} HostsSize;

static void log_line(size_t line, int code)
{
    const char *problem = code == -EINVAL ? "no host name" : torc_strerror(code);
    TORC__LOG(NULL, TORC_LOG_WARNING, "resolver.hosts-line", TORC_LOG_NUMBER("line", line),
              TORC_LOG_BYTES("problem", problem, strlen(problem)));
}

static HostsSize measure(const char *text, size_t length)
{
    TorcHostsCursor cursor = {.at = text, .end = text + length};
    TorcHostsName name;
    HostsSize size = {0, 0};
    int r;

    while ((r = torc__hosts_next(&cursor, &name)) != 0) {
        if (r < 0) {
            log_line(cursor.line, r);
            continue;
        }
        size.entries++;
        size.bytes += name.length + 1;
    }
    return size;
}

static int allocate_index(HostsResolver *hosts, HostsSize size)
{
    size_t chains = 1;
    if (size.entries > UINT32_MAX / 2 || size.bytes > UINT32_MAX)
        return -ENOMEM;
    while (chains < size.entries)
        chains *= 2;
    hosts->chain_mask = (uint32_t)(chains - 1);
    hosts->entries = torc__malloc(size.entries * sizeof(HostsEntry));
    hosts->chains = torc__zalloc(chains * sizeof(uint32_t));
    hosts->names = torc__malloc(size.bytes);
    return hosts->entries && hosts->chains && hosts->names ? 0 : -ENOMEM;
}

static void fill_entries(HostsResolver *hosts, const char *text, size_t length)
{
    TorcHostsCursor cursor = {.at = text, .end = text + length};
    TorcHostsName name;
    uint32_t used = 0;
    int r;

    while ((r = torc__hosts_next(&cursor, &name)) != 0) {
        char key[TORC__HOST_LENGTH + 1];
        if (r < 0 || !torc__resolver_key(name.name, name.length, key))
            continue; /* it was logged */
        HostsEntry *entry = &hosts->entries[hosts->count++];
        *entry = (HostsEntry){.hash = torc__resolver_hash(key),
                              .name = used,
                              .scope = name.address->scopeId,
                              .family = (uint8_t)name.address->family};
        memcpy(entry->ip, name.address->ip, sizeof(entry->ip));
        size_t size = strlen(key) + 1;
        memcpy(hosts->names + used, key, size);
        used += (uint32_t)size;
    }
}

/* From the last to the first, so that a chain has the order of the text. */
static void chain_entries(HostsResolver *hosts)
{
    for (uint32_t number = hosts->count; number > 0; number--) {
        HostsEntry *entry = &hosts->entries[number - 1];
        uint32_t *chain = &hosts->chains[entry->hash & hosts->chain_mask];
        entry->next = *chain;
        *chain = number;
    }
}

/* ---- resolving ----------------------------------------------------------------------------- */

/* The next entry of that name in the chain that begins with `number`; NULL at its end. */
static const HostsEntry *find_entry(const HostsResolver *hosts, uint32_t number, const char *key,
                                    uint32_t hash)
{
    while (number > 0) {
        const HostsEntry *entry = &hosts->entries[number - 1];
        if (entry->hash == hash && strcmp(hosts->names + entry->name, key) == 0)
            return entry;
        number = entry->next;
    }
    return NULL;
}

static bool contains(const TorcAddressList *list, const TorcAddress *address)
{
    for (size_t i = 0; i < list->count; i++)
        if (TorcAddress_equal(&list->addresses[i], address))
            return true;
    return false;
}

static void append(TorcAddressList *list, const HostsEntry *entry, uint16_t port)
{
    TorcAddress address = {
        .family = (TorcAddressFamily)entry->family, .port = port, .scopeId = entry->scope};
    memcpy(address.ip, entry->ip, sizeof(entry->ip));
    if (!contains(list, &address))
        list->addresses[list->count++] = address;
}

/* From the first entry of that name on; NULL: no memory. */
static TorcAddressList *collect(const HostsResolver *hosts, const HostsEntry *first,
                                const char *key, uint16_t port)
{
    size_t room = 0;
    for (const HostsEntry *entry = first; entry && room < TORC__HOST_ADDRESSES; room++)
        entry = find_entry(hosts, entry->next, key, first->hash);
    TorcAddressList *list = torc__addressList_withRoom(room);
    for (const HostsEntry *entry = first; list && entry && list->count < room;
         entry = find_entry(hosts, entry->next, key, first->hash))
        append(list, entry, port);
    return list;
}

static int hosts_resolve(TorcResolver *self, TorcReactor *reactor, const char *host, uint16_t port,
                         TorcAddressFamily family, TorcDeferred **ret_addresses)
{
    const HostsResolver *hosts = (const HostsResolver *)self;
    char key[TORC__HOST_LENGTH + 1];
    if (!torc__resolver_key(host, strlen(host), key))
        return -EINVAL;
    uint32_t hash = torc__resolver_hash(key);
    const HostsEntry *first = find_entry(hosts, hosts->chains[hash & hosts->chain_mask], key, hash);
    if (!first)
        return torc__resolver_resolve(hosts->next, reactor, host, port, family, ret_addresses);
    TorcAddressList *list = collect(hosts, first, key, port);
    TorcDeferred *deferred = list ? TorcDeferred_succeed(list, TorcAddressList_free) : NULL;
    if (!deferred)
        return -ENOMEM;
    *ret_addresses = deferred;
    return 0;
}

static void hosts_destroy(TorcResolver *self)
{
    HostsResolver *hosts = (HostsResolver *)self;
    TorcResolver_unref(hosts->next);
    torc__free(hosts->entries);
    torc__free(hosts->chains);
    torc__free(hosts->names);
    torc__free(hosts);
}

static const TorcResolverClass hosts_class = {
    .size = sizeof(TorcResolverClass),
    .name = "hosts",
    .resolve = hosts_resolve,
    .destroy = hosts_destroy,
};

TorcResolver *TorcHostsResolver_new(const char *text, size_t length, TorcResolver *next)
{
    if ((!text && length > 0) || !torc__resolver_isUsable(next)) {
        errno = EINVAL;
        return NULL;
    }
    HostsResolver *hosts = torc__zalloc(sizeof(*hosts));
    if (!hosts) {
        errno = ENOMEM;
        return NULL;
    }
    TorcResolver_init(&hosts->base, &hosts_class);
    hosts->next = TorcResolver_ref(next);
    text = text ? text : "";
    if (allocate_index(hosts, measure(text, length)) < 0) {
        TorcResolver_unref(&hosts->base);
        errno = ENOMEM;
        return NULL;
    }
    fill_entries(hosts, text, length);
    chain_entries(hosts);
    return &hosts->base;
}
