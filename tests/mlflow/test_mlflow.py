"""Runs of a real MLflow server, written by its own client, analysed by the deepfix binary."""

import csv
import http.server
import json
import math
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

os.environ["GIT_PYTHON_REFRESH"] = "quiet"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

import mlflow
import yaml
from mlflow.entities import Metric, Param

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEEPFIX = os.environ["DEEPFIX_BIN"]
FLIGHTS = ROOT / "examples" / "flights"
MLFLOW_3 = int(mlflow.__version__.split(".")[0]) >= 3


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """An MLflow server with its database and artifacts in a folder."""

    def __init__(self, *more, **environment):
        self.folder = tempfile.TemporaryDirectory()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
             "--backend-store-uri", f"sqlite:///{self.folder.name}/runs.db", "--artifacts-destination", f"{self.folder.name}/artifacts", *more],
            cwd=self.folder.name, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **environment})
        self.said, started = [], threading.Event()

        def listen():
            # To its end, so that the server never waits for a reader.
            for line in self.process.stdout:
                self.said.append(line)
                if "Application startup complete" in line or "Listening at" in line:  # MLflow 3, MLflow 2
                    self.up = True
                    started.set()
            started.set()

        self.up, self.listener = False, threading.Thread(target=listen)
        self.listener.start()
        started.wait(180)
        if not self.up:
            self.stop()
            raise RuntimeError("MLflow does not start: " + "".join(self.said))

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
        self.listener.join()
        self.process.stdout.close()
        self.folder.cleanup()


def deepfix(*arguments, code=0, **environment):
    done = subprocess.run([DEEPFIX, "analyze", "-q", "--format", "json", *map(str, arguments)], capture_output=True, text=True,
                          env={**os.environ, **environment})
    assert done.returncode == code, (done.returncode, done.stderr)
    return json.loads(done.stdout) if done.stdout else done.stderr


def codes(report):
    return sorted((f["code"], f["subject"], f["severity"]) for f in report["findings"])


def agent(report, name):
    return next(a for a in report["agents"] if a["name"] == name)


def log_file(client, run, path):
    """A log of ours as MLflow's metrics."""
    metrics = []
    for i, row in enumerate(csv.DictReader(path.read_text().splitlines())):
        step = int(float(row.get("step") or row.get("epoch") or i))
        metrics += [Metric(key, float(value), 1_700_000_000_000 + i, step)
                    for key, value in row.items() if key not in ("step", "epoch") and value]
    for at in range(0, len(metrics), 900):
        client.log_batch(run, metrics=metrics[at:at + 900])


class Runs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)
        mlflow.set_tracking_uri(cls.server.url)
        cls.client = mlflow.MlflowClient()
        cls.at = {"MLFLOW_TRACKING_URI": cls.server.url}

    def run_in(self, experiment, name):
        found = mlflow.get_experiment_by_name(experiment)
        return self.client.create_run(found.experiment_id if found else self.client.create_experiment(experiment), run_name=name).info.run_id

    def test_a_run_as_the_sdk_leaves_it_gives_what_its_files_give(self):
        run = self.run_in("sdk", "late arrivals")
        log_file(self.client, run, FLIGHTS / "metrics.csv")
        body = json.loads((ROOT / "testdata/sdk-requests/tabular_classification_with_model.json").read_text())
        with tempfile.TemporaryDirectory() as folder:
            parts = {}
            for key, name in [("dataset_artifacts", "dataset"), ("deepchecks_artifacts", "deepchecks"),
                              ("model_checkpoint_artifacts", "model_checkpoint")]:
                pathlib.Path(folder, f"{name}.yaml").write_text(yaml.safe_dump(body[key]))
                parts[name] = pathlib.Path(folder, f"{name}.json")
                parts[name].write_text(json.dumps(body[key]))
                self.client.log_artifact(run, f"{folder}/{name}.yaml", name)
            by_run = deepfix(f"mlflow:{run}", **self.at)
            by_file = deepfix("--metrics", FLIGHTS / "metrics.csv", "--dataset-statistics", parts["dataset"], "--deepchecks", parts["deepchecks"])
        self.assertEqual(codes(by_run), codes(by_file))
        self.assertIn("overfitting", [f["code"] for f in by_run["findings"]])
        self.assertEqual(by_run["model_name"], "late arrivals")
        for name in ("dataset", "training", "checks", "checkpoint"):
            self.assertEqual(agent(by_run, name)["status"], "completed", agent(by_run, name))

    def test_tables_checkpoints_and_parameters_of_a_run_are_read(self):
        run = self.run_in("files", "r")
        log_file(self.client, run, FLIGHTS / "metrics.csv")
        self.client.log_batch(run, params=[Param("lr", "0.001"), Param("optimizer", "adam")])
        for name, folder in [("train.parquet", "data"), ("test.parquet", "data"), ("last.ckpt", "checkpoints")]:
            self.client.log_artifact(run, FLIGHTS / name, folder)
        report = deepfix("--mlflow-run", run, "--label", "late", "--datetime", "time_hour", **self.at)
        local = deepfix("--train", FLIGHTS / "train.parquet", "--test", FLIGHTS / "test.parquet", "--label", "late", "--datetime", "time_hour",
                        "--checkpoint", FLIGHTS / "last.ckpt")
        tables = lambda r: [f for f in codes(r) if f[0] == "target_leakage"]
        self.assertTrue(tables(report))
        self.assertEqual(tables(report), tables(local))
        digest = lambda r, kind: [i["digest"] for i in r["provenance"]["inputs"] if i["artifact"] == kind]
        for kind in ("train", "test", "checkpoint"):
            self.assertEqual(digest(report, kind), digest(local, kind), kind)
        self.assertIn("params", [i["artifact"] for i in report["provenance"]["inputs"]])

    def test_numbers_that_databases_cannot_hold_are_what_they_were(self):
        run = self.run_in("numbers", "r")
        loss = [2.3 * math.exp(0.5 * max(0, e - 5)) for e in range(20)] + [math.inf, math.inf] + [math.nan] * 8
        self.client.log_batch(run, metrics=[Metric("train_loss", v, 1_700_000_000_000 + e, e) for e, v in enumerate(loss)])
        report = deepfix(f"mlflow:{run}", **self.at)
        found = {f["code"]: f for f in report["findings"]}
        self.assertLessEqual({"nan_loss", "exploding_loss"}, set(found))
        self.assertEqual(self.client.get_metric_history(run, "train_loss")[20].value, sys.float_info.max, "the trap is still there")

    def test_a_logged_model_is_read_be_it_an_artifact_of_its_run_or_not(self):
        from sklearn.linear_model import LogisticRegression
        mlflow.set_experiment("models")
        with mlflow.start_run() as run:
            model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
            if MLFLOW_3:
                mlflow.sklearn.log_model(model, name="model", serialization_format="cloudpickle")
            else:
                mlflow.sklearn.log_model(model, "model")
        report = deepfix(f"mlflow:{run.info.run_id}", **self.at)
        self.assertEqual(agent(report, "checkpoint")["status"], "completed", agent(report, "checkpoint"))
        self.assertEqual([i["artifact"] for i in report["provenance"]["inputs"]], ["checkpoint"])

    def test_a_log_among_the_artifacts_counts_before_metrics_that_hold_no_loss(self):
        run = self.run_in("artifacts", "r")
        self.client.log_metric(run, "fit_seconds", 3.2)
        self.client.log_artifact(run, FLIGHTS / "metrics.csv", "training_artifacts")
        report = deepfix(f"mlflow:{run}", **self.at)
        self.assertIn("overfitting", [f["code"] for f in report["findings"]])

    def test_a_model_deep_in_a_logged_models_folder_is_read(self):
        run = self.run_in("deep", "r")
        self.client.log_artifact(run, FLIGHTS / "last.ckpt", "model/data/checkpoints/model")
        report = deepfix(f"mlflow:{run}", **self.at)
        self.assertEqual([i["artifact"] for i in report["provenance"]["inputs"]], ["checkpoint"])

    def test_a_bearer_token_is_sent_to_the_server_and_to_nobody_else(self):
        seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(self.headers.get("authorization"))
                self.send_response(401)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
            thread = threading.Thread(target=proxy.serve_forever)
            thread.start()
            said = deepfix("mlflow:" + "a" * 32, code=2, MLFLOW_TRACKING_URI=f"http://127.0.0.1:{proxy.server_port}", MLFLOW_TRACKING_TOKEN="a secret")
            proxy.shutdown()
            thread.join()
        self.assertEqual(set(seen), {"Bearer a secret"})
        self.assertNotIn("a secret", said)

    def test_a_model_in_shards_is_one_model(self):
        run = self.run_in("shards", "r")
        with tempfile.TemporaryDirectory() as folder:
            names = [f"model-{k:05}-of-00003.safetensors" for k in (1, 2, 3)]
            weights = {}
            for k, name in enumerate(names):
                values = struct.pack("<4096f", *(math.sin(i * (k + 1) * 0.37) * 0.05 for i in range(4096)))
                header = json.dumps({f"layer{k}.weight": {"dtype": "F32", "shape": [64, 64], "data_offsets": [0, len(values)]}}).encode()
                pathlib.Path(folder, name).write_bytes(struct.pack("<Q", len(header)) + header + values)
                weights[f"layer{k}.weight"] = name
            index = pathlib.Path(folder, "model.safetensors.index.json")
            index.write_text(json.dumps({"metadata": {"total_size": 3 * 16384}, "weight_map": weights}))
            self.client.log_artifacts(run, folder, "model/model")
            report = deepfix(f"mlflow:{run}", **self.at)
            local = deepfix("--checkpoint", index)
        self.assertEqual(agent(report, "checkpoint")["status"], "completed", agent(report, "checkpoint"))
        self.assertEqual((codes(report), report["layers"]), (codes(local), local["layers"]))
        self.assertEqual(len(report["layers"]), 3, report["layers"])
        self.assertEqual([n for n in report["notes"] if n["code"] == "mlflow_left_out"], [])

    def test_a_report_goes_back_and_is_found_and_never_read_again(self):
        run = self.run_in("back", "r")
        log_file(self.client, run, FLIGHTS / "metrics.csv")
        self.client.set_tag(run, "deepfix.target_leakage", "high")
        first = deepfix(f"mlflow:{run}", "--log-back", **self.at)
        self.assertEqual([n for n in first["notes"] if n["code"].startswith(("log_back", "mlflow"))], [])
        experiment = mlflow.get_experiment_by_name("back").experiment_id
        search = lambda query: [r.info.run_id for r in self.client.search_runs([experiment], query)]
        self.assertEqual(search("tags.`deepfix.overfitting` = 'high'"), [run])
        self.assertEqual(search("tags.`deepfix.target_leakage` = 'high'"), [], "what no longer holds is gone")
        self.assertEqual(search("metrics.`deepfix.findings.high` >= 1"), [run])
        with tempfile.TemporaryDirectory() as folder:
            kept = json.loads(pathlib.Path(self.client.download_artifacts(run, "deepfix/report.json", folder)).read_text())
            page = pathlib.Path(self.client.download_artifacts(run, "deepfix/report.html", folder)).read_text()
        self.assertEqual(kept["findings"], first["findings"])
        self.assertIn("<svg", page)
        again = deepfix(f"mlflow:{run}", "--log-back", **self.at)
        self.assertEqual({k: v for k, v in again.items() if k != "timing"}, {k: v for k, v in first.items() if k != "timing"})

    def test_an_experiment_is_ranked_and_the_setting_behind_bad_runs_named(self):
        for i in range(10):
            run, bad = self.run_in("sweep", f"run {i}"), i % 2 == 0
            curve = [2.3 * (math.exp(0.4 * max(0, e - 5)) if bad else math.exp(-e / 6)) + 0.1 + 0.002 * math.sin(7 * e + i) for e in range(30)]
            self.client.log_batch(run, metrics=[Metric(k, v * f, 1_700_000_000_000, e) for k, f in (("train_loss", 1), ("val_loss", 1.02))
                                                for e, v in enumerate(curve)],
                                  params=[Param("lr", str(0.5 + i / 100 if bad else 0.001 * (i + 1))), Param("seed", str(i * 7 % 10))])
        ranked = deepfix("--mlflow-experiment", "sweep", **self.at)
        high = [run["high"] for run in ranked["runs"]]
        self.assertEqual(high, sorted(high, reverse=True))
        self.assertEqual((ranked["bad"], ranked["good"]), (5, 5), ranked["runs"])
        self.assertEqual([d["setting"] for d in ranked["differences"]], ["lr"])
        said = deepfix("--mlflow-experiment", "no such", code=2, **self.at)
        self.assertIn("no such", said)

    def test_a_lead_no_larger_than_what_seeds_do_is_told(self):
        for lr, shift in (("0.1", 0.0), ("0.01", 0.005)):
            for seed, off in enumerate((-0.02, 0.0, 0.02)):
                run = self.run_in("seeds", f"{lr} {seed}")
                values = [0.6 + 0.02 * e for e in range(10)] + [0.81 + shift + off]
                self.client.log_batch(run, metrics=[Metric("val_acc", v, 1_700_000_000_000, e) for e, v in enumerate(values)],
                                      params=[Param("lr", lr), Param("seed", str(seed))])
        told = deepfix("--mlflow-experiment", "seeds", **self.at)["seed_variance"]
        self.assertTrue(told["found"])
        self.assertAlmostEqual(told["standard_deviation"], 0.02, 9)
        self.assertAlmostEqual(told["lead"], 0.005, 9)
        self.assertEqual([(c["settings"], c["seeds"]) for c in told["configurations"]], [("lr=0.01", 3), ("lr=0.1", 3)])

    def test_what_cannot_be_had_is_said(self):
        self.assertIn("deadbeef", deepfix("mlflow:deadbeef", code=3, **self.at))
        self.assertIn("cannot be reached", deepfix("mlflow:deadbeef", "--tracking-uri", f"http://127.0.0.1:{free_port()}", code=3))
        self.assertIn("no id", deepfix("mlflow:../secret", code=2, **self.at))
        beside = deepfix("mlflow:deadbeef", "--metrics", FLIGHTS / "metrics.csv", **self.at)
        self.assertEqual([n["code"] for n in beside["notes"] if n["subject"] == "run:deadbeef"], ["mlflow_unavailable"])
        self.assertEqual(agent(beside, "training")["status"], "completed")

    def test_a_gateway_asks_only_the_servers_it_is_told_to(self):
        run = self.run_in("gateway", "r")
        log_file(self.client, run, FLIGHTS / "metrics.csv")
        with tempfile.TemporaryDirectory() as folder:
            gateway = subprocess.Popen([DEEPFIX, "up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True,
                                       env={**os.environ, "DEEPFIX_STORE__PATH": folder, "DEEPFIX_GATEWAY__MLFLOW__TRACKING_URI": self.server.url})
            try:
                line = next(line for line in gateway.stderr if "ready" in line)
                url = next(word for word in line.split() if word.startswith("http://"))

                def ask(**body):
                    request = urllib.request.Request(f"{url}/v1/analyses", json.dumps(body).encode(), {"content-type": "application/json"})
                    try:
                        return json.loads(urllib.request.urlopen(request, timeout=60).read())
                    except urllib.error.HTTPError as error:
                        return {"status": error.code, **json.loads(error.read())}

                report = ask(mlflow_run=run, log_back=True)
                self.assertIn("overfitting", [f["code"] for f in report["findings"]])
                self.assertEqual(self.client.get_run(run).data.tags["deepfix.overfitting"], "high")
                elsewhere = ask(mlflow_run=run, tracking_uri="http://169.254.169.254/")
                self.assertEqual(elsewhere["status"], 400)
                self.assertIn("gateway.mlflow.allowed", json.dumps(elsewhere))
            finally:
                gateway.terminate()
                gateway.communicate()


class Guarded(unittest.TestCase):
    def test_a_server_with_passwords_is_asked_with_one(self):
        settings = tempfile.NamedTemporaryFile("w", suffix=".ini")
        self.addCleanup(settings.close)
        # MLflow 2 takes the password from a file, MLflow 3 from the environment.
        settings.write("[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///users.db\nadmin_username = admin\n"
                       "admin_password = a long enough one 1234\nauthorization_function = mlflow.server.auth:authenticate_request_basic_auth\n")
        settings.flush()
        more = {"MLFLOW_AUTH_ADMIN_PASSWORD": "a long enough one 1234"} if MLFLOW_3 else {"MLFLOW_AUTH_CONFIG_PATH": settings.name}
        server = Server("--app-name", "basic-auth", MLFLOW_FLASK_SERVER_SECRET_KEY="for this test alone", **more)
        self.addCleanup(server.stop)
        who = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "a long enough one 1234"}
        os.environ.update(who)
        self.addCleanup(lambda: [os.environ.pop(key) for key in who])
        client = mlflow.MlflowClient(server.url)
        run = client.create_run("0").info.run_id
        log_file(client, run, FLIGHTS / "metrics.csv")
        at = {"MLFLOW_TRACKING_URI": server.url}
        report = deepfix(f"mlflow:{run}", **at)
        self.assertIn("overfitting", [f["code"] for f in report["findings"]])
        refused = deepfix(f"mlflow:{run}", code=2, **at, MLFLOW_TRACKING_PASSWORD="wrong")
        self.assertIn("MLFLOW_TRACKING_USERNAME", refused)
        self.assertNotIn("wrong", refused)


if __name__ == "__main__":
    unittest.main(verbosity=2)
