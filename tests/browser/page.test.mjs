// Drives the gateway's page in a real browser against a running server.
//
//   DEEPFIX_URL       address of the server (`deepfix up`), required
//   CHROMIUM          browser to drive, default /usr/bin/chromium
//   DEEPFIX_EXAMPLES  folder of the flights example, default ../../examples/flights
//   SCREENSHOT_DIR    where to leave pictures of the page, default none

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const EXAMPLES = process.env.DEEPFIX_EXAMPLES ?? join(HERE, "../../examples/flights");
const SCREENSHOTS = process.env.SCREENSHOT_DIR;
const FILES = ["train.parquet", "test.parquet", "metrics.csv", "hparams.yaml", "last.ckpt", "deepchecks.json"];
const ANALYSIS_MS = 120_000;

const address = process.env.DEEPFIX_URL;
if (!address) throw new Error("DEEPFIX_URL is not set: start `deepfix up` and give its address, e.g. http://127.0.0.1:8844");
const origin = new URL(address).origin;

const example = (name) => {
  const path = join(EXAMPLES, name);
  assert.ok(existsSync(path), `the example file ${path} is missing`);
  return path;
};

let browser;

before(async () => {
  if (SCREENSHOTS) mkdirSync(SCREENSHOTS, { recursive: true });
  // A launch without a user data folder makes a fresh profile and removes it at the end.
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

after(() => browser?.close());

/** Opens the page; at the end nothing may have left the origin and the console must be clean. */
async function withPage(options, body) {
  const { expectedErrors = [], ...contextOptions } = options;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...contextOptions });
  const page = await context.newPage();
  const foreign = [];
  const errors = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "data:" && url.href !== "about:blank") foreign.push(request.url());
  });
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  try {
    await page.goto(address);
    await body(page);
  } finally {
    await context.close();
  }
  assert.deepEqual(foreign, [], "requests left the server's origin");
  const unexpected = errors.filter((error) => !expectedErrors.some((pattern) => pattern.test(error)));
  assert.deepEqual(unexpected, [], "errors in the console");
}

async function shot(page, name) {
  if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

/** Drops files as a person would: one drop event that carries all of them. */
async function drop(page, files) {
  const transfer = await page.evaluateHandle((given) => {
    const transfer = new DataTransfer();
    for (const { name, base64 } of given) {
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      transfer.items.add(new File([bytes], name));
    }
    return transfer;
  }, files.map(({ name, content }) => ({ name, base64: Buffer.from(content).toString("base64") })));
  for (const type of ["dragenter", "dragover", "drop"]) await page.dispatchEvent("#drop", type, { dataTransfer: transfer });
  await page.waitForFunction((n) => document.querySelectorAll("#file-list li").length >= n, files.length);
}

const roles = (page) =>
  page.$$eval("#file-list li", (rows) =>
    Object.fromEntries(rows.map((row) => [row.querySelector(".name").textContent, row.querySelector("select").value])),
  );

const states = (page) =>
  page.$$eval("#agents li", (rows) => Object.fromEntries(rows.map((row) => [row.dataset.agent, row.dataset.state])));

async function chooseExample(page) {
  await page.setInputFiles("#files", FILES.map(example));
  await page.fill("#label", "late");
  await page.fill("#datetime", "time_hour");
  await page.fill("#dataset-name", "flights");
}

async function reportFrame(page) {
  await page.waitForSelector("#report-page iframe", { timeout: ANALYSIS_MS });
  assert.equal(await page.getAttribute("#report-page iframe", "sandbox"), "", "the report's frame allows something");
  return page.frameLocator("#report-page iframe");
}

async function assertFitsWidth(page, when) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= window, `${when}: ${content} px of content in a window of ${window} px`);
}

const eventStream = (...events) =>
  events.map(([event, data], at) => `id: ${at + 1}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join("");

const SMALL_TRAIN = { name: "train.csv", content: "a,y\n" + Array.from({ length: 200 }, (_, i) => `${(i * 37) % 101},${i % 2}\n`).join("") };

describe("choosing files", () => {
  test("dropped files get the role their name says", () =>
    withPage({}, async (page) => {
      const expected = {
        "train.parquet": "train",
        "X_reference.csv.gz": "train",
        "flights_test.parquet": "test",
        "current-week.tsv": "test",
        "train_metrics.csv": "metrics",
        "metrics.csv": "metrics",
        "trainer_state.json": "metrics",
        "evals_result.json": "metrics",
        "hparams.yaml": "params",
        "params.json": "params",
        "layer_stats.csv": "layer-stats",
        "last.ckpt": "checkpoint",
        "model.safetensors": "checkpoint",
        "weights.pt": "checkpoint",
        "best.pth": "checkpoint",
        "deepchecks_train_test.json": "deepchecks",
        "suite-result.json": "deepchecks",
        "dataset_statistics.json": "dataset-statistics",
        "README.md": "",
      };
      await drop(page, Object.keys(expected).map((name) => ({ name, content: name })));
      assert.deepEqual(await roles(page), expected);
      await shot(page, "files-light");
    }));

  test("a role can be changed, a file removed, a hostile name stays text", () =>
    withPage({}, async (page) => {
      const hostile = "<img src=x onerror=alert(1)>.csv";
      await drop(page, [{ name: hostile, content: "a\n1\n" }, SMALL_TRAIN]);
      assert.equal(await page.locator("#file-list img").count(), 0);
      assert.equal(await page.locator("#file-list .name").first().textContent(), hostile);

      await page.getByLabel(`Role of ${hostile}`).selectOption("test");
      assert.equal((await roles(page))[hostile], "test");
      assert.match(await page.textContent("#curl"), /-F 'test=@<img src=x onerror=alert\(1\)>\.csv'/);

      await page.getByRole("button", { name: `Remove ${hostile}` }).click();
      assert.deepEqual(await roles(page), { "train.csv": "train" });
    }));

  test("the page is worked by keyboard alone", () =>
    withPage({}, async (page) => {
      await page.setInputFiles("#files", { name: "train.csv", mimeType: "text/csv", buffer: Buffer.from(SMALL_TRAIN.content) });
      const reached = [];
      for (let presses = 0; presses < 12; presses += 1) {
        await page.keyboard.press("Tab");
        reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("aria-label")));
      }
      for (const control of ["files", "Role of train.csv", "Remove train.csv", "label", "datetime", "task", "analyse"]) {
        assert.ok(reached.includes(control), `Tab does not reach ${control}: ${reached.join(", ")}`);
      }
    }));

  test("every control has a name", () =>
    withPage({}, async (page) => {
      await drop(page, [SMALL_TRAIN]);
      const nameless = await page.$$eval("button, input, select, progress, iframe", (controls) =>
        controls
          .filter((control) => !(control.labels?.length || control.getAttribute("aria-label") || control.title || control.textContent.trim()))
          .map((control) => control.outerHTML),
      );
      assert.deepEqual(nameless, []);
    }));
});

describe("an analysis", () => {
  test("agents complete, findings come in live, the report is shown and can be downloaded", () =>
    withPage({}, async (page) => {
      await chooseExample(page);
      await page.click("#analyse");
      await page.waitForSelector("#findings .card", { timeout: ANALYSIS_MS });
      await shot(page, "running-light");

      const frame = await reportFrame(page);
      await frame.getByText("target_leakage").first().waitFor({ state: "attached", timeout: ANALYSIS_MS });
      assert.deepEqual(await states(page), {
        dataset: "completed",
        training: "completed",
        checks: "completed",
        checkpoint: "completed",
        knowledge: "completed",
        reasoning: "completed",
      });
      assert.ok((await page.locator('#findings .card[data-code="target_leakage"]').count()) >= 1);
      assert.match(await page.textContent("#score"), /^(\d+\.\d \/ 10|–)/);
      assert.match(await page.textContent("#counts"), /\d+ high.*\d+ medium.*\d+ low/);
      assert.ok(await page.isEnabled("#analyse"));
      await shot(page, "report-light");

      const suffixes = { json: ".json", html: ".html", markdown: ".md", sarif: ".sarif", junit: ".xml" };
      for (const [format, suffix] of Object.entries(suffixes)) {
        const waiting = page.waitForEvent("download");
        await page.click(`#downloads [data-format="${format}"]`);
        const download = await waiting;
        assert.ok(download.suggestedFilename().endsWith(suffix), download.suggestedFilename());
        const text = readFileSync(await download.path(), "utf8");
        assert.ok(text.length > 0, `${format} is empty`);
        if (format === "json") assert.ok(JSON.parse(text).findings.some((finding) => finding.code === "target_leakage"));
      }
    }));

  test("a broken checkpoint is named, and the rest is still reported", () =>
    withPage({}, async (page) => {
      const garbage = Buffer.concat([Buffer.from("garbage"), Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 167 + 13) % 256))]);
      await drop(page, [SMALL_TRAIN, { name: "broken.ckpt", content: garbage }]);
      await page.fill("#label", "y");
      await page.click("#analyse");
      await reportFrame(page);
      const failed = (await states(page)).checkpoint === "failed";
      const found = await page.locator('#findings .card[data-code^="artifact_"]').count();
      assert.ok(failed || found > 0, "neither a failure nor a finding tells of the broken file");
      assert.equal((await states(page)).dataset, "completed");
      await shot(page, "broken-light");
    }));

  test("cancel stops the run and keeps the files", () =>
    withPage({}, async (page) => {
      await page.route("**/v1/analyses", () => {}); // a server that takes its time
      await drop(page, [SMALL_TRAIN]);
      await page.click("#analyse");
      await page.click("#cancel");
      await page.getByText("cancelled", { exact: true }).first().waitFor();
      assert.ok(await page.isHidden("#problem"), "a cancelled run is no error");
      assert.ok(await page.isEnabled("#analyse"));
      assert.deepEqual(await roles(page), { "train.csv": "train" });
    }));
});

describe("what goes wrong is said in words", () => {
  const FAILED_LOAD = /Failed to load resource/;

  async function problemAfterAnalyse(page) {
    await drop(page, [SMALL_TRAIN]);
    await page.click("#analyse");
    await page.waitForSelector("#problem:not([hidden])", { timeout: 10_000 });
    assert.ok(await page.isEnabled("#analyse"));
    return page.innerText("#problem");
  }

  test("no artifacts", () =>
    withPage({}, async (page) => {
      await page.click("#analyse");
      assert.match(await page.innerText("#problem"), /nothing to analyse yet[^]*choose one/i);
      await shot(page, "no-artifacts-light");
    }));

  test("two files for one role", () =>
    withPage({}, async (page) => {
      await drop(page, [SMALL_TRAIN, { name: "reference.csv", content: "a,y\n1,0\n" }]);
      await page.click("#analyse");
      assert.match(await page.innerText("#problem"), /one file[^]*train\.csv, reference\.csv/);
      assert.equal(await page.locator('#file-list [aria-invalid="true"]').count(), 2);
    }));

  test("the server's refusal, with its fields and id", () =>
    withPage({ expectedErrors: [FAILED_LOAD] }, async (page) => {
      await page.route("**/v1/analyses", (route) =>
        route.fulfill({
          status: 400,
          json: { error: { code: "invalid_argument", message: "The label is no column of train.", fields: [{ field: "label", message: "no column “z”" }], id: "e-42" } },
        }),
      );
      const text = await problemAfterAnalyse(page);
      for (const part of ["The label is no column of train.", "no column “z”", "e-42", "400"]) assert.ok(text.includes(part), text);
      assert.equal(await page.getAttribute("#label", "aria-invalid"), "true");
      await shot(page, "refused-light");
    }));

  test("an answer that is no JSON", () =>
    withPage({ expectedErrors: [FAILED_LOAD] }, async (page) => {
      await page.route("**/v1/analyses", (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad Gateway</h1>" }));
      assert.match(await problemAfterAnalyse(page), /502[^]*Try again/);
    }));

  test("an unreachable server", () =>
    withPage({ expectedErrors: [FAILED_LOAD] }, async (page) => {
      await page.route("**/v1/analyses", (route) => route.abort("connectionrefused"));
      assert.match(await problemAfterAnalyse(page), /cannot be reached[^]*deepfix up/);
    }));

  test("a stream that ends without a report", () =>
    withPage({}, async (page) => {
      const body = eventStream(["accepted", { request_id: "r-1", agents: ["dataset"] }], ["agent_started", { agent: "dataset" }]);
      await page.route("**/v1/analyses", (route) => route.fulfill({ contentType: "text/event-stream", body }));
      const text = await problemAfterAnalyse(page);
      assert.match(text, /without a report[^]*dataset was at work[^]*r-1/);
      assert.equal((await states(page)).dataset, "stopped");
    }));

  test("an error event", () =>
    withPage({}, async (page) => {
      const body = eventStream(
        ["accepted", { request_id: "r-1", agents: ["dataset"] }],
        ["error", { error: { code: "deadline_exceeded", message: "The deadline of 30 s passed.", fields: [], id: "e-7" } }],
      );
      await page.route("**/v1/analyses", (route) => route.fulfill({ contentType: "text/event-stream", body }));
      assert.match(await problemAfterAnalyse(page), /deadline of 30 s[^]*e-7/);
    }));

  test("a report that cannot be rendered is still summed up", () =>
    withPage({ expectedErrors: [FAILED_LOAD] }, async (page) => {
      const report = { findings: [{ code: "id_column", severity: "medium" }], notes: [], agents: [], readiness: { score: null, parts: [] }, summary: "One thing." };
      await page.route("**/v1/analyses", (route) => route.fulfill({ contentType: "text/event-stream", body: eventStream(["report", report]) }));
      await page.route("**/v1/render*", (route) => route.fulfill({ status: 500, json: { error: { code: "internal", message: "No template.", fields: [], id: "e-9" } } }));
      assert.match(await problemAfterAnalyse(page), /No template\.[^]*e-9/);
      assert.match(await page.innerText("#report"), /not measured[^]*1 medium[^]*One thing\./);
    }));
});

describe("the event stream parser", () => {
  /** Feeds the text to the page's own parser in chunks of the given size in bytes. */
  const parse = (page, text, size) =>
    page.evaluate(
      async ([text, size]) => {
        const { EventStreamParser } = await import(new URL("app.js", document.baseURI).href);
        const events = [];
        const parser = new EventStreamParser((event) => events.push(event));
        const bytes = new TextEncoder().encode(text);
        for (let at = 0; at < bytes.length; at += size) parser.push(bytes.subarray(at, at + size));
        return events;
      },
      [text, size],
    );

  test("line ends, comments, several data lines and chunks cut anywhere", () =>
    withPage({}, async (page) => {
      const expected = [
        { event: "finding", data: '{"title":\n"größer 航班 🛫"}', id: "1" },
        { event: "message", data: " two spaces: one stays", id: "1" },
        { event: "report", data: "", id: "3" },
      ];
      for (const lineEnd of ["\n", "\r\n", "\r"]) {
        const text = [
          ": keep-alive", "", "id: 1", "event: finding", 'data: {"title":', 'data:"größer 航班 🛫"}', "",
          "data:  two spaces: one stays", "retry: 10", "", "event: nothing", "", "id: 3", "event: report", "data", "", ":", "event: cut", "data: off",
        ].join(lineEnd);
        for (const size of [1, 2, 3, 5, 7, 1000]) {
          assert.deepEqual(await parse(page, text, size), expected, `${JSON.stringify(lineEnd)} in chunks of ${size}`);
        }
      }
    }));
});

describe("looks", () => {
  for (const [name, options] of Object.entries({
    "dark-desktop": { colorScheme: "dark" },
    "light-360": { viewport: { width: 360, height: 740 } },
    "dark-360": { colorScheme: "dark", viewport: { width: 360, height: 740 } },
  })) {
    test(`${name} has no horizontal overflow`, () =>
      withPage(options, async (page) => {
        await assertFitsWidth(page, "empty");
        await page.click("#analyse");
        await assertFitsWidth(page, "with a problem shown");
        await chooseExample(page);
        const longName = { name: `${"a_very_long_name_".repeat(8)}.txt`, content: "x" };
        await drop(page, [longName]);
        await assertFitsWidth(page, "with files");
        await shot(page, `${name}-files`);
        await page.click("#analyse");
        await page.waitForSelector("#findings .card", { timeout: ANALYSIS_MS });
        await assertFitsWidth(page, "while running");
        await shot(page, `${name}-running`);
        const frame = await reportFrame(page);
        await frame.getByText("target_leakage").first().waitFor({ state: "attached" });
        if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}-report-in-view.png`) });
        await page.click("#live-title");
        await assertFitsWidth(page, "with the report");
        await shot(page, `${name}-report`);

        if (options.colorScheme === "dark") {
          const [paper, ink] = await page.evaluate(() => {
            const style = getComputedStyle(document.body);
            const light = (colour) => colour.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
            return [light(style.backgroundColor), light(style.color)];
          });
          assert.ok(paper < 150 && ink > 600, "dark scheme is not dark");
        }
      }));
  }
});
