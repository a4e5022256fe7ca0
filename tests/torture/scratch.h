/* The folder in /tmp where every run makes its own: gone when the torture ends, also if runs failed
 * in the middle of something, or if it was interrupted. */
#ifndef TORC_TESTS_SCRATCH_H
#define TORC_TESTS_SCRATCH_H

/* In the parent, before the first run; exit removes it. Ends the program if that cannot be. */
void scratch_open(void);

/* Without a '/' at its end. */
const char *scratch_path(void);

#endif
