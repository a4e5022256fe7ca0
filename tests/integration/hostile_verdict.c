/* What the waiting of healthy clients says: something of the server, or only of the machine (hostile.h).
 *
 * A pure function. Attackers, server and clients share the machine, so whatever else it does makes
 * clients wait, too. They were measured before the attack, when nobody else wanted anything of the
 * server. Who waited n times as long then as on a quiet machine may wait n times as long beside the
 * attack as well, and is not judged; not longer, for that a busy machine does not explain. A limit that
 * they did not keep even then, since it is shorter than the machine can be, says nothing of the server
 * either, unless they wait ten times as long beside the attack. */
#include "hostile.h"

/* Milliseconds. On two processors with little else to do the control takes 1 to 6. */
static const double quiet_most = 10;

/* As the usual limit, 100 ms, is ten times what a quiet machine takes. */
static const double many_times = 10;

Verdict verdict_of(double control, double beside, double most)
{
    double times = control > quiet_most ? control / quiet_most : 1;
    double excused = most * times;

    if (beside <= most)
        return QUICK_ENOUGH;
    if (control > most && excused < control * many_times)
        excused = control * many_times;
    return beside <= excused ? NOT_JUDGED : TOO_SLOW;
}
