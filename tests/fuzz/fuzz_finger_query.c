/* The finger query and its kin, which are pure: the query of a server, the target of a client, and
 * the filter for what is told. What the header promises of the results is checked.
 *
 * The input is one line for all of them; its first byte says how the filter is called. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "fuzz.h"

/* ---- queries -------------------------------------------------------------------------------- */

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f;
}

/* The filter passes what is safe, so it leaves a safe text alone. */
static bool is_safe(const char *text)
{
    char filtered[TORC_FINGER_QUERY_MAX + 1];
    for (const char *at = text; *at; at++)
        if (is_control((unsigned char)*at))
            return false;
    size_t length =
        torc_finger_filter(text, strlen(text), TORC_FINGER_UTF8, filtered, sizeof(filtered));
    return length == strlen(text) && strcmp(filtered, text) == 0;
}

/* "h1@h2@h3": each of them is there, and holds no space. */
static bool are_hosts(const char *hosts)
{
    size_t length = strlen(hosts);
    return length == 0 || (hosts[0] != '@' && hosts[length - 1] != '@' && !strstr(hosts, "@@") &&
                           !strchr(hosts, ' '));
}

static void check_query(const TorcFingerQuery *query)
{
    size_t length = strlen(query->user);
    FUZZ_CHECK(length <= TORC_FINGER_QUERY_MAX && strlen(query->hosts) <= TORC_FINGER_QUERY_MAX);
    FUZZ_CHECK(length == 0 || (query->user[0] != ' ' && query->user[length - 1] != ' '));
    FUZZ_CHECK(!strchr(query->user, '@'));
    FUZZ_CHECK(is_safe(query->user) && is_safe(query->hosts));
    FUZZ_CHECK(are_hosts(query->hosts));
    FUZZ_CHECK(!query->exact);
}

/* A query that was understood means the same when it is written anew. */
static void check_again(const TorcFingerQuery *query)
{
    char line[2 * TORC_FINGER_QUERY_MAX + 8];
    TorcFingerQuery again;
    size_t length =
        (size_t)snprintf(line, sizeof(line), "%s%s%s%s\r\n", query->verbose ? "/W " : "",
                         query->user, *query->hosts ? "@" : "", query->hosts);
    int r = torc_finger_parseQuery(line, length, &again);
    FUZZ_CHECK(r == 0 || (r == -EMSGSIZE && length > TORC_FINGER_QUERY_MAX));
    FUZZ_CHECK(r < 0 ||
               (strcmp(query->user, again.user) == 0 && strcmp(query->hosts, again.hosts) == 0 &&
                query->verbose == again.verbose));
}

static void fuzz_query(const FuzzInput *input)
{
    TorcFingerQuery query;
    TorcFingerQuery same;
    memset(&query, 'x', sizeof(query));
    same = query;
    int r = torc_finger_parseQuery(input->at, input->left, &query);
    FUZZ_CHECK(r == 0 || r == -EMSGSIZE || r == -EILSEQ || r == -EBADMSG);
    if (r < 0) {
        FUZZ_CHECK(memcmp(&query, &same, sizeof(query)) == 0);
        return;
    }
    check_query(&query);
    check_again(&query);
}

/* ---- targets -------------------------------------------------------------------------------- */

static void fuzz_target(const char *text)
{
    TorcFingerTarget target;
    int r = torc_finger_parseTarget(text, &target);
    FUZZ_CHECK(r == 0 || r == -EINVAL);
    if (r < 0)
        return;
    FUZZ_CHECK(target.host[0] && strlen(target.host) < sizeof(target.host));
    FUZZ_CHECK(strlen(target.query) <= TORC_FINGER_QUERY_MAX);
    FUZZ_CHECK(!strchr(target.host, '@') && strchr(text, '@'));
    FUZZ_CHECK(strncmp(text, target.query, strlen(target.query)) == 0);
    FUZZ_CHECK(text[strlen(target.query)] == '@');
}

/* ---- the filter ----------------------------------------------------------------------------- */

static void check_filtered(const char *text, unsigned flags)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        FUZZ_CHECK(*at == '\t' || *at == '\n' || !is_control(*at) ||
                   (*at == '\r' && flags & TORC_FINGER_CRLF && at[1] == '\n'));
        FUZZ_CHECK(*at < 0x80 || flags & TORC_FINGER_UTF8);
        FUZZ_CHECK(*at != 0xc2 || at[1] >= 0xa0); /* U+0080 to U+009F are control characters */
        FUZZ_CHECK(*at != '\n' || !(flags & TORC_FINGER_CRLF) ||
                   (at > (const unsigned char *)text && at[-1] == '\r'));
    }
}

static void fuzz_filter(const FuzzInput *input, unsigned settings)
{
    unsigned flags = settings % 4;
    size_t whole = torc_finger_filter(input->at, input->left, flags, NULL, 0);
    FUZZ_CHECK(whole <= 2 * input->left);
    char *text = malloc(whole + 1);
    FUZZ_CHECK(text);
    FUZZ_CHECK(torc_finger_filter(input->at, input->left, flags, text, whole + 1) == whole);
    FUZZ_CHECK(strlen(text) == whole);
    check_filtered(text, flags);

    /* Filtered again it stays as it is, and a part of it is a beginning of it. */
    size_t size = 1 + settings / 4;
    char *part = malloc(size > whole + 1 ? size : whole + 1);
    FUZZ_CHECK(part);
    FUZZ_CHECK(torc_finger_filter(text, whole, flags, part, whole + 1) == whole);
    FUZZ_CHECK(strcmp(text, part) == 0);
    FUZZ_CHECK(torc_finger_filter(input->at, input->left, flags, part, size) == whole);
    FUZZ_CHECK(strlen(part) < size && strncmp(part, text, strlen(part)) == 0);
    free(part);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, size};
    unsigned settings = fuzz_byte(&input);
    FuzzInput rest = input;
    char *text = fuzz_takeText(&rest, '\0');

    fuzz_query(&input);
    fuzz_target(text);
    fuzz_filter(&input, settings);
    free(text);
    return 0;
}
