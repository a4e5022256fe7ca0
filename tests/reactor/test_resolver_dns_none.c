/* A library without a DNS client says so. */
#include "resolver_fixture.h"

START_TEST(there_is_no_DNS_client_and_it_says_so)
{
    TorcDNSOptions options;
    TorcDNSOptions_init(NULL);
    TorcDNSOptions_init(&options);
    ck_assert_uint_eq(options.size, sizeof(options));
    errno = 0;
    ck_assert_ptr_null(TorcDNSResolver_new(reactor, &options));
    ck_assert_int_eq(errno, ENOTSUP);
    ck_assert_ptr_null(TorcDNSResolver_new(NULL, NULL));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

RUN_TESTS("no DNS", there_is_no_DNS_client_and_it_says_so)
