#!/usr/bin/env python3
"""A million mangled packets against the real program, by UDP and TCP in turn.

    cargo build --release
    tests/fuzz/mangled.py [--count 1000000] [--rate 20000] [--seed 1] [--lictor target/release/lictor]

Starts an agent with example services and zones on a free port of 127.0.0.1. Packets come from the corpus of the
target `query`, each mangled by one to four changes; over TCP they come in pieces, up to sixteen on one connection,
and each query among them has to be answered. After each thousand, a good query by UDP and one by TCP have to be
answered right, and the agent has to be the process that was started. The same seed makes the same packets. Prints
what was counted.
"""

import argparse
import collections
import pathlib
import random
import socket
import struct
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Packets between two good queries.
ROUND = 1_000

# Seconds within which a good query is answered.
PATIENCE = 5

# A usual datagram's budget (DNS flag day 2020).
UDP_ANSWER_BYTES_MAX = 1_232


class Agent:
    """A running agent with an example catalog and zones."""

    def __init__(self, binary):
        command = [binary, "agent", "-dev", "-node", "n1", "-http-port", "0", "-dns-port", "0", "-log-level", "info",
                   "-config-dir", ROOT / "zones/example", "-zones-dir", ROOT / "zones"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ready = next((line for line in self.process.stdout if line.startswith("==> ready:")), None)
        if ready is None:
            raise SystemExit("the agent did not get ready")
        # A pipe that nobody reads would hold up whoever logs.
        threading.Thread(target=collections.deque, args=(self.process.stdout, 0), daemon=True).start()
        words = dict(word.split("=", 1) for word in ready.split()[2:])
        host, port = words["dns"].split(",")[0].rsplit(":", 1)
        self.dns = host, int(port)

    def rss_mib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            line = next(line for line in status if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def stop(self):
        self.process.kill()
        self.process.wait()


class Datagrams:
    """Packets by UDP; what comes back is read between them."""

    def __init__(self, address, counts):
        self.counts = counts
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(address)
        self.socket.setblocking(False)

    def send(self, packet):
        try:
            self.socket.send(packet)
            self.counts["packets by UDP"] += 1
        except BlockingIOError:
            self.counts["packets that the system refused"] += 1
        self.drain()

    def drain(self):
        while True:
            try:
                reply = self.socket.recv(65_535)
            except BlockingIOError:
                return
            if len(reply) < 12 or not reply[2] & 0x80 or UDP_ANSWER_BYTES_MAX < len(reply):
                raise SystemExit(f"a datagram that is no reply: {reply.hex()}")
            self.counts["replies by UDP"] += 1


class Streams:
    """Packets by TCP, up to sixteen on one connection; what is no query is the last one, since it ends that."""

    def __init__(self, address, counts, rng):
        self.address, self.counts, self.rng = address, counts, rng
        self.packets = []

    def send(self, packet):
        self.packets.append(packet)
        is_query = 12 <= len(packet) and not packet[2] & 0x80
        if not is_query or len(self.packets) == 16:
            self.converse(is_query)

    def drain(self):
        if self.packets:
            self.converse(True)

    def converse(self, are_queries):
        """Sends what is there in pieces of chance; each query has to be answered, and what is none to end it."""
        messages = b"".join(struct.pack(">H", len(packet)) + packet for packet in self.packets)
        expected = len(self.packets) - (not are_queries)
        with socket.create_connection(self.address, timeout=PATIENCE) as stream:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while messages:
                length = self.rng.randint(1, 2 * len(messages))
                stream.sendall(messages[:length])
                messages = messages[length:]
            if are_queries:
                stream.shutdown(socket.SHUT_WR)
            received = self.read(stream)
        replies = 0
        while received:
            length = 2 + struct.unpack(">H", received[:2])[0]
            if length < 14 or len(received) < length or not received[4] & 0x80:
                raise SystemExit(f"a message that is no reply: {received[2:length].hex()}")
            received = received[length:]
            replies += 1
        if replies != expected:
            packets = [packet.hex() for packet in self.packets]
            raise SystemExit(f"{replies} replies to {expected} queries: {packets}")
        self.counts["packets by TCP"] += len(self.packets)
        self.counts["replies by TCP"] += replies
        self.counts["connections"] += 1
        self.packets = []

    def read(self, stream):
        """All that comes until the agent closes the connection."""
        received = b""
        try:
            while piece := stream.recv(65_535):
                received += piece
        except TimeoutError:
            packets = [packet.hex() for packet in self.packets]
            raise SystemExit(f"after {len(received)} bytes the connection hangs: {packets}") from None
        return received


def mangle(packet, other, rng):
    """A packet with one to four changes."""
    packet = bytearray(packet)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(packet) + 1)
        change = rng.randrange(9)
        if change == 0:
            del packet[at:]
        elif change == 1:
            packet.insert(at, rng.randrange(256))
        elif change == 2:
            packet += packet[at:at + 64]
        elif change == 3:
            del packet[at:at + rng.randint(1, 4)]
        elif change == 4:
            packet[at:] = other[at:]
        elif change == 5 and 12 <= len(packet):
            packet[rng.randrange(4, 12)] = rng.choice([0, 1, 2, 255])
        elif at < len(packet):
            packet[at] = rng.choice([packet[at] ^ 1 << rng.randrange(8), rng.randrange(256), 0xC0])
    return bytes(packet[:65_535])


def ask(address, number):
    """Asks a good question by UDP and by TCP; the seconds that the slower answer took."""
    name = b"\3web\7service\6consul\0"
    query = struct.pack(">6H", number & 0xFFFF, 0x0100, 1, 0, 0, 0) + name + b"\0\1\0\1"
    slowest = 0
    for is_stream in (False, True):
        started = time.monotonic()
        kind = socket.SOCK_STREAM if is_stream else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as client:
            client.settimeout(PATIENCE)
            client.connect(address)
            client.sendall((struct.pack(">H", len(query)) if is_stream else b"") + query)
            answer = client.recv(4_096)
            while is_stream and len(answer) < 2 + struct.unpack(">H", answer[:2].rjust(2, b"\xff"))[0]:
                answer += client.recv(4_096)
        answer = answer[2:] if is_stream else answer
        flags, answers = struct.unpack(">2xH2xH", answer[:8])
        if answer[:2] != query[:2] or flags & 0x800F != 0x8000 or answers == 0:
            raise SystemExit(f"a good query is answered with {answer.hex()}")
        slowest = max(slowest, time.monotonic() - started)
    return slowest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=20_000, help="packets a second at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lictor", default=ROOT / "target/release/lictor")
    options = parser.parse_args()

    rng = random.Random(options.seed)
    corpus = [path.read_bytes() for path in sorted((ROOT / "tests/fuzz/corpus/query").iterdir())]
    counts = dict.fromkeys(["packets by UDP", "replies by UDP", "packets that the system refused",
                            "packets by TCP", "replies by TCP", "connections", "good queries answered"], 0)
    agent = Agent(options.lictor)
    try:
        before = agent.rss_mib()
        senders = Datagrams(agent.dns, counts), Streams(agent.dns, counts, rng)
        started, slowest = time.monotonic(), 0
        for sent in range(options.count):
            senders[sent % 2].send(mangle(rng.choice(corpus), rng.choice(corpus), rng))
            if (sent + 1) % ROUND == 0:
                slowest = max(slowest, ask(agent.dns, sent))
                counts["good queries answered"] += 2
                if agent.process.poll() is not None:
                    raise SystemExit(f"the agent ended: {agent.process.returncode}")
                early = (sent + 1) / options.rate - (time.monotonic() - started)
                time.sleep(max(0, early))
        for sender in senders:
            sender.drain()
        for what, count in counts.items():
            print(f"{what:<36} {count:>10,}")
        print(f"{'seconds':<36} {time.monotonic() - started:>10.1f}")
        print(f"{'slowest good query, ms':<36} {slowest * 1000:>10.1f}")
        print(f"{'memory before and after, MiB':<36} {before:>10.1f} {agent.rss_mib():.1f}")
    finally:
        agent.stop()


if __name__ == "__main__":
    sys.exit(main())
