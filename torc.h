/* Torc: everything. See docs/ for the pages behind the headers. */
#ifndef TORC_TORC_H
#define TORC_TORC_H

#include "endpoints/endpoint.h"
#include "factories/client_factory.h"
#include "factories/factory.h"
#include "protocols/echo.h"
#include "protocols/finger.h"
#include "protocols/finger_client.h"
#include "protocols/finger_directory.h"
#include "protocols/finger_system_directory.h"
#include "protocols/line_echo.h"
#include "protocols/line_only_receiver.h"
#include "protocols/line_receiver.h"
#include "protocols/protocol.h"
#include "reactor/api.h"
#include "reactor/call.h"
#include "reactor/delayed_call.h"
#include "reactor/errors.h"
#include "reactor/log.h"
#include "reactor/reactor.h"
#include "reactor/reason.h"
#include "reactor/system_events.h"
#include "reactor/threads.h"
#include "testing/sim.h"
#include "transports/address.h"
#include "transports/connector.h"
#include "transports/port.h"
#include "transports/tcp.h"
#include "transports/transport.h"

#endif
