/* The scripts of the differential test, in tables by what they are about. They keep away from the
 * deliberate simplifications of the simulated kernel that testing/sim.h lists. */
#ifndef TORC_TESTS_DIFFERENTIAL_SCRIPTS_H
#define TORC_TESTS_DIFFERENTIAL_SCRIPTS_H

typedef struct Script {
    const char *name;
    const char *text;
} Script;

typedef struct Scripts {
    const Script *at;
    int count;
} Scripts;

#define SCRIPTS(array)                                                                             \
    {                                                                                              \
        array, sizeof(array) / sizeof(array[0])                                                    \
    }

extern const Scripts connecting_scripts;
extern const Scripts stream_scripts;
extern const Scripts datagram_scripts;
extern const Scripts unix_scripts;
extern const Scripts file_scripts;

#endif
