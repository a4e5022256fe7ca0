/* Class tables: from what a program writes to what the library calls. Not installed.
 *
 * A table is an array of pointer-sized words: the header below, then slots. A word left 0 is
 * inherited from the parent. Resolving makes a copy with every inherited word filled in, once per
 * table and process, so that a call later is one indirect jump. Any thread may resolve. */
#ifndef TORC_PROTOCOLS_CLASS_INTERNAL_H
#define TORC_PROTOCOLS_CLASS_INTERNAL_H

#include "../reactor/api.h"
#include "protocol.h"

/* What every class table begins with, whatever it is a class of. */
typedef struct TorcClassHeader {
    size_t class_size;
    size_t instance_size;
    const char *name;
    const void *parent;
} TorcClassHeader;

/* A family of class tables: protocols, factories. */
typedef struct TorcClassKind {
    const void *root;      /* the table at which every chain of parents ends */
    size_t destroy_offset; /* the one slot that is chained instead of inherited */
} TorcClassKind;

/* *ret_resolved lives as long as the process; its parent is the parent's resolved table. A resolved
 * table resolves to itself. 0; -EINVAL (NULL); -TORC_ECLASS: sizes that cannot be right, no name,
 * or parents that do not end at the root; -ENOMEM. */
int torc__class_resolve(const TorcClassKind *kind, const void *table, const void **ret_resolved);

/* Of a resolved table and its parents the one that `cls` is: itself, or as it was written. NULL:
 * none. */
const void *torc__class_find(const void *resolved, const void *cls);

/* The parent of the table that find would find; the root where there is none. Never NULL. */
const void *torc__class_super(const void *resolved, const void *cls);

/* The table, as written, that a resolved class has its word at `offset` from: its own or the
 * nearest parent's that sets it; NULL when none does. For words that belong together, of which a
 * class may set one and leave the other 0. */
const void *torc__class_definer(const void *resolved, size_t offset);

/* Writes the table of a class of the root's kind, every slot NULL. parent NULL: the root. */
void torc__class_init(void *table, const void *root, const char *name, size_t instance_size,
                      const void *parent);

/* What a constructor sets errno to for such a code. */
int torc__class_errno(int code);

int torc__protocolClass_resolve(const TorcProtocolClass *cls, const TorcProtocolClass **ret_cls);

/* An instance of a resolved class. 0 or -ENOMEM. */
int torc__protocol_make(const TorcProtocolClass *cls, TorcFactory *factory,
                        TorcProtocol **ret_protocol);

/* Runs the destroy slots, frees the instance and drops its reference to the factory. NULL is
 * fine. */
void torc__protocol_free(TorcProtocol *protocol);

#endif
