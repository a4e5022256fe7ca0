/* The format of hosts(5): lines of an address and its names, comments from '#'.
 *
 * A pure function over bytes: no state but the cursor, nothing allocated. A line counts as a whole
 * or not at all, so it is looked through before its first name is given. Invariant: names up to
 * names_end belong to `address`, and `at` is behind that line. */
#include "reactor_internal.h"
#include "resolver_internal.h"

/* The longest literal: 45 characters, '%' and an interface's name. */
enum { LITERAL_SIZE = 80 };

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r'); /* the last line of DOS files too */
}

/* The next word from *at on; its length, 0 when there is none. */
static size_t next_word(const char **at, const char *end, const char **ret_word)
{
    const char *word = *at;
    while (word < end && is_space(*word))
        word++;
    const char *behind = word;
    while (behind < end && !is_space(*behind))
        behind++;
    *at = behind;
    *ret_word = word;
    return (size_t)(behind - word);
}

static bool read_address(const char *word, size_t length, TorcAddress *ret_address)
{
    char literal[LITERAL_SIZE];
    if (length >= sizeof(literal) || memchr(word, '\0', length))
        return false;
    memcpy(literal, word, length);
    literal[length] = '\0';
    return TorcAddress_parse(literal, 0, ret_address) == 0;
}

static bool has_good_names(const char *at, const char *end)
{
    char key[TORC__HOST_LENGTH + 1];
    const char *word;
    size_t length;
    size_t count = 0;

    for (; (length = next_word(&at, end, &word)) > 0; count++)
        if (!torc__resolver_key(word, length, key))
            return false;
    return count > 0;
}

/* Reads the line up to its first name: 1, 0 for an empty one, or what is wrong. */
static int read_line(TorcHostsCursor *cursor, const char *line, const char *end)
{
    const char *word;
    size_t length = next_word(&line, end, &word);
    if (length == 0)
        return 0;
    if (!read_address(word, length, &cursor->address))
        return -TORC_ENOTADDRESS;
    if (!has_good_names(line, end))
        return -EINVAL;
    cursor->names = line;
    cursor->names_end = end;
    return 1;
}

static int next_line(TorcHostsCursor *cursor)
{
    const char *line = cursor->at;
    size_t left = (size_t)(cursor->end - line);
    const char *newline = memchr(line, '\n', left);
    const char *end = newline ? newline : cursor->end;
    const char *comment = memchr(line, '#', (size_t)(end - line));

    cursor->at = newline ? newline + 1 : cursor->end;
    cursor->line++;
    return read_line(cursor, line, comment ? comment : end);
}

int torc__hosts_next(TorcHostsCursor *cursor, TorcHostsName *ret_name)
{
    for (;;) {
        const char *name;
        size_t length = next_word(&cursor->names, cursor->names_end, &name);
        if (length > 0) {
            *ret_name = (TorcHostsName){name, length, &cursor->address};
            return 1;
        }
        if (cursor->at == cursor->end)
            return 0;
        int r = next_line(cursor);
        if (r < 0)
            return r;
    }
}
