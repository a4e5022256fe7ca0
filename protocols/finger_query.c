/* The finger query: a pure parser from the bytes of one line to a TorcFingerQuery.
 *
 * No sockets, no memory, any thread. Invariant: what is in a parsed query holds no control
 * characters, so it can go into logs, look-ups and answers without another check; and it fits,
 * because the whole line does. RFC 1288 §2.3 gives the grammar. */
#include <errno.h>
#include <string.h>

#include "finger_internal.h"

/* What is left of the line. */
typedef struct Rest {
    const char *at;
    size_t length;
} Rest;

static void skip(Rest *rest, size_t count)
{
    rest->at += count;
    rest->length -= count;
}

static void skip_spaces(Rest *rest)
{
    while (rest->length > 0 && *rest->at == ' ')
        skip(rest, 1);
}

static void drop_line_end(Rest *rest)
{
    if (rest->length > 0 && rest->at[rest->length - 1] == '\n')
        rest->length--;
    if (rest->length > 0 && rest->at[rest->length - 1] == '\r')
        rest->length--;
}

/* Printable: ASCII from the space to '~', and UTF-8 behind the C1 control characters. */
static bool printable(Rest rest)
{
    while (rest.length > 0) {
        uint32_t point;
        size_t size = torc__utf8_decode(rest.at, rest.length, &point);
        if (size == 0 || point < ' ' || (point >= 0x7f && point < 0xa0))
            return false;
        skip(&rest, size);
    }
    return true;
}

/* [ "/W" ( SP | end ) ]; another switch is malformed. */
static int take_verbose(Rest *rest, bool *ret_verbose)
{
    bool verbose = rest->length > 0 && *rest->at == '/';
    if (verbose) {
        if (rest->length < 2 || rest->at[1] != 'W' || (rest->length > 2 && rest->at[2] != ' '))
            return -EBADMSG;
        skip(rest, 2);
        skip_spaces(rest);
        if (rest->length > 0 && *rest->at == '/')
            return -EBADMSG;
    }
    *ret_verbose = verbose;
    return 0;
}

/* Each '@' is followed by a name without spaces. */
static bool hosts_proper(const char *hosts, size_t length)
{
    bool empty = true;
    for (size_t i = 0; i < length; i++) {
        if (hosts[i] == ' ' || (hosts[i] == '@' && empty))
            return false;
        empty = hosts[i] == '@';
    }
    return !empty;
}

static void copy(char *to, const char *from, size_t length)
{
    if (length > 0)
        memcpy(to, from, length);
    to[length] = '\0';
}

/* [user] {@host}. */
static int take_user(Rest rest, TorcFingerQuery *query)
{
    const char *at = rest.length > 0 ? memchr(rest.at, '@', rest.length) : NULL;
    size_t user_length = at ? (size_t)(at - rest.at) : rest.length;

    if (at) {
        size_t hosts_length = rest.length - user_length - 1;
        if (!hosts_proper(at + 1, hosts_length))
            return -EBADMSG;
        copy(query->hosts, at + 1, hosts_length);
    }
    while (user_length > 0 && rest.at[user_length - 1] == ' ')
        user_length--;
    copy(query->user, rest.at, user_length);
    return 0;
}

int torc_finger_parseQuery(const void *line, size_t length, TorcFingerQuery *ret_query)
{
    if ((!line && length > 0) || !ret_query)
        return -EINVAL;

    Rest rest = {line, length};
    drop_line_end(&rest);
    if (rest.length > TORC_FINGER_QUERY_MAX)
        return -EMSGSIZE;
    if (!printable(rest))
        return -EILSEQ;
    while (rest.length > 0 && rest.at[rest.length - 1] == ' ')
        rest.length--;
    skip_spaces(&rest);

    TorcFingerQuery query = {0};
    int r = take_verbose(&rest, &query.verbose);
    if (r == 0)
        r = take_user(rest, &query);
    if (r == 0)
        *ret_query = query;
    return r;
}
