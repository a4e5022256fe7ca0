"""asyncio's protocols, on uvloop or on the loop of Python itself.

    asyncio_peer.py echo|line tcp|unix:PATH [uvloop]

Reading is paused while much waits to be sent. asyncio switches Nagle's algorithm off by itself.
"""

import asyncio
import resource
import sys


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


class Line(Echo):
    rest = b""

    def data_received(self, data):
        *lines, self.rest = (self.rest + data if self.rest else data).split(b"\n")
        for line in lines:
            self.transport.write(line + b"\n")


async def serve(mode, where):
    loop = asyncio.get_running_loop()
    protocol = Line if mode == "line" else Echo
    if where.startswith("unix:"):
        server = await loop.create_unix_server(protocol, where[5:], backlog=4096)
        print(where[5:], flush=True)
    else:
        server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=4096)
        print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main():
    _, mode, where, *option = sys.argv
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if option == ["uvloop"]:
        import uvloop

        uvloop.install()
    asyncio.run(serve(mode, where))


main()
