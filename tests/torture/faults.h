/* Faults that strike once a counted call comes: the k-th allocation, the k-th call that would give
 * the process another descriptor, the k-th thread, the k-th accept.
 *
 *     faults_arm(FAULT_MEMORY, 17, FAULT_ONCE);
 *     …whatever is to survive it…
 *     bool struck = faults_disarm();
 *
 * Memory is the library's (memory_internal.h), and with it libevent's and c-ares'. Descriptors and
 * threads are refused where the program calls the C library: the functions are replaced in the
 * whole program, for libevent as well. What the test itself does in between it puts into brackets
 * of faults_pause and faults_resume, and meets no fault there. Any thread. */
#ifndef TORC_TESTS_FAULTS_H
#define TORC_TESTS_FAULTS_H

#include <stdbool.h>

typedef enum FaultClass {
    FAULT_MEMORY,
    FAULT_DESCRIPTOR,
    FAULT_THREAD,
    /* Calls of the seam to the operating system (faulty_system.h). */
    FAULT_FIRST_CALL,
    FAULT_ACCEPT = FAULT_FIRST_CALL,
    FAULT_SOCKET,
    FAULT_BIND,
    FAULT_LISTEN,
    FAULT_CONNECT,
    FAULT_RECV,
    FAULT_SEND, /* sendv too */
    FAULT_SENDFILE,
    FAULT_PREAD,
    FAULT_READ,
    FAULT_WRITE,
    FAULT_SEND_DESCRIPTOR,
    FAULT_RECV_DESCRIPTORS,
    FAULT_SHUTDOWN,
    FAULT_CLOSE,
    FAULT_SETSOCKOPT,
    FAULT_GETSOCKOPT,
    FAULT_GETSOCKNAME,
    FAULT_WATCH, /* rewatch too */
    FAULT_WAIT,
    FAULT_SUBMIT,
    FAULT_LOOKUP,
    FAULT_OPEN,
    FAULT_OPEN_SPARE,
    FAULT_DUPLICATE,
    FAULT_UNLINK,
    FAULT_CHMOD,
    FAULT_STAT,
    FAULT_LOCK,
    FAULT_CLASSES
} FaultClass;

typedef enum FaultMode {
    FAULT_ONCE,
    FAULT_BURST,  /* it and the next three: the way back meets one as well */
    FAULT_OTHERS, /* it and every second one after it */
    FAULT_EVER,   /* it and all that follow */
    FAULT_MODES
} FaultMode;

extern const char *const fault_class_names[FAULT_CLASSES];
extern const char *const fault_mode_names[FAULT_MODES];

/* Makes all of the library's memory come from here; before anything of it was allocated. */
void faults_install(void);

/* From now on call number `number` of the class (1: the next) fails; 0: none does, calls are only
 * counted. */
void faults_arm(FaultClass cls, long number, FaultMode mode);

/* Nothing fails any more. True: something has since faults_arm. */
bool faults_disarm(void);
bool faults_struck(void);

void faults_pause(void);
void faults_resume(void);

/* For replacements of such calls: counts one, and true when it is to fail. */
bool faults_strike(FaultClass cls);

/* Calls of a class since faults_arm. */
long faults_counted(FaultClass cls);

/* Blocks of memory that were allocated and not released. */
long faults_liveBlocks(void);

#endif
