"""Restate beside titan-run: its server and a service whose handlers make durable steps."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

STEPS = 1000
SERVICE = Path(__file__).with_suffix(".mjs")


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    return urllib.request.urlopen(request, timeout=300).read()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(port):
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise SystemExit(f"restate: nothing listens on port {port}")


@contextlib.contextmanager
def serving(installed, scratch):
    """The cells of Restate, while it runs; none where it is not installed."""
    if installed is None:
        yield []
        return
    service, ingress, admin, node = free_ports(4)
    # Imports are looked up from where the module stands.
    module = shutil.copy(SERVICE, installed / SERVICE.name)
    settings = {
        "DO_NOT_TRACK": "1",
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_LOG_FILTER": "off",
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
        "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
        "RESTATE_ADVERTISED_ADDRESS": f"http://127.0.0.1:{node}",
    }
    server = installed / "node_modules/.bin/restate-server"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with contextlib.ExitStack() as stack:
        for command, more in (
            (["node", module], {"PORT": str(service), "RESTATE_LOGGING": "ERROR"}),
            ([str(server), "--base-dir", str(scratch / "restate")], settings),
        ):
            part = subprocess.Popen(command, env=os.environ | more, cwd=scratch, **quiet)
            stack.callback(part.wait)
            stack.callback(part.terminate)
        for port in (service, ingress, admin):
            wait_for(port)
        post(f"http://127.0.0.1:{admin}/deployments", {"uri": f"http://127.0.0.1:{service}"})
        call = lambda kind: lambda: post(f"http://127.0.0.1:{ingress}/bench/{kind}", STEPS)
        yield [(f"restate {kind} {STEPS}", call(kind), STEPS) for kind in ("chain", "fan")]
