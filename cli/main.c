/* The torc command: finds the subcommand and runs it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const char help_text[] =
    "Usage: torc COMMAND [OPTION...]\n"
    "\n"
    "Commands:\n"
    "  serve echo|line|finger   serve a protocol\n"
    "  finger user@host         ask a finger server\n"
    "  connect ENDPOINT         join standard input and output to a connection\n"
    "\n"
    "Options:\n"
    "  -h, --help               print this help\n"
    "  -V, --version            print the version\n"
    "\n"
    "torc COMMAND --help tells about a command; the manual page is torc(1).\n"
    "Exit status: 0 success, 1 failure, 2 wrong usage.\n";

static const struct {
    const char *name;
    const char *full_name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", "torc serve", cli_serve},
    {"finger", "torc finger", cli_finger},
    {"connect", "torc connect", cli_connect},
};

/* A descriptor opened later must not become standard output by accident. */
static void open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
}

static bool is_option(const char *argument, const char *letter, const char *word)
{
    return strcmp(argument, letter) == 0 || strcmp(argument, word) == 0;
}

int main(int argc, char **argv)
{
    open_standard_streams();
    /* A log that has reached the limit of a file's size must not end the service that writes it. */
    (void)signal(SIGXFSZ, SIG_IGN);
    if (argc < 2)
        return cli_usageError("torc", "a command is missing: serve, finger or connect");
    if (is_option(argv[1], "-h", "--help"))
        return cli_print(help_text);
    if (is_option(argv[1], "-V", "--version"))
        return cli_printVersion();
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            argv[1] = (char *)commands[i].full_name;
            opterr = 0;
            return commands[i].run(argc - 1, argv + 1);
        }
    if (argv[1][0] == '-')
        return cli_usageError("torc", "unknown option %s", argv[1]);
    return cli_usageError("torc", "unknown command \"%s\" (known: serve, finger, connect)",
                          argv[1]);
}
