/* A queue of calls for libraries that leave it to their users: a lock and a list. The loop takes all
 * calls at once; whoever adds the first wakes it. */
#include <pthread.h>
#include <stddef.h>

#include "../samples.h"
#include "inside.h"

typedef struct QueuedCall {
    struct QueuedCall *next;
    void (*function)(void);
} QueuedCall;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static QueuedCall *first;
static QueuedCall **end = &first;

bool queue_post(void (*function)(void))
{
    QueuedCall *call = malloc(sizeof(*call));
    if (!call)
        fail("inside: out of memory");
    *call = (QueuedCall){.function = function};
    pthread_mutex_lock(&lock);
    bool was_empty = !first;
    *end = call;
    end = &call->next;
    pthread_mutex_unlock(&lock);
    return was_empty;
}

static QueuedCall *take_all(void)
{
    pthread_mutex_lock(&lock);
    QueuedCall *calls = first;
    first = NULL;
    end = &first;
    pthread_mutex_unlock(&lock);
    return calls;
}

void queue_run(void)
{
    QueuedCall *next;
    for (QueuedCall *call = take_all(); call; call = next) {
        next = call->next;
        call->function();
        free(call);
    }
}
