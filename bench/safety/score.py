"""Tables of what each tool found and what it called hostile without reason.

    python score.py RESULTS.jsonl ... --files FOLDER ... [--list misses|refused|alarms|unread [--tool deepfix]]
"""

import argparse
import json
import math
from pathlib import Path


# What every tool says it reads: a pickle, not packed or wrapped.
PICKLES = ("code", "commands", "indirect", "library", "nested", "opcodes", "reaches", "reexport", "stream")


def wilson(hits, total, z=1.96):
    if not total:
        return 0.0, 1.0
    share, spread = hits / total, z * z / total
    middle, half = share + spread / 2, z * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def shown(hits, total):
    low, high = wilson(hits, total)
    return f"{hits}/{total} ({100 * low:.1f} to {100 * high:.1f} %)"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("results", nargs="+")
    parser.add_argument("--files", nargs="+", required=True)
    parser.add_argument("--list", choices=("misses", "refused", "alarms", "unread"))
    parser.add_argument("--tool")
    args = parser.parse_args()
    index = {}
    for folder in args.files:
        with open(Path(folder) / "index.jsonl") as lines:
            for line in lines:
                entry = json.loads(line)
                index[entry["name"], entry["hostile"]] = entry
    tools = {}
    for path in args.results:
        with open(path) as lines:
            for line in lines:
                result = json.loads(line)
                tools.setdefault((result["tool"], result["version"]), {})[result["name"], result["hostile"]] = result

    if args.list:
        wanted = {"misses": (True, ("clean",)), "refused": (True, ("refused", "error")), "alarms": (False, ("hostile",)), "unread": (False, ("refused", "error"))}
        hostile, verdicts = wanted[args.list]
        for (tool, _), results in tools.items():
            if args.tool in (None, tool):
                for key, result in results.items():
                    if key[1] == hostile and result["verdict"] in verdicts:
                        entry = index[key]
                        marks = [mark for mark in ("optional", "refused") if entry[mark]]
                        print(tool, result["verdict"], entry["category"], entry["name"], entry["technique"], result["said"], *marks, sep=" | ")
        return

    def rows(hostile, wanted, test):
        groups = {}
        for key, entry in index.items():
            if key[1] == hostile and test(entry):
                groups.setdefault(entry["category"], []).append(key)
        streams = [key for group, keys in groups.items() if group in PICKLES for key in keys]
        whole = [("plain pickles", streams)] if streams else []
        for group, keys in [*sorted(groups.items()), *whole, ("all", [key for keys in groups.values() for key in keys])]:
            yield group, [[results[key]["verdict"] for key in keys if key in results] for results in tools.values()], wanted

    head = [f"{tool} {version}" for tool, version in tools]

    def table(title, rows, cell):
        print(f"\n{title}\n\n| | " + " | ".join(head) + " |\n|---|" + "---|" * len(head))
        for group, verdicts, wanted in rows:
            print(f"| {group} | " + " | ".join(cell(v, wanted, group in ("all", "plain pickles")) for v in verdicts) + " |")

    def count(verdicts, wanted, whole):
        hits = sum(v in wanted for v in verdicts)
        return shown(hits, len(verdicts)) if whole else f"{hits}/{len(verdicts)}"

    certain = lambda entry: not entry["optional"] and not entry["refused"]  # noqa: E731
    table("Hostile files called hostile", rows(True, ("hostile",), certain), count)
    table("Hostile files passed as clean", rows(True, ("clean",), certain), count)
    table("Hostile files that loaders refuse too: not passed as clean", rows(True, ("hostile", "refused", "error"), lambda e: e["refused"] and not e["optional"]), count)
    table("Beside the count: called hostile", rows(True, ("hostile",), lambda e: e["optional"]), count)
    table("Honest files called hostile", rows(False, ("hostile",), certain), count)
    table("Honest files not read", rows(False, ("refused", "error"), certain), count)
    table("Honest files whose classes are the writer's own: called hostile", rows(False, ("hostile",), lambda e: e["optional"]), count)


if __name__ == "__main__":
    main()
