/* Endpoint descriptions: cut into fields, and made into servers and clients that are then used.
 *
 * The input: which side, whether it is used, which allocation fails, and the description. Of those
 * that name descriptors of the process none is used. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "endpoints/endpoint_parser_internal.h"
#include "fuzz.h"
#include "reactor/memory_internal.h"

static TorcSim *sim;
static TorcFactory *factory;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_countMemory();
    sim = TorcSim_new(1);
    TorcSim_setAddresses(sim, "localhost", (const char *const[]){"127.0.0.1", "::1"}, 2);
    factory = TorcFactory_forProtocol(&torc_echo_class);
    FUZZ_CHECK(factory);
    return 0;
}

/* ---- fields -------------------------------------------------------------------------------- */

/* Appends the text so that it is read as it is. */
static char *add_quoted(char *at, const char *text)
{
    return at + torc_quoteStringArgument(text, at, 2 * strlen(text) + 1);
}

/* A description that has these fields. */
static void write_again(const TorcEndpointFields *fields, char *text)
{
    char *at = add_quoted(text, fields->type->value);
    for (size_t i = 0; i < fields->count; i++) {
        *at++ = ':';
        if (fields->fields[i].keyword) {
            at = add_quoted(at, fields->fields[i].keyword);
            *at++ = '=';
        }
        at = add_quoted(at, fields->fields[i].value);
    }
    *at = '\0';
}

static void check_same_fields(const TorcEndpointFields *a, const TorcEndpointFields *b)
{
    FUZZ_CHECK(strcmp(a->type->value, b->type->value) == 0 && a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        const TorcEndpointField *x = &a->fields[i];
        const TorcEndpointField *y = &b->fields[i];
        FUZZ_CHECK(strcmp(x->value, y->value) == 0 && !x->keyword == !y->keyword);
        FUZZ_CHECK(!x->keyword || strcmp(x->keyword, y->keyword) == 0);
    }
}

static void check_columns(const TorcEndpointFields *fields, size_t length)
{
    for (size_t i = 0; i < fields->count; i++) {
        const TorcEndpointField *field = &fields->fields[i];
        FUZZ_CHECK(field->column >= 1 && field->column <= length + 1);
        FUZZ_CHECK(field->value_column >= field->column && field->value_column <= length + 1);
    }
}

static void check_problem(const TorcEndpointProblem *problem, size_t length)
{
    FUZZ_CHECK(problem->column <= length + 1);
    FUZZ_CHECK(problem->text[0] && memchr(problem->text, '\0', sizeof(problem->text)));
}

/* The fields of a description are those of the description that is written from them. */
static void fuzz_fields(const FuzzInput *input)
{
    TorcEndpointFields *fields;
    TorcEndpointFields *again;
    TorcEndpointProblem problem;
    int r = torc__endpoint_parse((const char *)input->at, input->left, &fields, &problem);
    if (r < 0) {
        FUZZ_CHECK(r == -TORC_EENDPOINT);
        check_problem(&problem, input->left);
        return;
    }
    check_columns(fields, input->left);
    char *text = malloc(2 * input->left + 2);
    FUZZ_CHECK(text);
    write_again(fields, text);
    FUZZ_CHECK(torc__endpoint_parse(text, strlen(text), &again, &problem) == 0);
    check_same_fields(fields, again);
    torc__free(again);
    torc__free(fields);
    free(text);
}

/* ---- endpoints ----------------------------------------------------------------------------- */

/* A failure has a reason that says it, success none. Without memory for its text it has no code. */
static void check_reason(int r, TorcReason *reason)
{
    FUZZ_CHECK((r == 0) == (reason == NULL));
    if (!reason)
        return;
    FUZZ_CHECK(r == -TORC_EENDPOINT || r == -ENOMEM);
    int code = TorcReason_code(reason);
    FUZZ_CHECK((code == r || code == 0) && *TorcReason_text(reason));
    TorcReason_unref(reason);
}

static void use_server(TorcServerEndpoint *endpoint)
{
    TorcPort *port = NULL;
    if (TorcServerEndpoint_listen(endpoint, factory, &port) == 0 && port)
        (void)TorcPort_stopListening(port, NULL);
    (void)TorcSim_advance(sim, 0);
}

static void use_client(TorcClientEndpoint *endpoint)
{
    TorcDeferred *connected = NULL;
    if (TorcClientEndpoint_connect(endpoint, factory, &connected) == 0) {
        (void)TorcSim_advance(sim, 0.1);
        TorcDeferred_cancel(connected);
        TorcDeferred_detach(connected);
    }
    (void)TorcSim_advance(sim, 1);
}

static bool is_usable(const char *description)
{
    static const char *const inherited[] = {"fd", "stdio", "systemd"};
    for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++)
        if (strcasestr(description, inherited[i]))
            return false;
    return true;
}

static void fuzz_server(const char *description, bool used)
{
    TorcServerEndpoint *endpoint;
    TorcReason *reason;
    int r = TorcServerEndpoint_fromString(TorcSim_reactor(sim), description, &endpoint, &reason);
    fuzz_failAllocation(-1);
    check_reason(r, reason);
    if (r < 0)
        return;
    if (used && is_usable(description))
        use_server(endpoint);
    TorcServerEndpoint_unref(endpoint);
}

static void fuzz_client(const char *description, bool used)
{
    TorcClientEndpoint *endpoint;
    TorcReason *reason;
    int r = TorcClientEndpoint_fromString(TorcSim_reactor(sim), description, &endpoint, &reason);
    fuzz_failAllocation(-1);
    check_reason(r, reason);
    if (r < 0)
        return;
    if (used && is_usable(description))
        use_client(endpoint);
    TorcClientEndpoint_unref(endpoint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char report[TORC_CHECK_MESSAGE_SIZE];
    FuzzInput input = {data, size};
    unsigned settings = fuzz_byte(&input);

    fuzz_fields(&input);
    char *description = fuzz_takeText(&input, '\0');
    if (settings / 4 % 4 == 1)
        fuzz_failAllocation(settings / 16);
    if (settings & 1)
        fuzz_server(description, settings & 2);
    else
        fuzz_client(description, settings & 2);
    free(description);
    FUZZ_CHECK_THAT(torc_check_clean(sim, report, sizeof(report)), "%s", report);
    return 0;
}
