/* The values in endpoint descriptions: numbers, seconds, permissions, flags, addresses, paths;
 * and the sockets that a service manager passes, as the environment tells them. Each against a
 * second opinion.
 *
 * The input: which kind, two bounds, and the text; for the sockets four texts, each ended by a
 * zero byte: LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES, and the name or index that is wanted. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "endpoints/endpoint_parser_internal.h"
#include "endpoints/systemd_sockets_internal.h"
#include "fuzz.h"

static void check_result(int r, const TorcEndpointProblem *problem)
{
    FUZZ_CHECK(r == 0 || r == -TORC_EENDPOINT);
    FUZZ_CHECK(r == 0 || problem->text[0]);
    FUZZ_CHECK(r == 0 || memchr(problem->text, '\0', sizeof(problem->text)));
}

static bool is_of(const char *text, const char *characters)
{
    return *text && text[strspn(text, characters)] == '\0';
}

/* ---- numbers -------------------------------------------------------------------------------- */

static void fuzz_number(const TorcEndpointField *field, int least, int most)
{
    TorcEndpointProblem problem;
    int value = -7;
    int r = torc__endpoint_readNumber(field, "the number", least, most, &value, &problem);
    unsigned long long number = strtoull(field->value, NULL, 10); /* saturates */
    bool expected = is_of(field->value, "0123456789") && number >= (unsigned long long)least &&
                    number <= (unsigned long long)most;
    check_result(r, &problem);
    FUZZ_CHECK((r == 0) == expected);
    FUZZ_CHECK(value == (r == 0 ? (int)number : -7));
}

/* The C locale's strtod reads the same, and more besides. */
static void fuzz_seconds(const TorcEndpointField *field)
{
    TorcEndpointProblem problem;
    double value = -7;
    int r = torc__endpoint_readSeconds(field, "the time", &value, &problem);
    check_result(r, &problem);
    FUZZ_CHECK(r == 0 || value == -7);
    if (r == 0) {
        FUZZ_CHECK(is_of(field->value, "0123456789.") && value > 0);
        FUZZ_CHECK(fabs(value - strtod(field->value, NULL)) < 1e-9 * value + 1e-12);
    }
}

static void fuzz_mode(const TorcEndpointField *field)
{
    TorcEndpointProblem problem;
    int value = -7;
    int r = torc__endpoint_readMode(field, &value, &problem);
    check_result(r, &problem);
    FUZZ_CHECK(r == 0 || value == -7);
    if (r == 0) {
        FUZZ_CHECK(is_of(field->value, "01234567") && value >= 1 && value <= 0777);
        FUZZ_CHECK(value == strtol(field->value, NULL, 8));
    }
}

/* ---- other values --------------------------------------------------------------------------- */

static void fuzz_flag(const TorcEndpointField *field)
{
    TorcEndpointProblem problem;
    bool value = false;
    int r = torc__endpoint_readFlag(field, &value, &problem);
    bool yes = strcmp(field->value, "yes") == 0;
    check_result(r, &problem);
    FUZZ_CHECK((r == 0) == (yes || strcmp(field->value, "no") == 0) && value == yes);
}

static void fuzz_address(const TorcEndpointField *field, bool v6_only)
{
    TorcEndpointProblem problem;
    TorcAddress address;
    const char *value = "none";
    int r = torc__endpoint_readAddress(field, v6_only, &value, &problem);
    check_result(r, &problem);
    if (r < 0 || !*field->value)
        return;
    FUZZ_CHECK(value == field->value && TorcAddress_parse(value, 0, &address) == 0);
    FUZZ_CHECK(!v6_only || address.family == TORC_ADDRESS_IPV6);
}

static void fuzz_path(const TorcEndpointField *field)
{
    TorcEndpointProblem problem;
    const char *value = "none";
    int r = torc__endpoint_readPath(field, &value, &problem);
    size_t length = strlen(field->value);
    check_result(r, &problem);
    FUZZ_CHECK((r == 0) == (length > 0 && length <= 107 && strcmp(field->value, "@") != 0));
    FUZZ_CHECK(r < 0 || value == field->value);
}

/* ---- sockets of a service manager ----------------------------------------------------------- */

static void check_sockets(const TorcSystemdSockets *sockets, int fd)
{
    FUZZ_CHECK(sockets->pid && strtol(sockets->pid, NULL, 10) == sockets->own_pid);
    FUZZ_CHECK(sockets->count && fd >= TORC__SYSTEMD_FIRST);
    FUZZ_CHECK(fd - TORC__SYSTEMD_FIRST < strtol(sockets->count, NULL, 10));
}

static void fuzz_sockets(FuzzInput *input, unsigned settings)
{
    char *texts[4];
    TorcEndpointProblem problem;
    int fd = -7;
    for (int i = 0; i < 4; i++)
        texts[i] = fuzz_takeText(input, '\0');
    const TorcSystemdSockets sockets = {
        .pid = settings & 1 ? NULL : texts[0],
        .count = settings & 2 ? NULL : texts[1],
        .names = settings & 4 ? NULL : texts[2],
        .own_pid = 7,
    };
    TorcEndpointField wanted = {.value = texts[3], .column = 1, .value_column = 1};
    bool by_name = settings & 8;
    int r = torc__systemd_find(&sockets, by_name ? &wanted : NULL, by_name ? NULL : &wanted, &fd,
                               &problem);
    check_result(r, &problem);
    FUZZ_CHECK(r == 0 || fd == -7);
    if (r == 0)
        check_sockets(&sockets, fd);
    for (int i = 0; i < 4; i++)
        free(texts[i]);
}

/* ---- an execution --------------------------------------------------------------------------- */

static void fuzz_value(FuzzInput *input, unsigned which)
{
    int least = (int)fuzz_below(input, 3);
    int most = (int)fuzz_below(input, 1 << 16);
    char *text = fuzz_takeText(input, '\0');
    TorcEndpointField field = {.value = text, .column = 1, .value_column = 1};

    switch (which) {
    case 0: fuzz_number(&field, least, least == 2 ? 0x7fffffff : most); break;
    case 1: fuzz_seconds(&field); break;
    case 2: fuzz_mode(&field); break;
    case 3: fuzz_flag(&field); break;
    case 4: fuzz_address(&field, least > 0); break;
    default: fuzz_path(&field); break;
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, size};
    unsigned settings = fuzz_byte(&input);

    if (settings % 7 == 6)
        fuzz_sockets(&input, settings / 7);
    else
        fuzz_value(&input, settings % 7);
    return 0;
}
