"""Fixtures in the place of those of py-consul's conftest.py, which start containers: each test has an agent of its own,
the program that CONSUL_PROGRAM names, on the usual ports. Some tests have it check port 8500, so it has to be that one."""

import collections
import os
import subprocess
import time

import pytest
import requests

PORT = 8500

# For an agent that does not come up.
READY_SECONDS = 30

ConsulInstance = collections.namedtuple("ConsulInstance", ["container", "port", "version"])


def wait_until_ready(process):
    """Waits until the agent's own node is in the catalog."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"http://127.0.0.1:{PORT}/v1/health/state/any", timeout=2).json():
                return
        except (requests.RequestException, ValueError):
            pass
        time.sleep(0.02)
    raise RuntimeError(f"the agent did not become ready; exit code {process.poll()}")


@pytest.fixture(autouse=True)
def _no_token(monkeypatch):
    monkeypatch.delenv("CONSUL_HTTP_TOKEN", raising=False)


@pytest.fixture
def consul_instance():
    command = [os.environ["CONSUL_PROGRAM"], "agent", "-dev", "-bind", "127.0.0.1", "-enable-script-checks"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(process)
        agent = requests.get(f"http://127.0.0.1:{PORT}/v1/agent/self", timeout=10).json()
        yield ConsulInstance(process, PORT, agent["Config"]["Version"])
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def acl_consul_instance(consul_instance):
    """For tests that want ACLs: there are none, so that those fail that need more than a token which nobody looks at."""
    return consul_instance, "a token"


@pytest.fixture
def consul_port(consul_instance):
    return consul_instance.port, consul_instance.version
