/* Which backend the reactors of a test program run on when their options name none: the one that
 * TORC_TEST_BACKEND names. The library itself does not look at the environment. */
#include <stdlib.h>

#include "reactor/system_real_internal.h"

__attribute__((constructor)) static void choose_backend(void)
{
    torc__real_calls.backend = getenv("TORC_TEST_BACKEND");
}
