/* What the waiting of healthy clients says: something of the server, or only of the machine (hostile.h).
 *
 * A pure function. Attackers, server and clients share the machine, so whatever else it does makes
 * clients wait, too. They were measured before the attack, when nobody else wanted anything of the
 * server: who waited then already has not waited for the attack alone. */
#include "hostile.h"

/* Milliseconds. On two processors with little else to do the control takes 1 to 6. */
static const double quiet_most = 10;

Verdict verdict_of(double control, double beside, double most)
{
    if (beside <= most)
        return QUICK_ENOUGH;
    return control > quiet_most ? NOT_JUDGED : TOO_SLOW;
}
