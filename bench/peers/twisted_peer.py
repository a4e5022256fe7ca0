"""Twisted on its epoll reactor.

    twisted_peer.py echo|line tcp|unix:PATH

The transport is registered as its own producer, so that reading stops while much waits to be sent.
"""

import resource
import sys

from twisted.internet import epollreactor

epollreactor.install()

from twisted.internet import protocol, reactor  # noqa: E402 (the reactor is chosen first)
from twisted.protocols import basic  # noqa: E402


class Echo(protocol.Protocol):
    def connectionMade(self):
        self.transport.registerProducer(self.transport, True)

    def dataReceived(self, data):
        self.transport.write(data)


class Line(basic.LineReceiver):
    delimiter = b"\n"

    def connectionMade(self):
        self.transport.registerProducer(self.transport, True)

    def lineReceived(self, line):
        self.sendLine(line)


def main():
    _, mode, where = sys.argv
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    factory = protocol.Factory.forProtocol(Line if mode == "line" else Echo)
    factory.noisy = False
    if where.startswith("unix:"):
        reactor.listenUNIX(where[5:], factory, backlog=4096)
        print(where[5:], flush=True)
    else:
        port = reactor.listenTCP(0, factory, backlog=4096, interface="127.0.0.1")
        port.socket.setsockopt(6, 1, 1)  # TCP_NODELAY, handed on to what is accepted
        print(port.getHost().port, flush=True)
    reactor.run()


main()
