/* What the torc command's parts share: how it speaks, its exit codes, and its subcommands. */
#ifndef TORC_CLI_CLI_H
#define TORC_CLI_CLI_H

#include <getopt.h>
#include <torc/torc.h>

/* Exit codes. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Subcommands: argv[0] is the command's name. Each returns an exit code. */
int cli_serve(int argc, char **argv);
int cli_finger(int argc, char **argv);
int cli_connect(int argc, char **argv);

/* ---- speaking ------------------------------------------------------------------------------ */

/* One line on standard error, "torc: " in front; what is not printable ASCII shows as '?'. Returns
 * CLI_FAILED. */
int cli_error(const char *format, ...) TORC_PRINTF(1, 2);

/* The same for wrong usage: points to the command's --help. Returns CLI_USAGE. */
int cli_usageError(const char *command, const char *format, ...) TORC_PRINTF(2, 3);

/* For getopt_long's '?' and ':' (with opterr 0 and a leading ':' in the short options). */
int cli_optionError(const char *command, int found, char **argv);

/* Writes text to standard output at once. CLI_OK, or CLI_FAILED with the error told. */
int cli_print(const char *text);
int cli_printVersion(void);

/* What to say of an error code: torc_strerror's text, with advice where there is any. */
const char *cli_advice(int code);

/* ---- log ----------------------------------------------------------------------------------- */

/* Has the library's log written to standard error, one line an event: from errors only (-1) over
 * warnings (0) and information (1) to everything (2). */
void cli_startLog(int verbosity);

/* ---- options several commands have --------------------------------------------------------- */

/* A new reactor on the named backend, NULL: the best. NULL with the error told. */
TorcReactor *cli_newReactor(const char *backend);

/* The argument of --reactor. CLI_OK or CLI_USAGE with the error told. */
int cli_readBackend(const char *command, const char *argument, const char **ret_backend);

/* The argument of an option that is a time, which `what` names in the error ("the timeout"):
 * seconds above 0. CLI_OK or CLI_USAGE with the error told. */
int cli_readSeconds(const char *command, const char *what, const char *argument,
                    double *ret_seconds);

/* To be called from connectionLost: when it is the last one's, memory is given back to the system a
 * little later. */
void cli_connectionEnds(TorcReactor *reactor);

/* SIGUSR1 lists what the reactor holds on standard error. 0 or a negative code. */
int cli_dumpOnSignal(TorcReactor *reactor);

/* ---- endpoints ----------------------------------------------------------------------------- */

/* Tells what is wrong with a description, and drops the reason. An exit code. */
int cli_endpointError(const char *command, int code, TorcReason *reason);

/* Reads the description of a client's endpoint; `why_not` is the error if that is standard input
 * and output, which the commands use themselves. CLI_OK, or an exit code with the error told. */
int cli_readClientEndpoint(const char *command, TorcReactor *reactor, const char *description,
                           const char *why_not, TorcClientEndpoint **ret_endpoint);

/* True when it is the user who has ended the connection, by a signal: no failure. */
bool cli_interrupted(const TorcReason *reason);

/* Tells why there is no connection with `target`, or none any more, naming it once. Returns
 * CLI_FAILED. */
int cli_connectionError(const char *target, const TorcReason *reason);

#endif
