/* Collects latencies and tells percentiles. Each power of two is divided in 64, so that a percentile
 * is right to 1.6 %; adding one costs a few instructions and never allocates. */
#ifndef TORC_BENCH_LATENCIES_H
#define TORC_BENCH_LATENCIES_H

#include <stdint.h>
#include <string.h>

enum { LATENCY_PART_BITS = 6, LATENCY_PARTS = 1 << LATENCY_PART_BITS, LATENCY_POWERS = 40 };

typedef struct Latencies {
    uint64_t count;
    uint64_t buckets[LATENCY_POWERS * LATENCY_PARTS];
} Latencies;

static inline void latencies_clear(Latencies *latencies)
{
    memset(latencies, 0, sizeof(*latencies));
}

/* Below 64 ns a bucket is a nanosecond; above, the power of two and the six bits below its top one. */
static inline unsigned latencies_bucket(uint64_t ns)
{
    if (ns < LATENCY_PARTS)
        return (unsigned)ns;
    unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - LATENCY_PART_BITS;
    unsigned bucket = (shift + 1) * LATENCY_PARTS + (unsigned)(ns >> shift) - LATENCY_PARTS;
    unsigned last = LATENCY_POWERS * LATENCY_PARTS - 1;
    return bucket < last ? bucket : last;
}

static inline double latencies_bucketTime(unsigned bucket)
{
    unsigned shift = bucket / LATENCY_PARTS;
    uint64_t part = bucket % LATENCY_PARTS;
    return shift == 0 ? (double)part : (double)((part + LATENCY_PARTS) << (shift - 1));
}

static inline void latencies_add(Latencies *latencies, int64_t ns)
{
    latencies->count++;
    latencies->buckets[latencies_bucket(ns > 0 ? (uint64_t)ns : 0)]++;
}

/* So many per cent took at most so many nanoseconds. */
static inline double latencies_percentile(const Latencies *latencies, double percent)
{
    double wanted = (double)latencies->count * percent / 100;
    uint64_t seen = 0;
    unsigned bucket = 0;
    while (bucket < LATENCY_POWERS * LATENCY_PARTS - 1 &&
           (double)(seen += latencies->buckets[bucket]) < wanted)
        bucket++;
    return latencies_bucketTime(bucket);
}

#endif
