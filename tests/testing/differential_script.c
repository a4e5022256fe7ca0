/* The interpreter of the differential test's scripts; differential.h describes the language. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "differential.h"
#include "differential_world.h"

static void run_call(World *world, char *text)
{
    Words words = {0};
    char *rest;
    World_say(world, "  %s", text);
    for (char *next = strtok_r(text, " ", &rest); next; next = strtok_r(NULL, " ", &rest)) {
        ck_assert_uint_lt(words.count, MOST_WORDS);
        words.at[words.count++] = next;
    }
    World_call(world, &words);
    World_say(world, "\n");
}

void World_runCalls(World *world, char *text)
{
    char *rest;
    for (char *call = strtok_r(text, ";", &rest); call; call = strtok_r(NULL, ";", &rest)) {
        call += strspn(call, " ");
        if (*call)
            run_call(world, call);
    }
}

void World_runLine(World *world, char *line)
{
    World_runCalls(world, line);
    World_settle(world);
    if (!world->quiet)
        World_sayTold(world);
}

/* Names of files and sockets are those of a directory that is empty. */
static void enter_directory(World *world)
{
    snprintf(world->directory, sizeof(world->directory), "/tmp/differential-XXXXXX");
    world->former_directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(world->former_directory, 0);
    ck_assert_ptr_nonnull(mkdtemp(world->directory));
    ck_assert_int_eq(chdir(world->directory), 0);
}

static void leave_directory(const World *world)
{
    DIR *directory = opendir(world->directory);
    ck_assert_ptr_nonnull(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        (void)unlink(entry->d_name); /* "." and ".." stay */
    closedir(directory);
    ck_assert_int_eq(fchdir(world->former_directory), 0);
    close(world->former_directory);
    ck_assert_int_eq(rmdir(world->directory), 0);
}

static void begin(World *world, bool simulated)
{
    umask(022); /* as the simulation has it */
    for (int i = 0; i < SLOTS; i++) {
        world->slots[i].world = world;
        world->slots[i].fd = -1;
    }
    if (simulated) {
        world->sim = TorcSim_newWith(TORC_SIM_OPTIONS(.seed = 1, .levelTriggered = !world->edge));
        ck_assert_ptr_nonnull(world->sim);
        world->system = torc__sim_system(world->sim);
        world->sim->kernel->process =
            (SimCredentials){.pid = getpid(), .uid = geteuid(), .gid = getegid()};
    } else {
        enter_directory(world);
        const char *backend = world->edge ? "epoll" : "poll";
        ck_assert_int_eq(torc__system_new_real(backend, 1, &world->system), 0);
    }
}

static void end(World *world)
{
    for (int i = 0; i < SLOTS; i++) {
        if (world->slots[i].open)
            (void)Slot_close(&world->slots[i]);
        free(world->slots[i].then);
    }
    if (world->sim) {
        TorcSim_free(world->sim);
    } else {
        world->system->ops->free(world->system);
        leave_directory(world);
    }
}

char *differential_run(const char *script, bool simulated, bool edge, int64_t settle_time)
{
    char *log = NULL;
    size_t length;
    char *copy = strdup(script);
    char *rest;
    World *world = calloc(1, sizeof(*world));
    ck_assert(copy && world);
    world->edge = edge;
    world->settle_time = settle_time;
    world->log = open_memstream(&log, &length);
    ck_assert_ptr_nonnull(world->log);
    begin(world, simulated);
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        World_runLine(world, line);
    end(world);
    fclose(world->log);
    free(world);
    free(copy);
    return log;
}
