#!/usr/bin/env python3
"""Start-up, memory, size and register-to-DNS time of lictor beside a real Consul, in one run.

    cargo build --release
    tests/bench/agent.py [--consul PATH] [--rounds 5] [--writes 200]

Both run as `agent -dev` on loopback ports that this script picks; rounds alternate, so that a machine whose
speed drifts is fair to both. Medians are printed; a ratio below 1 is in lictor's favour. Without a Consul
(`--consul`, or `consul` on the PATH) only lictor's column is printed.
"""

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def free_port():
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        return tcp.getsockname()[1]


class Agent:
    """A `-dev` agent; `ready_ms` is from its start until HTTP names a leader and DNS answers."""

    def __init__(self, binary):
        self.http, self.dns = free_port(), free_port()
        ports = ["-http-port", self.http, "-dns-port", self.dns, "-server-port", free_port(),
                 "-serf-lan-port", free_port(), "-serf-wan-port", free_port(), "-grpc-port", "-1"]
        command = [binary, "agent", "-dev", "-node", "bench", *map(str, ports)]
        started = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not self.is_ready():
                if time.perf_counter() - started > 20 or self.process.poll() is not None:
                    raise SystemExit(f"{binary} did not get ready")
            self.ready_ms = (time.perf_counter() - started) * 1000
        except BaseException:
            self.stop()
            raise

    def is_ready(self):
        try:
            status, body = self.request("GET", "/v1/status/leader")
        except OSError:
            return False
        if status != 200 or body.strip() == b'""':
            return False
        return self.ask("bench.node.consul") == 1

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=5)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask(self, name):
        """The number of A records under a name; nothing where no answer came."""
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        query = struct.pack(">6H", os.getpid() & 0xFFFF, 0, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(1)
            try:
                udp.connect(("127.0.0.1", self.dns))
                udp.send(query)
                return struct.unpack(">H", udp.recv(4096)[6:8])[0]
            except OSError:
                return None

    def register_to_dns_ms(self, count):
        """Times from the start of a registration until DNS shows it, on one kept connection."""
        times = []
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=5)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(count):
            name = f"svc-{number}"
            started = time.perf_counter()
            connection.request("PUT", "/v1/agent/service/register", json.dumps({"Name": name, "Port": 80}))
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            while self.ask(f"{name}.service.consul") != 1:
                assert time.perf_counter() - started < 10, f"{name} never showed"
            times.append((time.perf_counter() - started) * 1000)
        connection.close()
        return statistics.median(times)

    def rss_mib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            line = next(line for line in status if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def stop(self):
        self.process.kill()
        self.process.wait()


def measure(binary, writes):
    agent = Agent(binary)
    try:
        time.sleep(3)
        idle = agent.rss_mib()
        return {
            "ready (ms)": agent.ready_ms,
            "idle memory (MiB)": idle,
            "register to DNS (ms)": agent.register_to_dns_ms(writes),
        }
    finally:
        agent.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--lictor", default=os.path.join(ROOT, "target/release/lictor"))
    parser.add_argument("--consul", default=shutil.which("consul"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--writes", type=int, default=200)
    options = parser.parse_args()
    if not os.path.exists(options.lictor):
        sys.exit("build it first: cargo build --release")
    binaries = {"lictor": options.lictor}
    if options.consul:
        binaries["consul"] = options.consul
    rounds = {name: [] for name in binaries}
    for _ in range(options.rounds):
        for name, binary in binaries.items():
            rounds[name].append(measure(binary, options.writes))
    print(f"{'median of ' + str(options.rounds):24}", *(f"{name:>10}" for name in binaries), "     ratio")
    for row in rounds["lictor"][0]:
        medians = [statistics.median(r[row] for r in rounds[name]) for name in binaries]
        show_row(row, medians)
    show_row("binary (MiB)", [os.path.getsize(binary) / 1024 / 1024 for binary in binaries.values()])


def show_row(row, values):
    ratio = f"{values[0] / values[1]:10.2f}" if len(values) == 2 else ""
    print(f"{row:24}", *(f"{value:10.2f}" for value in values), ratio)


if __name__ == "__main__":
    main()
