/* Gates: how a thread that is not the reactor's sleeps until the reactor's has an answer for it.
 *
 * Thread: two, one that waits and one that opens. Owner: both, whoever frees it knows that the other
 * is done. Not in the table of TorcSystem: threads belong to the process, and a simulation has but
 * one, which must not wait. */
#include <pthread.h>

#include "gate_internal.h"
#include "memory_internal.h"

struct TorcGate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
};

static bool start(TorcGate *gate)
{
    if (pthread_mutex_init(&gate->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&gate->opened, NULL) == 0)
        return true;
    (void)pthread_mutex_destroy(&gate->lock);
    return false;
}

TorcGate *torc__gate_new(void)
{
    TorcGate *gate = torc__zalloc(sizeof(*gate));
    if (gate && start(gate))
        return gate;
    torc__free(gate);
    return NULL;
}

void torc__gate_free(TorcGate *gate)
{
    if (!gate)
        return;
    (void)pthread_cond_destroy(&gate->opened);
    (void)pthread_mutex_destroy(&gate->lock);
    torc__free(gate);
}

void torc__gate_wait(TorcGate *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (!gate->open)
        pthread_cond_wait(&gate->opened, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void torc__gate_open(TorcGate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_signal(&gate->opened);
    pthread_mutex_unlock(&gate->lock);
}
