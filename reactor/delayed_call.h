/* Delayed calls: timers. (Twisted: IReactorTime and IDelayedCall.)
 *
 * A call is never made early, and late by no more than the turn of the loop it falls into. Calls
 * due at the same time are made in the order in which they were scheduled; one that a delayed call
 * schedules with delay 0 is made in the next turn. The clock is monotonic: setting the system's
 * date does not move calls. */
#ifndef TORC_REACTOR_DELAYED_CALL_H
#define TORC_REACTOR_DELAYED_CALL_H

#include "api.h"
#include "call.h"

TORC_BEGIN_DECLS

/* A handle, copied freely; it owns nothing. {0} is inert: every function answers -TORC_ESTALE.
 * Good until the reactor is freed. */
typedef struct TorcDelayedCall {
    TorcReactor *reactor;
    uint64_t id;
} TorcDelayedCall;

/* Makes the call `delay` seconds from now. A delay too long to be represented never comes due.
 * ret_call may be NULL. The long form may be bound to a protocol (TorcCall.protocol): the call is
 * then cancelled before the protocol's connectionLost runs.
 * 0; -EINVAL (delay negative or NaN, no function, a protocol without a transport); -ENOTCONN (a
 * protocol whose connectionLost is being called); -ENOMEM. */
TORC_API int TorcReactor_callLater(TorcReactor *reactor, double delay, TorcFunction *function,
                                   void *arg, TorcDelayedCall *ret_call);
TORC_API int TorcReactor_callLaterWith(TorcReactor *reactor, double delay, const TorcCall *call,
                                       TorcDelayedCall *ret_call);

/* All of these answer -TORC_EALREADYCALLED when the call was made (also from inside it),
 * -TORC_EALREADYCANCELLED when it was cancelled, and -TORC_ESTALE when that is too long ago to
 * tell. */

/* Takes the call back; its destroy function runs before this returns. */
TORC_API int TorcDelayedCall_cancel(TorcDelayedCall call);

/* Makes it due `seconds` from now, earlier or later than before. -EINVAL: negative or NaN. */
TORC_API int TorcDelayedCall_reset(TorcDelayedCall call, double seconds);

/* Makes it due `seconds` later than it was; negative brings it forward, at most to now. -EINVAL:
 * NaN. */
TORC_API int TorcDelayedCall_delay(TorcDelayedCall call, double seconds);

/* When it is due, on the clock of TorcReactor_seconds; infinity for one that never comes due. */
TORC_API int TorcDelayedCall_getTime(TorcDelayedCall call, double *ret_seconds);

/* True while it is neither made nor cancelled. */
TORC_API bool TorcDelayedCall_active(TorcDelayedCall call);

/* Copies handles of up to `size` active calls into ret_calls, in no particular order, and returns
 * how many there are in all (possibly more than size). ret_calls may be NULL when size is 0. */
TORC_API size_t TorcReactor_getDelayedCalls(TorcReactor *reactor, TorcDelayedCall *ret_calls,
                                            size_t size);

TORC_END_DECLS

#endif
