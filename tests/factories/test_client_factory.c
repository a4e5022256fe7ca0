/* ClientFactory: its class and constructors. (The hooks are tested with connectors.) */
#include <check.h>
#include <errno.h>

#include <torc/factories/client_factory.h>
#include <torc/protocols/echo.h>

static int failures_seen;

static void patient_connectionFailed(TorcClientFactory *self, TorcConnector *connector,
                                     const TorcReason *reason)
{
    (void)self;
    (void)connector;
    (void)reason;
    failures_seen++;
}

typedef struct Patient {
    TorcClientFactory base;
    int tries;
} Patient;

static const TorcClientFactoryClass patient_class = {
    TORC_CLIENT_FACTORY_CLASS("patient", Patient),
    .factory.protocol = &torc_echo_class,
    .clientConnectionFailed = patient_connectionFailed,
};

static const TorcClientFactoryClass *class_of(const TorcClientFactory *factory)
{
    return (const TorcClientFactoryClass *)factory->base.cls;
}

START_TEST(hooks_left_out_do_nothing)
{
    TorcClientFactory *factory = TorcClientFactory_forProtocol(&torc_echo_class);

    class_of(factory)->startedConnecting(factory, NULL);
    class_of(factory)->clientConnectionFailed(factory, NULL, NULL);
    class_of(factory)->clientConnectionLost(factory, NULL, NULL);
    TorcFactory_unref(&factory->base);
}
END_TEST

START_TEST(a_subclass_overrides_and_inherits)
{
    Patient *patient = (Patient *)TorcClientFactory_new(&patient_class);

    ck_assert_int_eq(patient->tries, 0);
    class_of(&patient->base)->clientConnectionFailed(&patient->base, NULL, NULL);
    ck_assert_int_eq(failures_seen, 1);
    class_of(&patient->base)->clientConnectionLost(&patient->base, NULL, NULL);
    ck_assert_int_eq(failures_seen, 1);
    TorcFactory_unref(&patient->base.base);
}
END_TEST

START_TEST(both_constructors_build_their_protocol)
{
    static const TorcAddress peer;
    TorcFactory *factories[] = {
        &TorcClientFactory_forProtocol(&torc_echo_class)->base,
        &TorcClientFactory_new(&patient_class)->base,
    };

    for (int i = 0; i < 2; i++) {
        TorcProtocol *protocol = NULL;
        ck_assert_int_eq(TorcFactory_buildProtocol(factories[i], &peer, &protocol), 0);
        ck_assert(TorcProtocol_isInstance(protocol, &torc_echo_class));
        TorcProtocol_free(protocol);
        TorcFactory_unref(factories[i]);
    }
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    /* A plain factory's class, big enough, but without the hooks. */
    TorcClientFactoryClass imposter = patient_class;
    imposter.factory.parent = &torc_factory_class;

    errno = 0;
    ck_assert_ptr_null(TorcClientFactory_new(NULL));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcClientFactory_new(&imposter));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(TorcClientFactory_forProtocol(NULL));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client_factory");
    TCase *tests = tcase_create("client_factory");

    tcase_add_test(tests, hooks_left_out_do_nothing);
    tcase_add_test(tests, a_subclass_overrides_and_inherits);
    tcase_add_test(tests, both_constructors_build_their_protocol);
    tcase_add_test(tests, bad_arguments_are_refused);
    suite_add_tcase(suite, tests);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
