"""How long a search takes as documents grow: deepfix (over REST, kept-alive connection) beside bm25s on the same passages.

    bench/retrieval/run.sh target/release/deepfix --size 1000 100000 1000000

Documents are made of sentences of the project's own pages, drawn at random, eight passages of about sixty words each, with a
number of their own; questions are those of questions.tsv. Times are of one question at a time, after the index is built."""

import http.client
import json
import pathlib
import random
import re
import sys
import tempfile
import time
import urllib.parse

import bm25s
import Stemmer

from bench import ROOT, questions, started

PASSAGES = 8


def sentences():
    text = " ".join(re.sub(r"^---.*?---", "", p.read_text(), flags=re.S) for p in sorted((ROOT / "knowledge").glob("*.md")))
    return [s.strip() for s in re.split(r"(?<=[.!?])\s+|\n+", text) if 5 < len(s.split()) < 40]


def documents(passages, draw):
    pool = sentences()
    for number in range(passages // PASSAGES):
        parts = []
        for part in range(PASSAGES):
            words, count = [], 0
            while count < 60:
                words.append(draw.choice(pool).lstrip("#-* "))
                count += len(words[-1].split())
            parts.append(f"## Part {part} of case {number}\n" + " ".join(words))
        yield f"case_{number}", f"# Case {number}\n" + "\n".join(parts) + "\n"


def quantiles(times):
    times = sorted(times)
    at = lambda q: 1000 * times[min(len(times) - 1, int(q * len(times)))]
    return f"median {at(0.5):.2f} ms, p99 {at(0.99):.2f} ms"


def memory(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def ours(binary, folder, asked):
    server, base = started(binary, DEEPFIX_KB__PAGES=str(folder), DEEPFIX_KB__RELOAD="0s", DEEPFIX_STORE__PATH=str(folder.parent / "store"),
                           DEEPFIX_GATEWAY__SERVICES__KB__TIMEOUT="600s")
    try:
        address = urllib.parse.urlparse(base)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=900)

        def ask(question):
            connection.request("GET", "/v1/knowledge/search?" + urllib.parse.urlencode({"q": question, "limit": 10}))
            return json.loads(connection.getresponse().read())

        begun = time.perf_counter()
        ask("why is my loss nan")
        built = time.perf_counter() - begun
        times = []
        for question in asked:
            begun = time.perf_counter()
            ask(question)
            times.append(time.perf_counter() - begun)
        return built, times, memory(server.pid)
    finally:
        server.terminate()
        server.wait()


def theirs(folder, asked):
    stemmer, texts = Stemmer.Stemmer("english"), []
    for path in sorted(folder.glob("*.md")):
        texts += path.read_text().split("\n## ")[1:]
    begun = time.perf_counter()
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    built = time.perf_counter() - begun
    times = []
    for question in asked:
        begun = time.perf_counter()
        index.retrieve(bm25s.tokenize([question], stopwords="en", stemmer=stemmer, show_progress=False), k=10, show_progress=False)
        times.append(time.perf_counter() - begun)
    return built, times


def main(binary, sizes):
    asked = [text for text, _ in questions("questions.tsv")]
    for size in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch, "pages")
            folder.mkdir()
            for name, text in documents(size, random.Random(size)):
                (folder / f"{name}.md").write_text(text)
            built, times, used = ours(binary, folder, asked)
            print(f"{size:8} passages  deepfix  built in {built:.1f} s, {used:.0f} MiB; {quantiles(times)} over {len(times)} questions", flush=True)
            built, times = theirs(folder, asked)
            print(f"{size:8} passages  bm25s    built in {built:.1f} s; {quantiles(times)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], [int(size) for size in sys.argv[2:]])
