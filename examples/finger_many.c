/* Asks many hosts about somebody, by finger (RFC 1288), at most eight at a time, and prints the
 * answers when all are there, in the order of the hosts.
 *
 *     build/torc serve finger --listen tcp:7979 --user 'ann:Ann Smith'
 *     build/examples/finger_many ann tcp:127.0.0.1:7979 tcp:localhost:7979 tcp:127.0.0.1:9
 *
 * Whom to ask about may be '' as well: who is there? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <torc/torc.h>

enum { AT_ONCE = 8, MOST_BYTES = 64 * 1024 };
static const double patience = 10; /* seconds for one host */

typedef struct Host Host;

typedef struct Round {
    TorcReactor *reactor;
    TorcFactory *factory;
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

/* ---- one question -------------------------------------------------------------------------- */

typedef struct Question {
    TorcProtocol base;
    TorcDeferred *answer; /* to be fired with the text; NULL: not asked yet, or given up */
    size_t length;
    char text[MOST_BYTES + 1];
} Question;

static void question_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    Question *question = (Question *)self;
    if (length > MOST_BYTES - question->length) {
        TorcReason *reason = TorcReason_new(TORC_CONNECTION_APPLICATION, 0, "too long an answer");
        TorcTransport_failConnection(self->transport, reason);
        TorcReason_unref(reason);
        return;
    }
    memcpy(question->text + question->length, data, length);
    question->length += length;
}

/* Nothing a server sends may control the terminal (RFC 1288, section 3.3). */
static char *safe_text(const Question *question)
{
    size_t size = torc_finger_filter(question->text, question->length, 0, NULL, 0) + 1;
    char *text = malloc(size);
    if (text)
        torc_finger_filter(question->text, question->length, 0, text, size);
    return text;
}

/* The server closes when it has said everything. */
static void question_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    Question *question = (Question *)self;
    TorcDeferred *answer = question->answer;
    if (!answer)
        return;
    question->answer = NULL;
    char *text = TorcReason_kind(reason) == TORC_CONNECTION_DONE ? safe_text(question) : NULL;
    if (text)
        TorcDeferred_callback(answer, text, free);
    else
        TorcDeferred_errback(answer, reason);
}

static const TorcProtocolClass question_class = {
    TORC_PROTOCOL_CLASS("question", Question),
    .dataReceived = question_dataReceived,
    .connectionLost = question_connectionLost,
};

static void give_up(TorcDeferred *answer, void *arg)
{
    (void)answer;
    Question *question = arg;
    question->answer = NULL;
    TorcTransport_abortConnection(question->base.transport);
}

/* The connection is there: its result becomes the answer's. */
static void put_question(TorcResult *result, void *arg)
{
    Host *host = arg;
    Question *question = result->value;
    question->answer = TorcDeferred_new(give_up, question);
    TorcTransport_printf(question->base.transport, "%s\r\n", host->round->whom);
    TorcResult_wait(result, question->answer);
}

static int connect_host(Host *host, TorcClientEndpoint *endpoint, TorcDeferred **ret_answer)
{
    Round *round = host->round;
    TorcProtocol *protocol = TorcProtocol_new(&question_class, round->factory);
    TorcDeferred *answer;
    int r = protocol ? torc_connectProtocol(endpoint, protocol, &answer) : -ENOMEM;
    if (r < 0)
        return r;
    r = TorcDeferred_addCallback(answer, put_question, host);
    if (r == 0)
        r = TorcDeferred_addTimeout(answer, round->reactor, patience);
    if (r < 0) {
        TorcDeferred_release(answer);
        return r;
    }
    *ret_answer = answer;
    return 0;
}

/* It is this host's turn; or, as a failure, it will not come. */
static void ask(TorcResult *result, void *arg)
{
    Host *host = arg;
    TorcClientEndpoint *endpoint;
    TorcDeferred *answer;
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
    r = connect_host(host, endpoint, &answer);
    TorcClientEndpoint_unref(endpoint);
    if (r < 0)
        TorcResult_fail(result, TORC_CONNECTION_FAILED, r, NULL);
    else
        TorcResult_wait(result, answer);
}

/* ---- all of them --------------------------------------------------------------------------- */

static void print_answers(TorcResult *result, void *arg)
{
    Round *round = arg;
    const TorcResultList *answers = result->value;
    for (size_t i = 0; i < answers->count; i++) {
        const TorcResult *answer = &answers->results[i];
        printf("[%s]\n", round->hosts[i].description);
        if (answer->reason)
            printf("no answer: %s\n", TorcReason_text(answer->reason));
        else
            fputs(answer->value, stdout);
        round->failed += answer->reason != NULL;
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
    round->factory = TorcFactory_new(&torc_factory_class);
    round->slots = TorcDeferredSemaphore_new(AT_ONCE);
    round->hosts = calloc(round->count, sizeof(Host));
    if (round->factory && round->slots && round->hosts) {
        for (size_t i = 0; i < round->count; i++)
            round->hosts[i] = (Host){round, descriptions[i]};
        r = torc_react(ask_all, round, NULL, &reason);
    }
    if (r < 0)
        fprintf(stderr, "finger_many: %s\n", reason ? TorcReason_text(reason) : torc_strerror(r));
    TorcReason_unref(reason);
    free(round->hosts);
    TorcDeferredSemaphore_free(round->slots);
    TorcFactory_unref(round->factory);
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
