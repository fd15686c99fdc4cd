"""Tables and models in buckets, analysed by the deepfix binary as if they lay here."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEEPFIX = os.environ["DEEPFIX_BIN"]
FLIGHTS = ROOT / "examples" / "flights"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def started(test, command, says):
    """A server that has said that it listens, read to its end and stopped with the test."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    up, said = threading.Event(), []

    def listen():
        for line in process.stdout:
            said.append(line)
            if says in line:
                up.set()
        up.set()

    listener = threading.Thread(target=listen)
    listener.start()
    for step in (process.stdout.close, listener.join, process.wait, process.terminate):
        test.addClassCleanup(step)
    up.wait(60)
    assert any(says in line for line in said), f"{command[0]} does not start: {''.join(said)}"


def deepfix(*arguments, **environment):
    done = subprocess.run([DEEPFIX, "analyze", "-q", "--format", "json", *map(str, arguments)], capture_output=True, text=True,
                          env={**os.environ, **environment})
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def kept(report):
    return {key: value for key, value in report.items() if key != "timing"}


class Buckets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        table = cls.folder / "buckets/models/flights"
        for day in (1, 2):
            (table / f"day={day}").mkdir(parents=True)
            shutil.copy(FLIGHTS / ("train.parquet" if day == 1 else "test.parquet"), table / f"day={day}/part 0.parquet")
        (table / "_SUCCESS").touch()
        shutil.copy(FLIGHTS / "last.ckpt", table.parent / "last.ckpt")
        s3, gcs = free_port(), free_port()
        started(cls, ["versitygw", "--access", "key", "--secret", "a secret key", "--port", f"127.0.0.1:{s3}", "posix", str(cls.folder / "buckets")], "service listening")
        started(cls, ["fake-gcs-server", "-scheme", "http", "-host", "127.0.0.1", "-port", str(gcs), "-public-host", f"127.0.0.1:{gcs}",
                      "-backend", "memory", "-data", str(cls.folder / "buckets")], "server started")
        account = cls.folder / "account.json"
        account.write_text(json.dumps({"gcs_base_url": f"http://127.0.0.1:{gcs}", "disable_oauth": True,
                                       "client_email": "", "private_key": "", "private_key_id": ""}))
        cls.access = {
            "s3": {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "a secret key", "AWS_REGION": "us-east-1",
                   "AWS_ENDPOINT": f"http://127.0.0.1:{s3}", "AWS_ALLOW_HTTP": "true"},
            "gs": {"GOOGLE_SERVICE_ACCOUNT": str(account), "GOOGLE_ALLOW_HTTP": "true"},
        }

    def test_files_folders_and_patterns_of_buckets_give_what_those_of_disks_give(self):
        local = self.folder / "buckets/models"
        for scheme, access in self.access.items():
            for train in ("flights/day=1/part 0.parquet", "flights/", "flights/day=*/part*.parquet"):
                with self.subTest(scheme=scheme, train=train):
                    here = deepfix("--train", local / train, "--checkpoint", local / "last.ckpt", "--label", "late")
                    there = deepfix("--train", f"{scheme}://models/{train}", "--checkpoint", f"{scheme}://models/last.ckpt", "--label", "late", **access)
                    self.assertTrue(here["findings"])
                    self.assertEqual(kept(there), kept(here))

    def test_what_cannot_be_had_is_a_named_gap(self):
        def reason(address, **changed):
            report = deepfix("--train", address, "--checkpoint", FLIGHTS / "last.ckpt", **{**self.access["s3"], **changed})
            self.assertEqual([a["status"] for a in report["agents"] if a["name"] == "checkpoint"], ["completed"])
            return next(a for a in report["agents"] if a["name"] == "dataset")["reason"]

        self.assertIn("s3://models/none.parquet does not exist", reason("s3://models/none.parquet"))
        self.assertIn("names no file", reason("s3://models/none/"))
        refused = reason("s3://models/flights/", AWS_SECRET_ACCESS_KEY="wrong one")
        self.assertIn("may not be read with this server's credentials", refused)
        self.assertNotIn("wrong one", refused)


if __name__ == "__main__":
    unittest.main(verbosity=2)
