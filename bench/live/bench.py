"""What following a run costs, how much is kept of it, and how soon a fault is told.

    bench/live/run.sh target/release/deepfix [RUNS]

1. Cost: one stream of two metrics over 2,000,000 points: the server's CPU per point, beside parsing the same points
   as CSV with Python's csv and float; the size of the state.
2. Streams: 10,000 runs followed at once by one process: memory and CPU.
3. Delay: every run of RUNS (default: the corpus beside the repository), point by point. Of each finding: how much of
   the run had come when it was told, and how many points after its onset where the log itself has one; how many
   findings the whole log shows too; how many sound runs were disturbed; and whether the end of the stream and
   `deepfix analyze` on the log agree.
"""

import asyncio
import collections
import csv
import io
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

import grpc
import grpc.aio
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [os.environ["PROTOS"], str(HERE)]
import points as logs  # noqa: E402
from deepfix.analysis.v1 import analysis_pb2 as pb  # noqa: E402

WATCH = "/deepfix.analysis.v1.AnalysisService/WatchTraining"


def proc(pid, name):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith(name)))


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def message(points, **more):
    made = [pb.MetricPoint(key=k, value=v, step=s, **({} if e is None else {"epoch": e})) for k, v, s, e in points]
    return pb.WatchTrainingRequest(points=made, **more).SerializeToString()


def sound(count, seed=0, every=100):
    """A sound run: a loss that falls to a floor in noise, validated now and then."""
    noise = np.random.default_rng(seed).normal(0, 0.05, count)
    out = []
    for step in range(count):
        level = 0.3 + 2 * (1 + step / 500) ** -0.5
        out.append(("train_loss", float(level * (1 + noise[step])), step, float(step // every)))
        if step % every == every - 1:
            out.append(("val_loss", level + 0.05, step, float(step // every)))
    return out


async def follow(channel, requests):
    call = channel.stream_stream(WATCH, request_serializer=None, response_deserializer=pb.WatchTrainingResponse.FromString)

    async def send():
        for request in requests:
            yield request
    return [response async for response in call(send())]


async def cost(channel, pid):
    points = sound(1_990_000)
    requests = [message(points[i:i + 500]) for i in range(0, len(points), 500)]
    text = "key,value,step,epoch\n" + "\n".join(f"{k},{v},{s},{e}" for k, v, s, e in points)
    begun = time.process_time()
    total = sum(float(row[1]) for row in list(csv.reader(io.StringIO(text)))[1:])
    parsing = (time.process_time() - begun) / len(points)
    assert total > 0
    spent = cpu(pid)
    told = await follow(channel, requests)
    per_point = (cpu(pid) - spent) / len(points)
    state = await follow(channel, [*requests[:400], message([], want_state=True)])
    print(f"cost: {1e6 * per_point:.2f} us of CPU a point over {len(points):,} points, decoding and all looks included "
          f"({per_point / parsing:.2f} x Python's csv and float); {len(told)} findings")
    size = next(len(r.state) for r in state if r.state)
    print(f"state: {size / 1024:.1f} KiB on the wire for two metrics after 200,000 points")


async def streams(channels, pid, count):
    run = sound(1000)
    requests = [message(run[i:i + 101]) for i in range(0, len(run), 101)]
    before, spent, begun = proc(pid, "VmRSS"), cpu(pid), time.monotonic()
    ready, go = asyncio.Semaphore(0), asyncio.Event()
    call = [c.stream_stream(WATCH, request_serializer=None, response_deserializer=None) for c in channels]

    async def one(i):
        async def send():
            for request in requests[:-1]:
                yield request
            ready.release()
            await go.wait()
            yield requests[-1]
        return len([r async for r in call[i % len(call)](send())])

    tasks = [asyncio.create_task(one(i)) for i in range(count)]
    for _ in range(count):
        await ready.acquire()
    await asyncio.sleep(2)
    held = proc(pid, "VmRSS") - before
    go.set()
    told = sum(await asyncio.gather(*tasks))
    took, used = time.monotonic() - begun, cpu(pid) - spent
    print(f"streams: {count:,} at once, {held / count:.1f} KiB each with two metrics ({held / 1024:.0f} MiB), {used:.0f} s CPU in {took:.0f} s for "
          f"{count * len(run):,} points ({1e6 * used / count / len(run):.1f} us each); {told} findings")


async def delays(channel, runs, deepfix):
    early, after, shown, disturbed, agree, healthy = collections.defaultdict(list), collections.defaultdict(list), [], [], 0, 0
    differ = []
    for run in runs:
        points, log = logs.read(run)
        labels = json.loads((run / "labels.json").read_text())
        requests = [message([p], **({"params": logs.params(run)} if i == 0 else {})) for i, p in enumerate(points)]
        told = [r for r in await follow(channel, requests) if r.HasField("finding")]
        arguments = [deepfix, "analyze", "-q", "--format", "json", "--agents", "training", "--metrics", str(log)]
        for name in ("hparams.yaml", "params.yaml"):
            if (run / name).exists():
                arguments += ["--params", str(run / name)]
        report = json.loads(subprocess.run(arguments, capture_output=True, check=True).stdout)
        whole = {f["code"] for f in report["findings"] if f["agent"] == "training"}
        live = [r for r in told if r.points < len(points)]
        codes = {r.finding.code for r in told}
        agree += codes >= whole
        if codes != whole:
            differ.append((run.name, sorted(codes - whole), sorted(whole - codes)))
        for r in live:
            code = r.finding.code
            shown.append(code in whole)
            if code in whole and code in labels["faults"]:
                early[code].append(r.points / len(points))
                if (start := logs.onset(code, points)) is not None:
                    after[code].append((r.points - start, len(points)))
        if not labels["faults"] and not labels.get("ambiguous"):
            healthy += 1
            disturbed += [(run.name, r.finding.code) for r in live if r.finding.severity >= 2]
    print(f"delay over {len(runs)} runs; told before the end: {len(shown)}, of which the whole log shows {sum(shown)} too "
          f"({100 * sum(shown) / max(1, len(shown)):.1f} %); sound runs disturbed by a medium or high finding: "
          f"{len({d[0] for d in disturbed})}/{healthy} {sorted(set(disturbed))[:5]}")
    print(f"whatever the log shows at its end the stream had told: {agree}/{len(runs)} runs")
    for name, more, less in differ:
        print(f"  {name}: told and not shown at the end {more}, not told {less}")
    print(f"  {'code':28} {'told early':>10}  share of the run (median, worst)  points after onset (median, worst, share of the run)")
    for code in sorted(early):
        shares = early[code]
        text = f"  {code:28} {len(shares):10}  {statistics.median(shares):.2f} {max(shares):.2f}"
        if after[code]:
            late = [d for d, _ in after[code]]
            text += f"{'':25}{statistics.median(late):.0f} {max(late)} {statistics.median(d / n for d, n in after[code]):.3f}"
        print(text)


async def main():
    deepfix = sys.argv[1]
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else HERE.parents[1].parent / "shared" / "corpus" / "training"
    server = subprocess.Popen([deepfix, "up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True,
                              env={**os.environ, "DEEPFIX_TELEMETRY__LOG": "info"})
    try:
        address = None
        while address is None:
            line = server.stderr.readline()
            assert line, "the server did not start"
            if found := re.search(r"http://(127\.0\.0\.1:\d+)", line):
                address = found[1]
        drain = asyncio.create_task(asyncio.to_thread(lambda: [None for _ in server.stderr]))
        options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        channels = [grpc.aio.insecure_channel(address, options) for _ in range(64)]
        only = os.environ.get("ONLY", "cost,streams,delay").split(",")
        if "cost" in only:
            await cost(channels[0], server.pid)
        if "streams" in only:
            await streams(channels, server.pid, int(os.environ.get("STREAMS", "10000")))
        if "delay" in only:
            await delays(channels[0], sorted(p.parent for p in folder.glob("*/labels.json")), deepfix)
        server.terminate()
        await drain
    finally:
        server.kill()
        server.wait()


asyncio.run(main())
