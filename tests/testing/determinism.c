/* One run with everything in it that could differ, and its whole trace on stdout: peers, an outgoing
 * connection with a look-up, thread jobs, delayed calls, a signal, and every fault by chance.
 *
 *     determinism SEED
 *
 * determinism_test.sh builds it in several ways and compares what they print. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

enum { PEERS = 12, ROUNDS = 60 };

static void print_line(const char *line, void *arg)
{
    (void)arg;
    puts(line);
}

static void note_job(void *arg)
{
    TorcSim_note(arg, "a job");
}

static void note_call(void *arg)
{
    TorcSim_note(arg, "a delayed call at %.3f", TorcSim_seconds(arg));
}

static void interrupt(void *arg)
{
    TorcSim_raise(arg, SIGINT);
}

static void echo_made(TorcProtocol *self)
{
    TorcTransport_write(self->transport, "hello\r\n", 7);
}

static const TorcProtocolClass greeter_class = {
    TORC_PROTOCOL_SUBCLASS("greeter", TorcProtocol, &torc_echo_class),
    .connectionMade = echo_made,
};

static const TorcClientFactoryClass caller_class = {
    TORC_CLIENT_FACTORY_CLASS("caller", TorcClientFactory),
    .factory.protocol = &greeter_class,
};

static void serve(TorcSim *sim)
{
    static const char *const addresses[] = {"10.0.0.9", "2001:db8::9"};
    TorcFactory *factory = TorcFactory_forProtocol(&greeter_class);
    TorcReactor_listenTCP(TorcSim_reactor(sim), 8881, factory, NULL, NULL);
    TorcFactory_unref(factory);
    TorcSim_setAddresses(sim, "far.example", addresses, 2);
    TorcSim_listen(sim, "2001:db8::9", 79);
}

static void connect_out(TorcSim *sim)
{
    TorcClientFactory *factory = TorcClientFactory_new(&caller_class);
    TorcReactor_connectTCP(TorcSim_reactor(sim), "far.example", 79, factory, NULL, NULL);
    TorcFactory_unref(&factory->base);
}

/* What one peer does in one round. */
static void act(TorcSim *sim, TorcSimPeer **peer, int choice)
{
    if (!*peer) {
        *peer = TorcSim_connect(sim, 8881);
    } else if (choice < 5) {
        static const char text[] = "\0\1\xff some bytes\r\n";
        TorcSimPeer_sendBytes(*peer, text, sizeof(text));
    } else if (choice == 5) {
        TorcSimPeer_stopReading(*peer);
    } else if (choice == 6) {
        TorcSimPeer_startReading(*peer);
    } else {
        (choice == 7 ? TorcSimPeer_close : TorcSimPeer_reset)(*peer);
        *peer = NULL;
    }
}

static void run(TorcSim *sim)
{
    TorcSimPeer *peers[PEERS] = {NULL};
    uint64_t choices = TorcSim_seed(sim);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < PEERS; i++) {
            choices = choices * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            act(sim, &peers[i], (int)((choices >> 33) % 9));
        }
        if (round % 10 == 0) {
            connect_out(sim);
            TorcReactor_callInThread(TorcSim_reactor(sim), note_job, sim);
            TorcReactor_callLater(TorcSim_reactor(sim), 0.1 * round, note_call, sim, NULL);
        }
        TorcSim_advance(sim, 0.02);
        (void)TorcSim_accept(sim, 79);
    }
}

int main(int argc, char **argv)
{
    TorcSim *sim = TorcSim_new(argc > 1 ? strtoull(argv[1], NULL, 10) : 1);
    TorcSim_followTrace(sim, print_line, NULL);
    serve(sim);
    TorcSim_setFaults(sim, TORC_SIM_FAULTS(.shortIO = 1000, .again = 500, .interrupt = 500,
                                           .delay = 300, .reset = 50, .noDescriptors = 200,
                                           .noBuffers = 200, .noMemory = 20, .unreachable = 1000,
                                           .noName = 500, .noThread = 1000));
    run(sim);
    TorcSim_stopFaults(sim);
    TorcReactor_callLater(TorcSim_reactor(sim), 1, interrupt, sim, NULL);
    TorcSim_run(sim);
    printf("%llu faults, hash %016llx\n",
           (unsigned long long)TorcSim_countFaults(sim, TORC_SIM_ANY_FAULT),
           (unsigned long long)TorcSim_traceHash(sim));
    TorcSim_free(sim);
    return EXIT_SUCCESS;
}
