/* Addresses: reading literals, writing text, comparing, and the way to and from struct sockaddr. */
#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <torc/reactor/errors.h>
#include <torc/transports/address.h>

#include "../support/run_tests.h"
#include "transports/address_internal.h"

static TorcAddress parsed(const char *host, uint16_t port)
{
    TorcAddress address;
    ck_assert_msg(TorcAddress_parse(host, port, &address) == 0, "'%s' was refused", host);
    return address;
}

static const char *host_of(const TorcAddress *address)
{
    static char text[TORC_ADDRESS_TEXT_SIZE];
    return TorcAddress_host(address, text, sizeof(text));
}

static const char *format_of(const TorcAddress *address)
{
    static char text[TORC_ADDRESS_TEXT_SIZE];
    return TorcAddress_format(address, text, sizeof(text));
}

static TorcAddress unix_address(const char *path)
{
    TorcAddress address = {.family = TORC_ADDRESS_UNIX};
    memcpy(address.path, path, strlen(path));
    return address;
}

static TorcAddress there_and_back(const TorcAddress *address)
{
    struct sockaddr_storage name;
    TorcAddress back;
    socklen_t length = torc__address_toSockaddr(address, &name);
    ck_assert_uint_gt(length, 0);
    torc__address_fromSockaddr((const struct sockaddr *)&name, length, &back);
    return back;
}

/* ---- literals ------------------------------------------------------------------------------ */

START_TEST(ipv4_literal_is_read)
{
    TorcAddress address = parsed("192.0.2.255", 79);
    ck_assert_int_eq(address.family, TORC_ADDRESS_IPV4);
    ck_assert_uint_eq(address.port, 79);
    ck_assert_mem_eq(address.ip, "\xc0\x00\x02\xff", 4);
    ck_assert_str_eq(format_of(&address), "192.0.2.255:79");
}
END_TEST

static const struct {
    const char *literal, *written;
} ipv6_literals[] = {
    {"::", "::"},
    {"::1", "::1"},
    {"0:0:0:0:0:0:0:1", "::1"},
    {"2001:DB8::00A0", "2001:db8::a0"},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
    {"fe80::1%1", "fe80::1%1"},
    {"fe80::1%4294967295", "fe80::1%4294967295"},
    {"fe80::1%0", "fe80::1"},
    {"ff02::1%7", "ff02::1%7"},
};

START_TEST(ipv6_literal_is_written_as_rfc5952_asks)
{
    TorcAddress address = parsed(ipv6_literals[_i].literal, 1);
    ck_assert_int_eq(address.family, TORC_ADDRESS_IPV6);
    ck_assert_str_eq(host_of(&address), ipv6_literals[_i].written);
}
END_TEST

START_TEST(scope_may_be_an_interface_by_name)
{
    char literal[64];
    char name[IF_NAMESIZE];
    ck_assert_ptr_nonnull(if_indextoname(1, name)); /* the loopback interface, on Linux */
    snprintf(literal, sizeof(literal), "fe80::5%%%s", name);
    ck_assert_uint_eq(parsed(literal, 0).scopeId, 1);
}
END_TEST

static const char *const no_literals[] = {
    "",
    " ",
    "localhost",
    "127.0.0",
    "127.0.0.1 ",
    "127.0.0.256",
    "0x7f.1",
    "127.0.0.1:1",
    "127.0.0.1%1",
    "1.2.3.4.5",
    ":::",
    "[::1]",
    "::1%1",
    "2001:db8::1%1",
    "fe80::1%",
    "fe80::1%4294967296",
    "fe80::1%-1",
    "fe80::1%no-such-interface",
    "::1::",
    "12345::",
    "*",
    "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff:0000:1111:2222",
};

START_TEST(what_is_no_literal_is_refused_and_leaves_the_result_alone)
{
    TorcAddress address = {.family = TORC_ADDRESS_IPV4, .port = 4711};
    ck_assert_int_eq(TorcAddress_parse(no_literals[_i], 1, &address), -TORC_ENOTADDRESS);
    ck_assert_uint_eq(address.port, 4711);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
    TorcAddress address;
    ck_assert_int_eq(TorcAddress_parse(NULL, 1, &address), -EINVAL);
    ck_assert_int_eq(TorcAddress_parse("::1", 1, NULL), -EINVAL);
}
END_TEST

/* ---- text ---------------------------------------------------------------------------------- */

START_TEST(ipv6_is_bracketed_before_a_port)
{
    TorcAddress address = parsed("fe80::1%3", 65535);
    ck_assert_str_eq(format_of(&address), "[fe80::1%3]:65535");
}
END_TEST

START_TEST(unix_address_is_written_with_its_kind)
{
    TorcAddress address = unix_address("/run/torc");
    ck_assert_str_eq(format_of(&address), "unix:/run/torc");
    ck_assert_str_eq(host_of(&address), "/run/torc");
}
END_TEST

START_TEST(no_address_is_written_as_none)
{
    TorcAddress address = {0};
    ck_assert_str_eq(format_of(&address), "none");
    ck_assert_str_eq(host_of(&address), "none");
    ck_assert_str_eq(format_of(NULL), "none");
}
END_TEST

START_TEST(text_is_cut_to_fit)
{
    TorcAddress address = parsed("192.0.2.1", 79);
    char text[6];
    ck_assert_str_eq(TorcAddress_format(&address, text, sizeof(text)), "192.0");
    ck_assert_str_eq(TorcAddress_host(&address, text, 1), "");
}
END_TEST

START_TEST(longest_texts_fit_the_documented_size)
{
    TorcAddress ipv6 = parsed("fe80:1111:2222:3333:4444:5555:255.255.255.255%4294967295", 65535);
    ck_assert_str_eq(format_of(&ipv6),
                     "[fe80:1111:2222:3333:4444:5555:ffff:ffff%4294967295]:65535");
    TorcAddress path = {.family = TORC_ADDRESS_UNIX};
    memset(path.path, 'x', sizeof(path.path) - 1);
    ck_assert_uint_eq(strlen(format_of(&path)), strlen("unix:") + 108);
}
END_TEST

/* ---- comparing ----------------------------------------------------------------------------- */

START_TEST(equal_asks_for_family_host_port_and_scope)
{
    TorcAddress a = parsed("fe80::1%1", 79), same = a, b;
    ck_assert(TorcAddress_equal(&a, &same));
    b = parsed("fe80::1%2", 79);
    ck_assert(!TorcAddress_equal(&a, &b));
    b = parsed("fe80::1%1", 80);
    ck_assert(!TorcAddress_equal(&a, &b));
    b = parsed("fe80::2%1", 79);
    ck_assert(!TorcAddress_equal(&a, &b));
    b = parsed("127.0.0.1", 79);
    ck_assert(!TorcAddress_equal(&a, &b));
}
END_TEST

START_TEST(equal_ignores_bytes_that_do_not_belong_to_the_family)
{
    TorcAddress a = parsed("127.0.0.1", 79), b = a;
    b.ip[4] = 1;
    b.scopeId = 7;
    b.path[0] = 'x';
    ck_assert(TorcAddress_equal(&a, &b));
    b.ip[3] = 2;
    ck_assert(!TorcAddress_equal(&a, &b));
}
END_TEST

START_TEST(equal_compares_paths)
{
    TorcAddress a = unix_address("/a"), b = unix_address("/b"), c = unix_address("/a");
    ck_assert(TorcAddress_equal(&a, &c));
    ck_assert(!TorcAddress_equal(&a, &b));
}
END_TEST

/* ---- struct sockaddr ----------------------------------------------------------------------- */

START_TEST(every_family_survives_the_way_there_and_back)
{
    const TorcAddress addresses[] = {
        parsed("192.0.2.7", 8881), parsed("2001:db8::7", 8881), parsed("fe80::7%3", 8881),
        unix_address("/run/torc"), unix_address("@abstract"),   unix_address(""),
    };
    for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
        TorcAddress back = there_and_back(&addresses[i]);
        ck_assert_msg(TorcAddress_equal(&addresses[i], &back), "%s", format_of(&back));
    }
}
END_TEST

START_TEST(ipv4_mapped_peer_becomes_ipv4)
{
    TorcAddress mapped = parsed("::ffff:192.0.2.9", 8881);
    TorcAddress back = there_and_back(&mapped);
    ck_assert_str_eq(format_of(&back), "192.0.2.9:8881");
}
END_TEST

START_TEST(unix_path_that_fills_the_socket_address_is_whole) /* BUG-46 */
{
    TorcAddress address = {.family = TORC_ADDRESS_UNIX};
    memset(address.path, 'p', sizeof(((struct sockaddr_un *)0)->sun_path));
    struct sockaddr_storage name;
    ck_assert_uint_eq(torc__address_toSockaddr(&address, &name), sizeof(struct sockaddr_un));
    TorcAddress back = there_and_back(&address);
    ck_assert_str_eq(back.path, address.path);
}
END_TEST

START_TEST(abstract_name_counts_no_final_nul) /* BUG-46 */
{
    TorcAddress address = unix_address("@torc");
    struct sockaddr_storage name;
    socklen_t length = torc__address_toSockaddr(&address, &name);
    ck_assert_uint_eq(length, offsetof(struct sockaddr_un, sun_path) + 5);
    ck_assert_mem_eq(((struct sockaddr_un *)&name)->sun_path, "\0torc", 5);
}
END_TEST

START_TEST(unnamed_unix_peer_has_an_empty_path)
{
    struct sockaddr name = {.sa_family = AF_UNIX};
    TorcAddress address;
    torc__address_fromSockaddr(&name, sizeof(name.sa_family), &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_UNIX);
    ck_assert_str_eq(address.path, "");
}
END_TEST

START_TEST(short_or_foreign_socket_addresses_are_none)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    TorcAddress address;
    torc__address_fromSockaddr((struct sockaddr *)&name, sizeof(name) - 1, &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_NONE);
    name.sin_family = AF_APPLETALK;
    torc__address_fromSockaddr((struct sockaddr *)&name, sizeof(name), &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_NONE);
    torc__address_fromSockaddr(NULL, 0, &address);
    ck_assert_int_eq(address.family, TORC_ADDRESS_NONE);
}
END_TEST

START_TEST(no_address_has_no_socket_address)
{
    TorcAddress address = {0};
    struct sockaddr_storage name;
    ck_assert_uint_eq(torc__address_toSockaddr(&address, &name), 0);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

int main(void)
{
    TCase *tc = tcase_create("address");
    tcase_add_test(tc, ipv4_literal_is_read);
    tcase_add_loop_test(tc, ipv6_literal_is_written_as_rfc5952_asks, 0, COUNT(ipv6_literals));
    tcase_add_test(tc, scope_may_be_an_interface_by_name);
    tcase_add_loop_test(tc, what_is_no_literal_is_refused_and_leaves_the_result_alone, 0,
                        COUNT(no_literals));
    tcase_add_test(tc, null_arguments_are_refused);
    tcase_add_test(tc, ipv6_is_bracketed_before_a_port);
    tcase_add_test(tc, unix_address_is_written_with_its_kind);
    tcase_add_test(tc, no_address_is_written_as_none);
    tcase_add_test(tc, text_is_cut_to_fit);
    tcase_add_test(tc, longest_texts_fit_the_documented_size);
    tcase_add_test(tc, equal_asks_for_family_host_port_and_scope);
    tcase_add_test(tc, equal_ignores_bytes_that_do_not_belong_to_the_family);
    tcase_add_test(tc, equal_compares_paths);
    tcase_add_test(tc, every_family_survives_the_way_there_and_back);
    tcase_add_test(tc, ipv4_mapped_peer_becomes_ipv4);
    tcase_add_test(tc, unix_path_that_fills_the_socket_address_is_whole);
    tcase_add_test(tc, abstract_name_counts_no_final_nul);
    tcase_add_test(tc, unnamed_unix_peer_has_an_empty_path);
    tcase_add_test(tc, short_or_foreign_socket_addresses_are_none);
    tcase_add_test(tc, no_address_has_no_socket_address);
    return run_case("address", tc);
}
