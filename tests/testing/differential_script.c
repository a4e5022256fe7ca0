/* The interpreter of the differential test's scripts; differential.h describes the language. */
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

static void begin(World *world, bool simulated)
{
    for (int i = 0; i < SLOTS; i++) {
        world->slots[i].world = world;
        world->slots[i].fd = -1;
    }
    if (simulated) {
        world->sim = TorcSim_newWith(TORC_SIM_OPTIONS(.seed = 1, .levelTriggered = !world->edge));
        ck_assert_ptr_nonnull(world->sim);
        world->system = torc__sim_system(world->sim);
    } else {
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
    if (world->sim)
        TorcSim_free(world->sim);
    else
        world->system->ops->free(world->system);
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
