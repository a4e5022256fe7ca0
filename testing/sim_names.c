/* What the simulated world knows by name, and what it does not answer for.
 *
 * Names are compared as DNS compares them: without regard to case, and a dot at the end does not
 * matter (RFC 1034 §3.1). Literals resolve to themselves. The kernel owns the tables. */
#include <string.h>
#include <strings.h>

#include "../reactor/errors.h"
#include "sim_kernel_internal.h"

struct SimName {
    SimName *next;
    size_t count;
    TorcAddress *addresses;
    char text[];
};

struct SimHole {
    SimHole *next;
    SimAddress address;
};

/* The length without a dot at the end. */
static size_t name_length(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

/* The link that leads to the name, or to NULL at the end of the list. */
static SimName **find_name(SimKernel *kernel, const char *name)
{
    size_t length = name_length(name);
    SimName **link = &kernel->names;
    while (*link && (strlen((*link)->text) != length || strncasecmp((*link)->text, name, length)))
        link = &(*link)->next;
    return link;
}

static void remove_name(SimName **link)
{
    SimName *name = *link;
    *link = name->next;
    torc__sim_release(name->addresses);
    torc__sim_release(name);
}

void torc__simKernel_setAddresses(SimKernel *kernel, const char *name, const char *const *addresses,
                                  size_t count)
{
    SimName **link = find_name(kernel, name);
    if (*link)
        remove_name(link);
    if (count == 0)
        return;
    size_t length = name_length(name);
    SimName *entry = torc__sim_alloc(sizeof(*entry) + length + 1);
    memcpy(entry->text, name, length);
    entry->count = count;
    entry->addresses = torc__sim_alloc(count * sizeof(*entry->addresses));
    for (size_t i = 0; i < count; i++)
        if (TorcAddress_parse(addresses[i], 0, &entry->addresses[i]) < 0)
            torc__sim_fatal("TorcSim_setAddresses: an address is no IPv4 or IPv6 literal");
    entry->next = kernel->names;
    kernel->names = entry;
}

bool torc__simKernel_knows(SimKernel *kernel, const char *name)
{
    return *find_name(kernel, name);
}

void torc__simKernel_addAddress(SimKernel *kernel, const char *name, const char *literal)
{
    if (!torc__simKernel_knows(kernel, name)) {
        torc__simKernel_setAddresses(kernel, name, &literal, 1);
        return;
    }
    SimName *entry = *find_name(kernel, name);
    size_t size = (entry->count + 1) * sizeof(*entry->addresses);
    entry->addresses = torc__sim_realloc(entry->addresses, size);
    (void)TorcAddress_parse(literal, 0, &entry->addresses[entry->count++]); /* it is a literal */
}

TorcAddress *torc__simKernel_resolve(SimKernel *kernel, const char *name, uint16_t port,
                                     size_t *ret_count)
{
    TorcAddress literal;
    const TorcAddress *found = &literal;
    size_t count = 1;
    if (TorcAddress_parse(name, 0, &literal) < 0) {
        const SimName *entry = *find_name(kernel, name);
        found = entry ? entry->addresses : NULL;
        count = entry ? entry->count : 0;
    }
    TorcAddress *addresses = torc__sim_alloc((count + 1) * sizeof(*addresses));
    for (size_t i = 0; i < count; i++) {
        addresses[i] = found[i];
        addresses[i].port = port;
    }
    *ret_count = count;
    return addresses;
}

int torc__simKernel_address(SimKernel *kernel, const char *name, uint16_t port,
                            SimAddress *ret_address)
{
    char text[TORC_ADDRESS_TEXT_SIZE];
    size_t count;
    TorcAddress *found = torc__simKernel_resolve(kernel, name, port, &count);
    int r = -TORC_ENOTADDRESS;
    if (count > 0)
        r = torc__simAddress_parse(TorcAddress_host(&found[0], text, sizeof(text)), port,
                                   ret_address);
    torc__sim_release(found);
    return r;
}

void torc__simKernel_blackHole(SimKernel *kernel, const SimAddress *address)
{
    SimHole *hole = torc__sim_alloc(sizeof(*hole));
    *hole = (SimHole){.next = kernel->holes, .address = *address};
    kernel->holes = hole;
}

bool torc__simKernel_isBlackHole(const SimKernel *kernel, const SimAddress *address)
{
    const SimHole *hole = kernel->holes;
    while (hole && !torc__simAddress_sameIp(&hole->address, address))
        hole = hole->next;
    return hole;
}

void torc__simKernel_forgetNames(SimKernel *kernel)
{
    while (kernel->names)
        remove_name(&kernel->names);
    while (kernel->holes) {
        SimHole *hole = kernel->holes;
        kernel->holes = hole->next;
        torc__sim_release(hole);
    }
}
