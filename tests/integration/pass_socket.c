/* Starts a program that inherits a UNIX socket as descriptor 3, as a service manager does.
 *
 *     pass_socket listen PATH COMMAND...     one that listens; LISTEN_PID, LISTEN_FDS and
 *                                            LISTEN_FDNAMES (web) tell of it, unless they are set
 *     pass_socket connect PATH COMMAND...    one that is connected to a server at PATH
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PASSED = 3 };

static bool open_socket(bool listens, const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || strlen(path) >= sizeof(name.sun_path))
        return false;
    memcpy(name.sun_path, path, strlen(path));
    if (listens && (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(fd, 5) < 0))
        return false;
    if (!listens && connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
        return false;
    return dup2(fd, PASSED) == PASSED && (fd == PASSED || close(fd) == 0);
}

static bool set_environment(void)
{
    char pid[24];
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    return setenv("LISTEN_PID", pid, 0) == 0 && setenv("LISTEN_FDS", "1", 0) == 0 &&
           setenv("LISTEN_FDNAMES", "web", 0) == 0;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    bool listens = strcmp(argv[1], "listen") == 0;
    if (!open_socket(listens, argv[2]) || (listens && !set_environment())) {
        perror(argv[2]);
        return 1;
    }
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 1;
}
