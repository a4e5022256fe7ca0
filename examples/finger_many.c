/* Asks many hosts about somebody, by finger (RFC 1288), at most eight at a time, and prints the
 * answers when all are there, in the order of the hosts.
 *
 *     build/torc serve finger --listen tcp:7979 --user 'ann:Ann Smith'
 *     build/examples/finger_many ann tcp:127.0.0.1:7979 tcp:localhost:7979 tcp:127.0.0.1:9
 *
 * Whom to ask about may be '' as well: who is there? */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <torc/torc.h>

enum { AT_ONCE = 8, MOST_BYTES = 64 * 1024 };
static const double patience = 10; /* seconds for one host */

typedef struct Host Host;

typedef struct Round {
    TorcReactor *reactor;
    TorcDeferredSemaphore *slots;
    const char *whom;
    Host *hosts;
    size_t count;
    size_t failed;
} Round;

struct Host {
    Round *round;
    const char *description; /* of an endpoint */
};

/* ---- one host ------------------------------------------------------------------------------ */

/* The one limit is on the attempt and the answer together, so the question has none of its own. */
static int connect_host(Host *host, TorcClientEndpoint *endpoint, TorcDeferred **ret_reply)
{
    Round *round = host->round;
    TorcFactory *question =
        TorcFingerClientFactory_new(round->reactor, round->whom,
                                    TORC_FINGER_CLIENT_OPTIONS(.timeout = -1, .limit = MOST_BYTES));
    TorcDeferred *reply;
    if (!question)
        return -errno;
    int r = TorcClientEndpoint_connect(endpoint, question, &reply);
    TorcFactory_unref(question);
    if (r < 0)
        return r;
    r = TorcDeferred_addCallback(reply, torc_finger_awaitReply, NULL);
    if (r == 0)
        r = TorcDeferred_addTimeout(reply, round->reactor, patience);
    if (r < 0) {
        TorcDeferred_release(reply);
        return r;
    }
    *ret_reply = reply;
    return 0;
}

/* It is this host's turn; or, as a failure, it will not come. */
static void ask(TorcResult *result, void *arg)
{
    Host *host = arg;
    TorcClientEndpoint *endpoint;
    TorcDeferred *reply = NULL;
    TorcReason *reason;
    if (result->reason)
        return;
    int r =
        TorcClientEndpoint_fromString(host->round->reactor, host->description, &endpoint, &reason);
    if (r < 0) {
        TorcResult_failWith(result, reason);
        TorcReason_unref(reason);
        return;
    }
    r = connect_host(host, endpoint, &reply);
    TorcClientEndpoint_unref(endpoint);
    if (r < 0)
        TorcResult_fail(result, TORC_CONNECTION_FAILED, r, NULL);
    else
        TorcResult_wait(result, reply);
}

/* ---- all of them --------------------------------------------------------------------------- */

/* True for a whole answer. Nothing in it may control the terminal (RFC 1288, section 3.3). */
static bool print_reply(const TorcFingerReply *reply)
{
    size_t size = torc_finger_filter(reply->text, reply->length, 0, NULL, 0) + 1;
    char *text = malloc(size);
    if (!text) {
        puts("no answer: out of memory");
        return false;
    }
    torc_finger_filter(reply->text, reply->length, 0, text, size);
    fputs(text, stdout);
    free(text);
    if (reply->reason)
        printf("not the whole answer: %s\n", TorcReason_text(reply->reason));
    else if (reply->truncated)
        puts("not the whole answer: it is too long");
    return !reply->reason && !reply->truncated;
}

static bool print_answer(const TorcResult *answer)
{
    if (!answer->reason)
        return print_reply(answer->value);
    printf("no answer: %s\n", TorcReason_text(answer->reason));
    return false;
}

static void print_answers(TorcResult *result, void *arg)
{
    Round *round = arg;
    const TorcResultList *answers = result->value;
    for (size_t i = 0; i < answers->count; i++) {
        const TorcResult *answer = &answers->results[i];
        printf("[%s]\n", round->hosts[i].description);
        round->failed += !print_answer(answer);
    }
}

/* The step finds the list whatever came of the hosts, also when it was interrupted. */
static void ask_all(TorcReactor *reactor, TorcResult *result, void *arg)
{
    Round *round = arg;
    TorcDeferred **answers = calloc(round->count, sizeof(TorcDeferred *));
    TorcDeferred *all = NULL;
    round->reactor = reactor;
    if (answers) {
        for (size_t i = 0; i < round->count; i++)
            answers[i] = TorcDeferredSemaphore_run(round->slots, ask, &round->hosts[i]);
        all = torc_deferredList(answers, round->count, 0);
    }
    free(answers);
    TorcDeferred_addCallback(all, print_answers, round);
    TorcResult_wait(result, all);
}

static int run(Round *round, char **descriptions)
{
    TorcReason *reason = NULL;
    int r = -ENOMEM;
    round->slots = TorcDeferredSemaphore_new(AT_ONCE);
    round->hosts = calloc(round->count, sizeof(Host));
    if (round->slots && round->hosts) {
        for (size_t i = 0; i < round->count; i++)
            round->hosts[i] = (Host){round, descriptions[i]};
        r = torc_react(ask_all, round, NULL, &reason);
    }
    if (r < 0)
        fprintf(stderr, "finger_many: %s\n", reason ? TorcReason_text(reason) : torc_strerror(r));
    TorcReason_unref(reason);
    free(round->hosts);
    TorcDeferredSemaphore_free(round->slots);
    return r;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: finger_many WHOM ENDPOINT...\n", stderr);
        return EXIT_FAILURE;
    }
    Round round = {.whom = argv[1], .count = (size_t)argc - 2};
    return run(&round, argv + 2) < 0 || round.failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
