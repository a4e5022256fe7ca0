/* A finger client for several hosts at once: answers are printed as they come.
 *
 *     build/torc serve finger --listen tcp:7979 --user 'ann:Ann Smith'
 *     build/examples/finger_many ann@127.0.0.1:7979 @127.0.0.1:7979 bob@localhost:7979
 */
#include <stdio.h>
#include <stdlib.h>
#include <torc/torc.h>

typedef struct Round {
    TorcReactor *reactor;
    int waiting;
    int failed;
} Round;

typedef struct Question {
    Round *round;
    const char *target;
} Question;

/* Nothing a server sends may control the terminal (RFC 1288, section 3.3). */
static void print_text(const TorcFingerResult *result)
{
    size_t size = torc_finger_filter(result->text, result->length, 0, NULL, 0) + 1;
    char *text = malloc(size);
    if (!text)
        return;
    torc_finger_filter(result->text, result->length, 0, text, size);
    fputs(text, stdout);
    free(text);
}

static void answered(const TorcFingerResult *result, void *arg)
{
    Question *question = arg;
    Round *round = question->round;
    printf("[%s]\n", question->target);
    print_text(result);
    if (result->code < 0) {
        printf("%s\n", TorcReason_text(result->reason));
        round->failed++;
    }
    if (--round->waiting == 0)
        TorcReactor_stop(round->reactor);
}

static void ask(Question *question)
{
    Round *round = question->round;
    const TorcFingerClientOptions *options = TORC_FINGER_CLIENT_OPTIONS(.timeout = 10);
    int r = TorcReactor_finger(round->reactor, question->target, options, answered, question);
    if (r == 0) {
        round->waiting++;
    } else {
        fprintf(stderr, "finger_many: %s: %s\n", question->target, torc_strerror(r));
        round->failed++;
    }
}

int main(int argc, char **argv)
{
    Round round = {.reactor = TorcReactor_new(NULL)};
    Question *questions = calloc((size_t)argc, sizeof(*questions));
    if (!round.reactor || !questions)
        abort();
    for (int i = 1; i < argc; i++) {
        questions[i] = (Question){&round, argv[i]};
        ask(&questions[i]);
    }
    int r = round.waiting > 0 ? TorcReactor_run(round.reactor) : 0;
    TorcReactor_free(round.reactor);
    free(questions);
    return r < 0 || round.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
