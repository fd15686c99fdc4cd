"""compare.py DEEPFIX KEPT MADE: the same findings for a tool's results made now and the ones kept.

Times differ from run to run, so findings about them are left out.
"""

import json
import pathlib
import subprocess
import sys


def said(binary, path):
    done = subprocess.run([binary, "analyze", "--checks", path, "--format", "json", "-q"], capture_output=True, text=True)
    assert done.returncode == 0, (path.name, done.stderr)
    report = json.loads(done.stdout)
    return sorted((f["code"], f["subject"], f["severity"]) for f in report["findings"] if f["code"] != "slow_inference")


def main():
    binary, kept, made = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    wrong = findings = 0
    results = sorted(path for path in made.glob("*/*") if path.suffix in (".json", ".csv"))
    assert len(results) >= 15, results
    for path in results:
        now, then = said(binary, path), said(binary, kept / path.name)
        findings += len(now)
        if now != then:
            wrong += 1
            print(f"{path.name}: only now {sorted(set(now) - set(then))}, only then {sorted(set(then) - set(now))}")
    print(f"{len(results)} results of 5 tools made anew, {findings} findings, {wrong} results judged differently")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
