/* Endpoint descriptions as text: cutting them into fields, binding the fields to parameters, and
 * quoting. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/endpoints/endpoint.h>
#include <torc/reactor/errors.h>

#include "endpoints/endpoint_parser_internal.h"
#include "reactor/memory_internal.h"

static TorcEndpointProblem problem;

static TorcEndpointFields *parsed(const char *description)
{
    TorcEndpointFields *fields;
    int r = torc__endpoint_parse(description, strlen(description), &fields, &problem);
    ck_assert_msg(r == 0, "'%s' was refused: %s", description, problem.text);
    return fields;
}

static void ck_refused(const char *description, size_t length, size_t column, const char *part)
{
    TorcEndpointFields *fields = NULL;
    ck_assert_int_eq(torc__endpoint_parse(description, length, &fields, &problem), -TORC_EENDPOINT);
    ck_assert_ptr_null(fields);
    ck_assert_uint_eq(problem.column, column);
    ck_assert_msg(strstr(problem.text, part), "'%s' does not say '%s'", problem.text, part);
}

/* ---- fields -------------------------------------------------------------------------------- */

/* All fields as one text: type, then |value or |keyword=value. */
static const struct {
    const char *description, *fields;
} examples[] = {
    {"tcp", "tcp"},
    {"tcp:", "tcp|"},
    {"tcp:80", "tcp|80"},
    {"tcp::80", "tcp||80"},
    {"tcp:8881:interface=127.0.0.1", "tcp|8881|interface=127.0.0.1"},
    {"tcp:8881:interface=\\:\\:1:backlog=128", "tcp|8881|interface=::1|backlog=128"},
    {"interface=:tcp:80", "tcp|interface=|80"},
    {"port=80:tcp", "tcp|port=80"},
    {"tcp:a=b=c", "tcp|a=b=c"},
    {"tcp:a\\=b", "tcp|a\\=b"},
    {"tcp:a\\=b=c", "tcp|a\\=b=c"},
    {"tcp:=v", "tcp|=v"},
    {"tcp:k=", "tcp|k="},
    {"t\\cp:\\8\\0", "tcp|80"},
    {"tcp:\\\\", "tcp|\\"},
    {"tcp:\\\\:x", "tcp|\\|x"},
    {"tcp:\xc3\xa4", "tcp|\xc3\xa4"},
};

/* A positional value's '=' is shown as "\=", to tell it from a keyword's. */
static void show_field(char *text, size_t size, const TorcEndpointField *field)
{
    size_t length = strlen(text);
    if (field->keyword)
        length += (size_t)snprintf(text + length, size - length, "%s",
                                   strchr(field->keyword, '=') ? "a\\=b" : field->keyword);
    if (field->keyword)
        length += (size_t)snprintf(text + length, size - length, "=");
    const char *equals = field->keyword ? NULL : strchr(field->value, '=');
    if (equals)
        snprintf(text + length, size - length, "%.*s\\%s", (int)(equals - field->value),
                 field->value, equals);
    else
        snprintf(text + length, size - length, "%s", field->value);
}

START_TEST(description_is_cut_into_fields)
{
    char text[256] = "";
    TorcEndpointFields *fields = parsed(examples[_i].description);
    show_field(text, sizeof(text), fields->type);
    for (size_t i = 0; i < fields->count; i++) {
        strcat(text, "|");
        show_field(text, sizeof(text), &fields->fields[i]);
    }
    ck_assert_str_eq(text, examples[_i].fields);
    torc__free(fields);
}
END_TEST

START_TEST(fields_know_their_columns)
{
    TorcEndpointFields *fields = parsed("tcp:\\:\\:1:backlog=5");
    ck_assert_uint_eq(fields->type->column, 1);
    ck_assert_uint_eq(fields->fields[0].column, 5);
    ck_assert_uint_eq(fields->fields[1].column, 11);
    ck_assert_uint_eq(fields->fields[1].value_column, 19);
    torc__free(fields);
}
END_TEST

START_TEST(empty_description_is_refused)
{
    ck_refused("", 0, 0, "empty");
}
END_TEST

START_TEST(description_without_type_is_refused)
{
    ck_refused("port=80", 7, 0, "type");
    ck_refused(":80", 3, 1, "type");
}
END_TEST

START_TEST(backslash_at_the_end_is_refused)
{
    ck_refused("tcp:80\\", 7, 7, "quotes nothing");
    ck_refused("tcp:a=\\\\\\", 9, 9, "quotes nothing");
    ck_refused("\\", 1, 1, "quotes nothing");
}
END_TEST

START_TEST(nul_byte_is_refused) /* BUG-21 */
{
    ck_refused("tcp:8\0:", 7, 6, "NUL");
}
END_TEST

START_TEST(every_cut_of_a_description_is_read_or_refused)
{
    static const char whole[] = "tcp:a\\:b\\\\:c\\=d=e\\=f:interface=\\:\\:1:";
    for (size_t length = 1; length < sizeof(whole); length++) {
        char *copy = malloc(length); /* exactly as long, so that reading behind it is seen */
        memcpy(copy, whole, length);
        TorcEndpointFields *fields = NULL;
        int r = torc__endpoint_parse(copy, length, &fields, &problem);
        bool open = copy[length - 1] == '\\' && (length < 2 || copy[length - 2] != '\\');
        ck_assert_int_eq(r, open ? -TORC_EENDPOINT : 0);
        torc__free(fields);
        free(copy);
    }
}
END_TEST

START_TEST(ten_thousand_colons_are_ten_thousand_fields)
{
    enum { COLONS = 10000 };
    char *description = malloc(COLONS + 4);
    memcpy(description, "tcp", 3);
    memset(description + 3, ':', COLONS);
    description[COLONS + 3] = '\0';
    TorcEndpointFields *fields = parsed(description);
    ck_assert_uint_eq(fields->count, COLONS);
    torc__free(fields);
    free(description);
}
END_TEST

/* Every text over a small alphabet: nothing is read or written out of bounds (under a sanitizer),
 * and what is accepted can be written back. */
START_TEST(all_short_texts_are_read_or_refused)
{
    static const char alphabet[] = ":=\\a";
    for (unsigned n = 0; n < 1u << 16; n++) {
        char text[9];
        for (unsigned i = 0; i < 8; i++)
            text[i] = alphabet[n >> (2 * i) & 3];
        text[8] = '\0';
        TorcEndpointFields *fields = NULL;
        int r = torc__endpoint_parse(text, 8, &fields, &problem);
        ck_assert(r == 0 || (r == -TORC_EENDPOINT && !fields && *problem.text));
        torc__free(fields);
    }
}
END_TEST

/* ---- binding ------------------------------------------------------------------------------- */

enum { HOST, PORT, BACKLOG, TIMEOUT, PARAMETERS };
static const TorcEndpointParameter parameters[PARAMETERS] = {
    [HOST] = {.name = "host", .required = true},
    [PORT] = {.name = "port", .required = true},
    [BACKLOG] = {.name = "backlog"},
    [TIMEOUT] = {.name = "timeout", .keyword_only = true},
};

static int bind(const char *description, TorcEndpointFields **ret_fields,
                const TorcEndpointField **ret_arguments)
{
    *ret_fields = parsed(description);
    return torc__endpoint_bind(*ret_fields, parameters, PARAMETERS, ret_arguments, &problem);
}

static const struct {
    const char *description, *values[PARAMETERS];
} bindings[] = {
    {"t:h:80", {"h", "80", NULL, NULL}},
    {"t:h:80:5", {"h", "80", "5", NULL}},
    {"t:port=80:host=h", {"h", "80", NULL, NULL}},
    {"t:h:port=80", {"h", "80", NULL, NULL}},
    {"t:80:host=h", {"h", "80", NULL, NULL}},
    {"t:host=h:80:5", {"h", "80", "5", NULL}},
    {"t:timeout=1:h:backlog=2:80", {"h", "80", "2", "1"}},
    {"t::80", {"", "80", NULL, NULL}},
};

START_TEST(fields_find_their_parameters)
{
    TorcEndpointFields *fields;
    const TorcEndpointField *arguments[PARAMETERS];
    ck_assert_int_eq(bind(bindings[_i].description, &fields, arguments), 0);
    for (size_t i = 0; i < PARAMETERS; i++) {
        const char *expected = bindings[_i].values[i];
        ck_assert_int_eq(!arguments[i], !expected);
        if (expected)
            ck_assert_str_eq(arguments[i]->value, expected);
    }
    torc__free(fields);
}
END_TEST

static const struct {
    const char *description;
    size_t column;
    const char *problem;
} bad_bindings[] = {
    {"t", 0, "t needs a host"},
    {"t:h", 0, "t needs a port"},
    {"t:h:80:5:6", 10, "one argument too many: \"6\""},
    {"t:h:80:colour=red", 8, "unknown keyword \"colour\" (known: host, port, backlog, timeout)"},
    {"t:h:80:=x", 8, "unknown keyword \"\""},
    {"t:h:80:Timeout=1", 8, "unknown keyword \"Timeout\""},
    {"t:h:80:timeout=1:timeout=1", 18, "\"timeout\" is given a second time"},
    {"t:h:80:host=i:port=81", 3, "\"h\" is here for \"port\", which is given by keyword too"},
    {"t:h:80:5:backlog=5", 8, "\"5\" is here for \"backlog\""},
};

START_TEST(fields_without_a_parameter_are_refused)
{
    TorcEndpointFields *fields;
    const TorcEndpointField *arguments[PARAMETERS] = {NULL};
    ck_assert_int_eq(bind(bad_bindings[_i].description, &fields, arguments), -TORC_EENDPOINT);
    ck_assert_ptr_null(arguments[HOST]);
    ck_assert_msg(strstr(problem.text, bad_bindings[_i].problem), "'%s'", problem.text);
    ck_assert_uint_eq(problem.column, bad_bindings[_i].column);
    torc__free(fields);
}
END_TEST

/* ---- quoting ------------------------------------------------------------------------------- */

static const char *const values[] = {"", "plain", "::1", "a=b", "C:\\dir\\", "\\", ":=\\", "\xff:"};

START_TEST(quoted_argument_is_one_positional_value)
{
    char quoted[64];
    char description[80];
    ck_assert_uint_lt(torc_quoteStringArgument(values[_i], quoted, sizeof(quoted)), sizeof(quoted));
    snprintf(description, sizeof(description), "tcp:%s:end", quoted);
    TorcEndpointFields *fields = parsed(description);
    ck_assert_uint_eq(fields->count, 2);
    ck_assert_ptr_null(fields->fields[0].keyword);
    ck_assert_str_eq(fields->fields[0].value, values[_i]);
    torc__free(fields);
}
END_TEST

START_TEST(quoting_tells_the_whole_length_and_cuts_between_characters)
{
    char buffer[8];
    memset(buffer, 'x', sizeof(buffer));
    ck_assert_uint_eq(torc_quoteStringArgument("a:bc", buffer, 3), 5);
    ck_assert_str_eq(buffer, "a");
    ck_assert_uint_eq(torc_quoteStringArgument("a:bc", buffer, 4), 5);
    ck_assert_str_eq(buffer, "a\\:");
    ck_assert_uint_eq(torc_quoteStringArgument("a:bc", buffer, 6), 5);
    ck_assert_str_eq(buffer, "a\\:bc");
    ck_assert_uint_eq(torc_quoteStringArgument("::", NULL, 0), 4);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

int main(void)
{
    Suite *suite = suite_create("endpoint_parser");
    TCase *tc = tcase_create("endpoint_parser");
    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, description_is_cut_into_fields, 0, COUNT(examples));
    tcase_add_test(tc, fields_know_their_columns);
    tcase_add_test(tc, empty_description_is_refused);
    tcase_add_test(tc, description_without_type_is_refused);
    tcase_add_test(tc, backslash_at_the_end_is_refused);
    tcase_add_test(tc, nul_byte_is_refused);
    tcase_add_test(tc, every_cut_of_a_description_is_read_or_refused);
    tcase_add_test(tc, ten_thousand_colons_are_ten_thousand_fields);
    tcase_add_test(tc, all_short_texts_are_read_or_refused);
    tcase_add_loop_test(tc, fields_find_their_parameters, 0, COUNT(bindings));
    tcase_add_loop_test(tc, fields_without_a_parameter_are_refused, 0, COUNT(bad_bindings));
    tcase_add_loop_test(tc, quoted_argument_is_one_positional_value, 0, COUNT(values));
    tcase_add_test(tc, quoting_tells_the_whole_length_and_cuts_between_characters);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
