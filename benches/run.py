#!/usr/bin/env python3
"""Whole-process times of titan-run beside its peers, interleaved in one run.

usage: benches/run.py [--rounds N] [--peer NAME=PATH ...] [--restate FOLDER] [--inside]

Builds nothing: run `cargo build --release` first. Every cell is the median over the rounds; in
each round the cells are run one after the other, so that a slow moment of the machine hits all of
them. Peers that are not there are left out.

`--inside` also builds and runs what is measured inside one process: a NATS request step beside the
client's raw request (needs nats-server on PATH: `. scripts/tools`), the policy hash beside
serde_jcs + sha2, and the engine alone beside the crate dagrs, which `benches/dagrs` holds apart.

A process step executes its program itself, beside a make that does so too and records nothing; one
cell keeps its record in memory (tmpfs), the other on the disk.

`--restate` names a folder in which `npm install @restatedev/restate-server @restatedev/restate-sdk`
was run. Its steps are not like for like: they pay for a server and a way over the network, and a
step of it is a function of a service, not a process's own work.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import restate

ROOT = Path(__file__).resolve().parent.parent
PAUSED = 5
TITAN = ROOT / "target/release/titan-run"


def runbook(name, steps):
    return f"titan: 1\nrunbook: {name}\nsteps:\n" + "".join(steps)


def chain(count, guard):
    when = "    when: params.on == true\n" if guard else ""
    head = "titan: 1\nrunbook: chain\nparams: { on: { type: bool, default: true } }\nsteps:\n"
    return head + "".join(f"  s{at}:\n{when}    do: note\n    with: {{ text: x }}\n" for at in range(count))


def fan(count):
    return runbook("fan", [f"  s{at}: {{ needs: [], do: note, with: {{ text: x }} }}\n" for at in range(count)])


def effects(count, fan):
    """Steps with an effect that costs next to nothing: what is measured is their record."""
    needs = "needs: [], " if fan else ""
    step = f"{{ {needs}no_undo: none, do: script, with: {{ code: '1' }} }}"
    return runbook("effects", [f"  s{at}: {step}\n" for at in range(count)])


def appends(folder, count):
    """The floor under a durable step: 300 bytes appended and synced."""

    def append():
        file = os.open(folder / "floor", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        for _ in range(count):
            os.write(file, b"x" * 300)
            os.fdatasync(file)
        os.close(file)

    return append


def processes(count):
    return runbook("processes", [f"  s{at}:\n    no_undo: none\n    do: exec\n    with: {{ argv: [/bin/true] }}\n" for at in range(count)])


def paused(folder, steps):
    """The words that resume a run with two records a step: it looks at its last step again and waits."""
    at = folder / "resumed"
    at.mkdir()
    last = "  last: { on_failure: pause, do: assert, with: { that: \"${false}\", message: not yet } }\n"
    notes = [f"  s{step}: {{ do: note, with: {{ text: x }} }}\n" for step in range(steps)]
    (at / "notes.yaml").write_text(runbook("notes", [*notes, last]))
    (at / "here.yaml").write_text("titan: 1\ntarget: here\n")
    runs = at / "state/runs"
    began = [str(TITAN), str(at / "notes.yaml"), "--target", str(at / "here.yaml"), "--runs", str(runs)]
    subprocess.run(began, stdout=subprocess.DEVNULL, check=False)
    return [str(TITAN), "resume", next(runs.iterdir()).name, "--runs", str(runs), "--output", "json"]


def cells(folder, in_memory, peers):
    """Name, command and what one unit of it is divided by."""

    def write(name, text):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    real = write("real.yaml", "titan: 1\ntarget: real\nservices: {}\ngates: {}\n")
    run = lambda path, *more: [str(TITAN), path, "--output", "json", *more]
    durable = ["--record", "--runs", str(folder / "runs")]
    started = run(write("p200/processes.yaml", processes(200)), "--target", real)
    found = [
        ("append + fdatasync 1000", appends(folder, 1000), 1000),
        ("titan durable chain 1000", run(write("d1000/effects.yaml", effects(1000, False)), *durable), 1000),
        ("titan durable fan 10000", run(write("d10000/effects.yaml", effects(10_000, True)), *durable), 10_000),
        ("titan resume 100000 records", paused(folder, 50_000), 100_000),
        ("true", ["true"], 1),
        ("titan --version", [str(TITAN), "--version"], 1),
        ("titan 1 guarded step", run(write("one/chain.yaml", chain(1, True))), 1),
        ("titan chain 1000, guards", run(write("g1000/chain.yaml", chain(1000, True))), 1000),
        ("titan chain 1000", run(write("c1000/chain.yaml", chain(1000, False))), 1000),
        ("titan chain 10000", run(write("c10000/chain.yaml", chain(10_000, False))), 10_000),
        ("titan chain 100000", run(write("c100000/chain.yaml", chain(100_000, False))), 100_000),
        ("titan fan 1000", run(write("f1000/fan.yaml", fan(1000))), 1000),
        ("titan fan 100000", run(write("f100000/fan.yaml", fan(100_000))), 100_000),
        ("titan 200 processes", [*started, "--runs", str(in_memory)], 200),
        ("titan 200 durable processes", [*started, *durable], 200),
        ("titan hash 10 KB", [str(TITAN), "hash", write("policy.json", policy(10_000))], 1),
    ]
    if just := peers.get("just"):
        found += [
            ("just --version", [just, "--version"], 1),
            ("just 1 step", [just, "-f", write("one.just", "s:\n  @true\n"), "-q"], 1),
        ]
    if make := peers.get("make"):
        lines = "".join(f"s{at}:{f' s{at - 1}' if at else ''}\n\t@/bin/true\n" for at in range(200))
        found.append(("make 200 processes", [make, "-s", "-f", write("Makefile", ".PHONY: all\nall: s199\n" + lines)], 200))
    return found


def peak_kib(command):
    """Peak RSS, measured by a small parent: a child of this script would count the script's own."""
    timed = subprocess.run(["/usr/bin/time", "-f", "%M", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT)
    return int(timed.stderr.split()[-1])


def carry_out(name, command):
    if callable(command):
        return command()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT)
    if done.returncode not in (0, PAUSED):
        sys.exit(f"{name}: {done.stderr.decode()}")


def policy(size):
    rows = ", ".join(f'"limit_{at}": {{"max": {at}.5, "min": -{at}, "name": "é{at}"}}' for at in range(size // 50))
    return "{" + rows + "}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--restate", type=Path, metavar="FOLDER")
    parser.add_argument("--inside", action="store_true")
    arguments = parser.parse_args()
    if not TITAN.exists():
        sys.exit("build first: cargo build --release")
    peers = {name: path for name in ("just", "make") if (path := shutil.which(name))}
    peers |= dict(peer.split("=", 1) for peer in arguments.peer)
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(dir="/dev/shm") as in_memory,
        restate.serving(arguments.restate, Path(folder)) as durable,
    ):
        table = cells(Path(folder), in_memory, peers) + durable
        times = {name: [] for name, _, _ in table}
        for _ in range(arguments.rounds):
            for name, command, _ in table:
                began = time.perf_counter()
                carry_out(name, command)
                times[name].append(time.perf_counter() - began)
        memory = {name: 0 if callable(command) else peak_kib(command) for name, command, _ in table}
        print(f"{'cell':<28} {'ms':>9} {'us/unit':>9} {'RSS MiB':>8}")
        for name, _, units in table:
            median = statistics.median(times[name])
            print(f"{name:<28} {median * 1e3:>9.2f} {median * 1e6 / units:>9.2f} {memory[name] / 1024:>8.1f}")

    if arguments.inside:
        peer = ROOT / "target/bench-dagrs"
        build = ["cargo", "build", "--quiet", "--locked", "--release", "--target-dir", peer]
        subprocess.run(build, cwd=ROOT / "benches/dagrs", check=True)
        with_peer = os.environ | {"DAGRS": str(peer / "release/bench-dagrs")}
        for bench in ("nats", "hash", "engine"):
            subprocess.run(["cargo", "bench", "--quiet", "--locked", "--bench", bench], cwd=ROOT, env=with_peer, check=True)


if __name__ == "__main__":
    main()
