/* The truth of the simulated kernel: scripts of system calls answer alike on the real one.
 *
 * A difference is either a fault of the simulation or one of its deliberate simplifications. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../support/run_tests.h"
#include "differential.h"
#include "differential_scripts.h"

enum { RANDOM_SCRIPTS = 100, MOST_SECONDS = 2 };

static const Scripts *const tables[] = {&connecting_scripts, &stream_scripts, &datagram_scripts,
                                        &unix_scripts, &file_scripts};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

static int count_scripts(void)
{
    int count = 0;
    for (int i = 0; i < TABLES; i++)
        count += tables[i]->count;
    return count;
}

/* Counted through all tables. */
static const Script *script_at(int i)
{
    const Scripts *const *table = tables;
    while (i >= (*table)->count)
        i -= (*table++)->count;
    return &(*table)->at[i];
}

static bool needs_ipv6(const char *script)
{
    return strstr(script, "tcp6") || strstr(script, "udp6");
}

static void run(int i, bool edge)
{
    const Script *script = script_at(i);
    if (needs_ipv6(script->text) && !differential_has_ipv6())
        return;
    ck_assert_msg(differential_agree(script->text, edge), "%s", script->name);
}

START_TEST(both_systems_answer_alike_by_edge)
{
    run(_i, true);
}
END_TEST

START_TEST(both_systems_answer_alike_by_level)
{
    run(_i, false);
}
END_TEST

/* A number from the environment: TORC_DIFFERENTIAL_SEED=n begins with that seed,
 * TORC_DIFFERENTIAL_SEEDS=n runs so many, however long it takes. */
static uint64_t asked_for(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void run_seed(uint64_t seed, bool edge)
{
    char *script = differential_random(seed);
    if (!needs_ipv6(script) || differential_has_ipv6())
        ck_assert_msg(differential_agree(script, edge), "TORC_DIFFERENTIAL_SEED=%llu",
                      (unsigned long long)seed);
    free(script);
}

/* As many as fit into the time, unless a number was asked for: a machine that is busy runs fewer. */
static void run_random(bool edge)
{
    time_t end = time(NULL) + MOST_SECONDS;
    uint64_t first = asked_for("TORC_DIFFERENTIAL_SEED", 1);
    uint64_t asked = asked_for("TORC_DIFFERENTIAL_SEEDS", 0);
    uint64_t count = asked ? asked : RANDOM_SCRIPTS;
    for (uint64_t i = 0; i < count && (asked || time(NULL) < end); i++)
        run_seed(first + i, edge);
}

START_TEST(random_scripts_are_answered_alike_by_edge)
{
    run_random(true);
}
END_TEST

START_TEST(random_scripts_are_answered_alike_by_level)
{
    run_random(false);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("differential");
    tcase_add_loop_test(tcase, both_systems_answer_alike_by_edge, 0, count_scripts());
    tcase_add_loop_test(tcase, both_systems_answer_alike_by_level, 0, count_scripts());
    tcase_add_test(tcase, random_scripts_are_answered_alike_by_edge);
    tcase_add_test(tcase, random_scripts_are_answered_alike_by_level);
    if (getenv("TORC_DIFFERENTIAL_SEEDS"))
        tcase_set_timeout(tcase, 0);
    return run_case("differential", tcase);
}
