"""What the runners share: the files of an index, and the lines written."""

import json
import subprocess
import time
from pathlib import Path


def run(tool, version, folders, out, judge):
    """`judge` takes a path and gives a verdict (hostile, clean, refused or error) and the tool's own words."""
    with open(out, "w") as lines:
        for folder in folders:
            with open(Path(folder) / "index.jsonl") as index:
                for line in index:
                    entry = json.loads(line)
                    begun = time.perf_counter()
                    try:
                        verdict, said = judge(str(Path(folder) / entry["name"]))
                    except subprocess.TimeoutExpired:
                        verdict, said = "error", "took longer than the time allowed"
                    except Exception as error:  # noqa: BLE001
                        verdict, said = "error", f"{type(error).__name__}: {error}"[:300]
                    made = {"tool": tool, "version": version, "name": entry["name"], "hostile": entry["hostile"], "verdict": verdict,
                            "said": said, "seconds": round(time.perf_counter() - begun, 3)}
                    print(json.dumps(made), file=lines)
