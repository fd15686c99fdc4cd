"""How well a question finds its page: deepfix beside bm25s on the same pages, and the time a search takes.

    bench/retrieval/run.sh target/release/deepfix [--misses]

Two sets, each question with the pages that answer it (2: this is the answer, 1: it helps). questions.tsv: written in the style of such
questions by whoever wrote the pages' own words for how people ask. threads.tsv: as people put them in public threads (third column), chosen and graded from the titles of pages
alone by somebody who saw neither the pages nor the other set. Of both, lines in even places were looked at while searching was tuned,
those in odd places were not. Recall@3 counts questions of which a page of grade 2
is among the first three; nDCG@10 and MRR as usual. elsewhere.tsv holds questions about other things, to which the answer is that nothing is known; all
of them were looked at."""

import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import bm25s
import Stemmer

ROOT = pathlib.Path(__file__).resolve().parents[2]


def questions(name):
    for line in (ROOT / "bench/retrieval" / name).read_text().splitlines():
        text, pages = line.split("\t")[:2]
        yield text, {p.split(":")[0]: int(p.split(":")[1]) for p in pages.split(",")}


def judge(rankings, asked):
    recall, gain, reciprocal = [], [], []
    for found, (_, grades) in zip(rankings, asked):
        recall.append(any(grades.get(p) == 2 for p in found[:3]))
        dcg = sum((2 ** grades.get(p, 0) - 1) / math.log2(i + 2) for i, p in enumerate(found[:10]))
        ideal = sum((2 ** g - 1) / math.log2(i + 2) for i, g in enumerate(sorted(grades.values(), reverse=True)[:10]))
        gain.append(dcg / ideal)
        reciprocal.append(next((1 / (i + 1) for i, p in enumerate(found) if grades.get(p) == 2), 0))
    return recall, gain, reciprocal


def report(name, rankings, asked, split):
    for half, part, ranks in (
        ("looked at", asked[:split:2], rankings[:split:2]),
        ("held out", asked[1:split:2], rankings[1:split:2]),
        ("threads, looked at", asked[split::2], rankings[split::2]),
        ("threads, held out", asked[split + 1::2], rankings[split + 1::2]),
    ):
        recall, gain, reciprocal = judge(ranks, part)
        n, p = len(part), statistics.mean(recall)
        z = 1.96
        middle, width = (p + z * z / 2 / n) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n) / (1 + z * z / n)
        print(f"{name:9} {half:18} n {n}  Recall@3 {p:.3f} ({middle - width:.3f} to {middle + width:.3f})  nDCG@10 {statistics.mean(gain):.3f}  "
              f"MRR {statistics.mean(reciprocal):.3f}")


def pages():
    for path in sorted((ROOT / "knowledge").glob("*.md")):
        front, body = path.read_text().split("\n---\n", 1)
        yield path.stem, re.search(r'title: "?(.*?)"?$', front, re.M)[1] + "\n" + body


def started(binary, **environment):
    """A server and its address."""
    server = subprocess.Popen([binary, "up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True,
                              env={**os.environ, **environment})
    for line in server.stderr:
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return server, found[0]
    raise RuntimeError("the server did not start")


def main():
    asked = list(questions("questions.tsv"))
    split = len(asked)
    asked += questions("threads.tsv")
    server, base = started(sys.argv[1])
    try:
        ours, times = [], []
        for text, _ in [asked[0], *asked]:
            begun = time.perf_counter()
            answer = json.load(urllib.request.urlopen(f"{base}/v1/knowledge/search?limit=10&q={urllib.parse.quote(text)}"))
            times.append(time.perf_counter() - begun)
            ours.append([hit["page_id"] for hit in answer["hits"]])
        ours, times = ours[1:], sorted(times[1:])
        elsewhere = (ROOT / "bench/retrieval/elsewhere.tsv").read_text().splitlines()
        answered = [text for text in elsewhere
                    if json.load(urllib.request.urlopen(f"{base}/v1/knowledge/search?limit=3&q={urllib.parse.quote(text)}"))["hits"]]
    finally:
        server.kill()
        server.wait()
    ids, texts = zip(*pages())
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    index.index(bm25s.tokenize(list(texts), stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    theirs = []
    for text, _ in asked:
        found, _ = index.retrieve(bm25s.tokenize([text], stopwords="en", stemmer=stemmer, show_progress=False), k=10, show_progress=False)
        theirs.append([ids[i] for i in found[0]])
    print(f"{len(ids)} pages, {len(asked)} questions")
    report("deepfix", ours, asked, split)
    report("bm25s", theirs, asked, split)
    print(f"deepfix    unanswered: {sum(not found for found in ours)} of {len(ours)} questions; of {len(elsewhere)} about other things it answers {len(answered)}")
    print(f"deepfix over HTTP: median {1000 * times[len(times) // 2]:.2f} ms, p99 {1000 * times[int(len(times) * 0.99)]:.2f} ms a question")
    if "--misses" in sys.argv:
        pairs = list(zip(ours, asked))
        for found, (text, grades) in pairs[:split:2] + pairs[split::2]:
            if not any(grades.get(p) == 2 for p in found[:3]):
                print(f"  {text!r} wants {[p for p, g in grades.items() if g == 2]}, got {found[:4]}")


if __name__ == "__main__":
    main()
