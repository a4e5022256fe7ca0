"""Torc's servers and those of its peers under the same loads, in turns.

A peer is a program that serves echo or lines (bench/peers); a load is a way in which bench/load.c keeps
a server busy. In each round every load meets every peer, each time in a new process, server on one core
and load on another. A peer that cannot run here is a missing column, with the reason.
"""

import contextlib
import dataclasses
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLOOR = "epoll"
START_LIMIT = 20  # seconds until a server must have told its port
LOAD_LIMIT = 120


class Missing(Exception):
    """Why something cannot be measured here."""


class Failed(Exception):
    """Something was measured, and it was wrong."""


# ---- peers ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Peer:
    """program: below the build directory, or a script of bench/peers with the module it needs."""
    name: str
    title: str
    program: str
    option: str = ""
    module: str = ""
    package: str = ""
    loads: tuple = ()  # (): all

    def command(self, build, mode, where):
        if self.name == "torc":
            endpoint = f"unix:{where[5:]}" if where.startswith("unix:") else "tcp:0:interface=127.0.0.1"
            return [build / "torc", "serve", mode, "--listen", endpoint]
        option = [self.option] if self.option else []
        if self.module:
            return [python_with(self.module, self.package), HERE / "peers" / self.program, mode, where, *option]
        return [build / "bench" / self.program, mode, where, *option]


PEERS = {peer.name: peer for peer in (
    Peer(FLOOR, "hand epoll", "hand_epoll"),
    Peer("epoll256", "hand epoll 256K", "hand_epoll", option="262144"),
    Peer("torc", "torc", "torc"),
    Peer("libevent", "libevent events", "libevent_raw"),
    Peer("bufferevent", "libevent buffers", "libevent_buffer"),
    Peer("libuv", "libuv", "libuv_peer", package="libuv"),
    Peer("libuvgather", "libuv, gathered", "libuv_peer", option="gather", package="libuv", loads=("line",)),
    Peer("go", "Go", "go_peer", package="Go"),
    Peer("uvloop", "uvloop", "asyncio_peer.py", option="uvloop", module="uvloop", package="uvloop"),
    Peer("twisted", "Twisted", "twisted_peer.py", module="twisted.internet.epollreactor", package="Twisted"),
)}


def python_with(module, package):
    """The first Python that has the module: that of the path, or the one packages are installed for."""
    for python in ("python3", "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            found = subprocess.run([python, "-c", f"import {module}"], stderr=subprocess.DEVNULL)
            if found.returncode == 0:
                return python
    raise Missing(f"{package} is not installed")


def check_peer(peer, build):
    program = Path(peer.command(build, "echo", "tcp")[0])
    if program.is_absolute() and not program.exists():
        raise Missing(f"{peer.package or program.name} is not installed" if peer.package else f"{program} is not built")


# ---- loads ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Load:
    """metric: what stands in the table. share: of the rounds. connections: at a time."""
    name: str
    title: str
    mode: str = "echo"
    kind: str = ""  # in load.c, unless it is the name
    metric: str = "cpu"
    local: bool = False
    relative: bool = True
    connections: int = 100
    share: float = 1.0


LOADS = {load.name: load for load in (
    Load("echo", "50 connections, 64-byte ping-pong"),
    Load("line", "50 connections, 32 lines of 32 bytes at a time, each answered", mode="line"),
    Load("bulk", "4 connections, blocks of 64 KiB, 16 under way", share=3.0),
    Load("connect", "connect, one message, close; 32 at a time"),
    Load("many5k", "5,000 connections, 50 of them active", connections=5000),
    Load("many15k", "15,000 connections, 150 of them active", connections=15000, share=0.8),
    Load("slow", "50 slow readers: blocks of 64 KiB, taken by 4 KiB from a buffer of 16"),
    Load("fair", "100 quiet connections beside a busy one: their 99th percentile", metric="p99", relative=False),
    Load("unix", "as echo, over a UNIX socket", kind="echo", local=True),
    Load("memory", "10,000 idle connections: memory of the server for each", kind="idle", metric="memory",
         relative=False, connections=10000, share=0.2),
)}


def check_load(load):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < load.connections + 200:
        raise Missing(f"only {hard} descriptors are allowed to a process")


def cores():
    """One for the server, one for the load; the same when there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def pinned(core):
    return lambda: os.sched_setaffinity(0, {core})


@contextlib.contextmanager
def serving(peer, build, load, directory):
    """A server; yields its process and the port or path."""
    path = Path(directory) / "socket"
    path.unlink(missing_ok=True)
    command = [str(word) for word in peer.command(build, load.mode, f"unix:{path}" if load.local else "tcp")]
    with open(Path(directory) / "said", "w+", encoding="utf-8") as said:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, preexec_fn=pinned(cores()[0]))
        try:
            line = first_line(server)
            if not line:
                said.seek(0)
                words = said.read().strip().splitlines() or ["it said nothing"]
                raise Missing(f"the server did not start: {words[-1]}")
            yield server, str(path) if load.local else re.search(r"(\d+)\s*$", line).group(1)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()


def first_line(server):
    """What the server says when it listens; nothing if it ends or takes too long."""
    def give_up(*_):
        raise TimeoutError
    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(START_LIMIT)
    try:
        return server.stdout.readline()
    except TimeoutError:
        return ""
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run_load(build, load, peer, milliseconds):
    """{metric: (unit, value)} of one server in one round."""
    with tempfile.TemporaryDirectory() as directory, serving(peer, build, load, directory) as (server, where):
        command = [build / "bench" / "load", load.kind or load.name, where, server.pid, milliseconds]
        try:
            done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, timeout=LOAD_LIMIT, preexec_fn=pinned(cores()[1]))
        except subprocess.TimeoutExpired:
            raise Failed(f"{load.name} against {peer.title}: no end after {LOAD_LIMIT} seconds") from None
        if done.returncode != 0:
            raise Failed(f"{load.name} against {peer.title}: {done.stderr.strip()}")
    return {name: (unit, float(value)) for name, unit, value in (line.split("\t") for line in done.stdout.splitlines())}


# ---- measuring -----------------------------------------------------------------------------------


def measure_load(build, load, peers, rounds, milliseconds, missing):
    """{peer: [figures of a round or None]}; who is missing is noted in missing."""
    samples = {name: [] for name in peers}
    for number in range(rounds):
        for name in list(peers) if number % 2 == 0 else list(reversed(peers)):
            if (load.name, name) in missing:
                continue
            try:
                samples[name].append(run_load(build, load, PEERS[name], milliseconds))
            except Missing as reason:
                missing[load.name, name] = str(reason)
    return samples


def row(load, name, metric, unit, samples, summary):
    return {"benchmark": load.name, "what": f"{load.title}: {metric}", "way": PEERS[name].title, "peer": name,
            "metric": metric, "unit": unit, "samples": samples} | summary(samples)


def rows_of(load, samples, summary):
    """A row for each figure of each peer, and its processor time as a multiple of the floor's, round by
    round."""
    rows = []
    floor = samples.get(FLOOR, [])
    for name, rounds in samples.items():
        for metric in rounds[0] if rounds else ():
            unit = rounds[0][metric][0]
            rows.append(row(load, name, metric, unit, [figures[metric][1] for figures in rounds], summary))
        if rounds and floor and load.metric in rounds[0]:
            ratios = [mine[load.metric][1] / its[load.metric][1] for mine, its in zip(rounds, floor)
                      if its[load.metric][1] > 0]
            if ratios:
                rows.append(row(load, name, "ratio", "times", ratios, summary))
    return rows


def missing_row(load, name, reason):
    return {"benchmark": load.name, "what": f"{load.title}: {load.metric}", "way": PEERS[name].title, "peer": name,
            "metric": load.metric, "unit": "", "samples": [], "missing": reason}


def measure(build, names, peers, rounds, quick, summary):
    """The rows of these loads. Raises Failed."""
    missing = {}
    rows = []
    for peer in peers:
        try:
            check_peer(PEERS[peer], build)
        except Missing as reason:
            missing |= {(load, peer): str(reason) for load in names}
    for load in (LOADS[name] for name in names):
        print(f"bench: measuring {load.name}", file=sys.stderr)
        try:
            check_load(load)
        except Missing as reason:
            missing |= {(load.name, peer): str(reason) for peer in peers}
        able = [peer for peer in peers if not PEERS[peer].loads or load.name in PEERS[peer].loads]
        count = max(1, round(rounds * load.share))
        samples = measure_load(build, load, able, count, 20 if quick else 200, missing)
        rows += rows_of(load, samples, summary)
        rows += [missing_row(load, peer, missing[load.name, peer]) for peer in able if (load.name, peer) in missing]
    return rows


# ---- telling -------------------------------------------------------------------------------------

UNITS = {"us/message": "us", "messages/s": "", "us": "us", "bytes/connection": "B"}


def short(value, unit):
    """Three digits."""
    if value >= 10000:
        return f"{value / 1000:,.0f}k{unit}"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}{unit}"


def spread(row):
    """Half the distance between the extremes, in per cent; a "!" after it where that is noisy."""
    return f"±{row['spread'] * 50:.0f}{'!' if row['noisy'] else ' '}" if len(row["samples"]) > 1 else ""


def print_matrix(title, columns, peers, cell):
    lines = [("", *columns)]
    for peer in peers:
        cells = [cell(peer, column) for column in columns]
        if any(cells):
            lines.append((PEERS[peer].title, *cells))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    print(f"\n{title}\n")
    for line in lines:
        print("  ".join(text.ljust(width) if i == 0 else text.rjust(width)
                        for i, (text, width) in enumerate(zip(line, widths))).rstrip())


def print_tables(rows):
    """Processor time, then throughput and latency: a line for each peer, a column for each load."""
    at = {(row["peer"], row["benchmark"], row["metric"]): row for row in rows}
    rounds = max(len(row["samples"]) for row in rows)
    loads = list(dict.fromkeys(row["benchmark"] for row in rows))
    peers = [peer for peer in PEERS if any(row["peer"] == peer for row in rows)]

    def main_cell(peer, load):
        own = at.get((peer, load, LOADS[load].metric))
        ratio = at.get((peer, load, "ratio"))
        if own is None:
            return ""
        if "missing" in own:
            return "missing"
        if LOADS[load].relative and ratio and peer != FLOOR:
            return f"{ratio['median']:.2f}{spread(ratio)}"
        return short(own["median"], UNITS[own["unit"]]) + spread(own)

    def rate_cell(peer, load):
        row = at.get((peer, load, "rate"))
        return short(row["median"], "") + spread(row) if row else ""

    def latency_cell(peer, load):
        figures = [at.get((peer, load, metric)) for metric in ("p50", "p99", "p99.9")]
        return "/".join(short(row["median"], "") for row in figures) if all(figures) else ""

    print_matrix("Processor time of the server for a message, as a multiple of hand epoll (its own line: microseconds);\n"
                 "fair: latency of the 99th percentile of the quiet ones; memory: bytes a connection.\n"
                 f"Median of {rounds if rounds > 1 else 'one'} round{'s' if rounds > 1 else ''}"
                 + (", ± half the distance of the extremes in per cent, ! where that is much." if rounds > 1 else "."),
                 loads, peers, main_cell)
    busy = [load for load in loads if any((peer, load, "rate") in at for peer in peers)]
    if busy:
        print_matrix("Messages per second", busy, peers, rate_cell)
        print_matrix("Latency in microseconds, of half, 99 % and 99.9 % of the messages", busy, peers, latency_cell)
    print_key(loads)
    print_missing(rows)


def print_key(loads):
    width = max(len(load) for load in loads)
    print()
    for load in loads:
        print(f"{load.ljust(width)}  {LOADS[load].title}")
    if len(set(cores())) == 1:
        print("\nThere is only one core: server and load shared it, which disturbs both.")


def print_missing(rows):
    reasons = {}
    for row in rows:
        if "missing" in row:
            reasons.setdefault((row["way"], row["missing"]), []).append(row["benchmark"])
    if reasons:
        print()
    for (peer, reason), loads in reasons.items():
        print(f"missing: {peer} ({', '.join(loads)}): {reason}")
