/* What torc serve can serve. A service is a row of the table at the end: its name, where it listens
 * by default, and a function that makes its factory.
 *
 * Echo and line are subclasses of the bundled protocols that log the connection's beginning and
 * end; finger logs its queries itself. What waits for a slow reader is limited: by the buffer
 * limit, or for finger by the limit of its one answer. */
#include "services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define DEFAULT_LIMIT ((size_t)16 * 1024 * 1024)

/* As the system's directory reads .plan files. */
enum { PLAN_SIZE = 64 * 1024 };

struct ServiceKind {
    const char *name;
    const char *endpoint;
    TorcFactory *(*new_factory)(const Service *service);
};

/* ---- connections of echo and line ---------------------------------------------------------- */

static void log_connection(TorcProtocol *self, const char *name, const char *reason)
{
    char peer[TORC_ADDRESS_TEXT_SIZE];
    TorcAddress address;
    TorcTransport_getPeer(self->transport, &address);
    TorcAddress_format(&address, peer, sizeof(peer));
    const TorcLogField fields[] = {
        TORC_LOG_BYTES("peer", peer, strlen(peer)),
        TORC_LOG_BYTES("reason", reason, reason ? strlen(reason) : 0),
    };
    torc_log(TorcTransport_getReactor(self->transport), TORC_LOG_INFO, name, fields,
             reason ? 2 : 1);
}

/* The bundled class above the one with the overrides below, which is what the factory makes. */
static const TorcProtocolClass *bundled(const TorcProtocol *self)
{
    return TorcProtocol_super(self, self->factory->protocol);
}

static void served_connectionMade(TorcProtocol *self)
{
    log_connection(self, "serve.connected", NULL);
    bundled(self)->connectionMade(self);
}

static void served_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    log_connection(self, "serve.disconnected", TorcReason_text(reason));
    bundled(self)->connectionLost(self, reason);
    cli_connectionEnds(TorcTransport_getReactor(self->transport));
}

static const TorcProtocolClass echo_class = {
    TORC_PROTOCOL_SUBCLASS("echo", TorcProtocol, &torc_echo_class),
    .connectionMade = served_connectionMade,
    .connectionLost = served_connectionLost,
};

static const TorcLineReceiverClass line_class = {
    TORC_LINE_RECEIVER_SUBCLASS("line", TorcLineReceiver, &torc_line_echo_class),
    .protocol.connectionMade = served_connectionMade,
    .protocol.connectionLost = served_connectionLost,
};

static TorcFactory *new_served(const TorcProtocolClass *protocol, const Service *service)
{
    TorcFactory *factory = TorcFactory_forProtocol(protocol);
    (void)TorcFactory_setBufferLimit(factory,
                                     service->buffer_limit ? service->buffer_limit : DEFAULT_LIMIT);
    return factory;
}

static TorcFactory *new_echo(const Service *service)
{
    return new_served(&echo_class, service);
}

static TorcFactory *new_line(const Service *service)
{
    return new_served(&line_class.protocol, service);
}

/* ---- finger -------------------------------------------------------------------------------- */

static TorcFactory *new_finger(const Service *service)
{
    TorcFingerDirectory *directory = service->users ? &service->users->base : NULL;
    TorcFingerDirectory *system_directory = NULL;
    if (service->system_users) {
        system_directory = TorcFingerSystemDirectory_new(NULL);
        if (!system_directory)
            return NULL;
        directory = system_directory;
    }
    TorcFingerFactory *factory = TorcFingerFactory_new(
        TORC_FINGER_OPTIONS(.directory = directory, .answerLimit = service->buffer_limit));
    TorcFingerDirectory_unref(system_directory);
    return factory ? &factory->base : NULL;
}

/* Reads a .plan file into text, which the caller frees. 0 or -errno; -EFBIG when it is too long. */
static int read_plan(const char *path, char **ret_text)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    char *text = malloc(PLAN_SIZE + 1);
    size_t length = text ? fread(text, 1, PLAN_SIZE + 1, file) : 0;
    int r = !text ? -ENOMEM : ferror(file) ? -errno : length > PLAN_SIZE ? -EFBIG : 0;
    fclose(file);
    if (r < 0) {
        free(text);
        return r;
    }
    text[length] = '\0';
    *ret_text = text;
    return 0;
}

static int add_user(Service *service, const char *command, const char *login, const char *name,
                    const char *plan)
{
    if (!service->users)
        service->users = TorcFingerTable_new();
    if (!service->users)
        return cli_error("cannot add a user: %s", torc_strerror(-ENOMEM));
    int r = TorcFingerTable_add(service->users,
                                TORC_FINGER_ENTRY(.login = login, .name = name, .plan = plan));
    if (r == -EINVAL)
        return cli_usageError(
            command, "\"%s\" cannot be a login (no spaces, no '@', no '/' in front)", login);
    return r < 0 ? cli_error("cannot add a user: %s", torc_strerror(r)) : CLI_OK;
}

int service_addUser(Service *service, const char *command, const char *argument)
{
    char *login = strdup(argument);
    char *name = login ? strchr(login, ':') : NULL;
    char *plan = NULL;
    int code = CLI_OK;
    if (!login)
        return cli_error("cannot add a user: %s", torc_strerror(-ENOMEM));
    if (name) {
        *name++ = '\0';
        char *path = strchr(name, ':');
        if (path)
            *path++ = '\0';
        int r = path ? read_plan(path, &plan) : 0;
        code = r == 0
                   ? add_user(service, command, login, name, plan)
                   : cli_error("cannot read the plan of %s, %s: %s", login, path, torc_strerror(r));
    } else {
        code = cli_usageError(command, "--user takes 'LOGIN:FULL NAME[:PLAN FILE]', not \"%s\"",
                              argument);
    }
    free(plan);
    free(login);
    return code;
}

/* ---- all services -------------------------------------------------------------------------- */

static const ServiceKind kinds[] = {
    {"echo", "tcp:8881", new_echo},
    {"line", "tcp:8881", new_line},
    {"finger", "tcp:79", new_finger},
};

int service_choose(Service *service, const char *command, const char *name)
{
    size_t i = 0;
    while (i < sizeof(kinds) / sizeof(*kinds) && strcmp(kinds[i].name, name) != 0)
        i++;
    if (i == sizeof(kinds) / sizeof(*kinds))
        return cli_usageError(command, "cannot serve \"%s\" (known: echo, line, finger)", name);
    service->kind = &kinds[i];
    if (service->users && service->system_users)
        return cli_usageError(command, "--user and --system exclude each other");
    if ((service->users || service->system_users) && kinds[i].new_factory != new_finger)
        return cli_usageError(command, "--user and --system are for finger, not for %s", name);
    return CLI_OK;
}

const char *service_name(const Service *service)
{
    return service->kind->name;
}

const char *service_defaultEndpoint(const Service *service)
{
    return service->kind->endpoint;
}

TorcFactory *service_newFactory(const Service *service)
{
    return service->kind->new_factory(service);
}

void service_done(Service *service)
{
    if (service->users)
        TorcFingerDirectory_unref(&service->users->base);
}
