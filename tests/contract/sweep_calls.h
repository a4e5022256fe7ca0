/* The calls that the sweep makes from inside callbacks. Not for other tests. */
#ifndef TORC_TESTS_SWEEP_CALLS_H
#define TORC_TESTS_SWEEP_CALLS_H

#include "contract_world.h"

enum { SWEEP_CALLS = 27 };

/* What the conversation so far allows its calls to answer; and what must come of it. */
typedef struct Sweep {
    size_t written;    /* bytes of the text that writes have taken */
    size_t files;      /* sendFiles under way */
    size_t file_bytes; /* that were sent, as told */
    long armed;        /* release and destroy functions that have still to run */
    bool producing;    /* a producer is registered, or a file is sent */
    bool streaming;    /* a push producer */
    bool paused;       /* it was told to pause */
    bool closing;      /* loseConnection or loseWriteConnection was called */
    bool ended;        /* abortConnection, failConnection or an overflow, or it is gone */
    unsigned asked;    /* times that the pull producer was */
    unsigned stops;    /* times that a producer was told to stop */
} Sweep;

extern Sweep sweep;

/* Bytes of a file; those of writes are all others. */
enum { FILE_BYTE = '~', FILE_SIZE = 3000 };

void sweep_begin(void);
const char *sweep_nameOf(int call);
void sweep_make(int call);

/* Writes the next bytes of the text. */
int sweep_write(size_t length);
/* The received bytes without those of files are the beginning of the text; returns their number. */
size_t sweep_checkText(const uint8_t *received, size_t length, size_t *ret_file_bytes);

void sweep_register(bool streaming);
void sweep_unregister(void);

/* What happens inside the producer's calls, after they have done their part. */
typedef enum SweepProducerCall {
    SWEEP_PAUSE,
    SWEEP_RESUME,
    SWEEP_PULL,
    SWEEP_STOP
} SweepProducerCall;
extern void (*sweep_producerCalled)(SweepProducerCall call);

#endif
