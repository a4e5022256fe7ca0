/* In a build with coverage every source includes this first: who ends by _exit, as children of tests
 * do, writes down what it has reached before. */
#ifndef TORC_TOOLS_COVERAGE_EXIT_H
#define TORC_TOOLS_COVERAGE_EXIT_H

#include <unistd.h>

void __gcov_dump(void);

_Noreturn static inline void torc_coverage_exit(int status)
{
    __gcov_dump();
    _exit(status);
}

#define _exit(status) torc_coverage_exit(status)

#endif
