// The page of the gateway: files in, the analysis's events live, the report out.
// It talks to the server it came from and to no other. Everything that files or the
// server name is put on the page as text, never as markup.

const ROLES = [
  ["train", "train / reference"],
  ["test", "test / current"],
  ["metrics", "metrics"],
  ["params", "params"],
  ["layer-stats", "layer-stats"],
  ["checkpoint", "checkpoint"],
  ["deepchecks", "deepchecks"],
  ["dataset-statistics", "dataset-statistics"],
];
const SETTINGS = ["label", "datetime", "task", "dataset-name", "model-name"];
const AGENTS = [
  ["dataset", "the data itself"],
  ["training", "metrics and parameters"],
  ["checks", "Deepchecks results"],
  ["checkpoint", "weights and file safety"],
  ["knowledge", "sources for the findings"],
  ["reasoning", "root causes, ranking, advice"],
];
// These two work on what the others found, so they start when the others are done.
const LATER_AGENTS = ["knowledge", "reasoning"];
const MARKS = { waiting: "·", running: "›", completed: "✓", failed: "✕", skipped: "–", stopped: "–" };
const SEVERITIES = ["high", "medium", "low"];
const FORMATS = {
  json: ["json", "application/json"],
  html: ["html", "text/html;charset=utf-8"],
  markdown: ["md", "text/markdown;charset=utf-8"],
  sarif: ["sarif", "application/sarif+json"],
  junit: ["xml", "application/xml"],
};
const MOST_CARDS = 300;
const MOST_FOLDER_FILES = 200;
const SILENCE_MS = 45_000;

/** The role a file most likely plays, by its name; "" when the name says nothing. */
export function guessRole(path, taken = []) {
  const name = path
    .split(/[\\/]/)
    .pop()
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/\.(gz|zst|zstd)$/, "");
  const ending = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1) : "";
  const ends = (...endings) => endings.includes(ending);
  const says = (words) => new RegExp(`(^|[^a-z])(${words})([^a-z]|$)`).test(name);

  if (ends("ckpt", "pt", "pth", "safetensors", "onnx", "gguf", "keras", "h5", "hdf5", "bin")) return "checkpoint";
  const table = ends("parquet", "csv", "tsv", "arrow", "feather", "ipc", "json", "jsonl", "ndjson");
  if (!table && !ends("yaml", "yml")) return "";

  if (says("layer[_-]?stat(s|istics)?|grad(ient)?s?[_-]stat(s|istics)?")) return "layer-stats";
  if (ends("json") && says("deep[_-]?checks?|suite|checks?")) return "deepchecks";
  if (ends("json") && says("(data|dataset)[_-]?(stats|statistics|profile)|statistics|profile")) return "dataset-statistics";
  if (says("metrics?|trainer[_-]state|evals?[_-]results?|history|train(ing)?[_-](log|logs|curves?)")) return "metrics";
  if (ends("yaml", "yml")) return "params";
  if (ends("json") && says("h?params?|hyper[_-]?param(eter)?s?|parameters|config|args|settings")) return "params";
  if (says("x?train|training|reference|ref|baseline")) return "train";
  if (says("x?test|current|cur|val|valid|validation|holdout|eval|prod|production")) return "test";
  if (says("logs?|results?|progress")) return "metrics";
  if (ends("json")) return "";
  return ["train", "test"].find((role) => !taken.includes(role)) ?? "";
}

/** Reads `text/event-stream` from byte chunks cut anywhere, and calls back per event. */
export class EventStreamParser {
  #decoder = new TextDecoder();
  #onEvent;
  #rest = "";
  #afterCr = false;
  #event = "";
  #data = [];
  #id = "";

  constructor(onEvent) {
    this.#onEvent = onEvent;
  }

  push(bytes) {
    this.#text(this.#decoder.decode(bytes, { stream: true }));
  }

  #text(text) {
    if (text === "") return;
    // A CR that ended the last chunk and an LF that starts this one are one line break.
    let from = this.#afterCr && text[0] === "\n" ? 1 : 0;
    this.#afterCr = text.endsWith("\r");
    const breaks = /\r\n|\r|\n/g;
    breaks.lastIndex = from;
    for (let found; (found = breaks.exec(text)); from = breaks.lastIndex) {
      const line = this.#rest + text.slice(from, found.index);
      this.#rest = "";
      this.#line(line);
    }
    this.#rest += text.slice(from);
  }

  #line(line) {
    if (line === "") {
      const [event, data] = [this.#event || "message", this.#data];
      this.#event = "";
      this.#data = [];
      if (data.length > 0) this.#onEvent({ event, data: data.join("\n"), id: this.#id });
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment: keep-alive
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
  }
}

export function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit += 1;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** The command that sends the same request, safe to paste into a POSIX shell. */
export function curlCommand(address, files, settings) {
  const shell = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
  const parts = [];
  for (const { role, name } of files) {
    // Curl takes ; and , in a bare file name for options of its own.
    const plain = /^[^";,\\]*$/.test(name);
    const value = plain ? name : `"${name.replace(/[\\"]/g, "\\$&")}"`;
    parts.push(`-F ${shell(`${role}=@${value}`)}`);
  }
  for (const [name, value] of settings) {
    const plain = /^[^@<;"][^;]*$/.test(value);
    parts.push(`${plain ? "-F" : "--form-string"} ${shell(`${name}=${value}`)}`);
  }
  parts.push(shell(address));
  return `curl ${parts.join(parts.length > 4 ? " \\\n  " : " ")}`;
}

/** Something that went wrong, said so that the reader can mend it. */
class Problem extends Error {
  constructor({ what, where, mend, fields, id, request }) {
    super(what);
    Object.assign(this, { what, where, mend, fields: fields ?? [], id, request });
  }
}

const count = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value) => (Array.isArray(value) ? value.filter(isObject) : []);
const textOf = (value) => (value === null || value === undefined ? "" : String(value));

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The server's `{"error": …}` as a Problem, or null if it is none. */
function serverProblem(body, where, mend) {
  const error = body?.error;
  if (!isObject(error)) return null;
  return new Problem({
    what: textOf(error.message) || textOf(error.code) || "The server could not do this.",
    where,
    mend,
    fields: listOf(error.fields),
    id: textOf(error.id),
  });
}

function mendFor(status, retryAfter) {
  switch (status) {
    case 400:
    case 404:
    case 415:
    case 422:
      return "Correct the files and settings named here, then analyse again.";
    case 401:
    case 403:
      return "This server wants a key, which this page does not send. Use the command line or curl with your key.";
    case 408:
    case 504:
      return "The analysis took longer than the server allows. Try fewer or smaller files.";
    case 413:
      return "The files are larger than this server takes. Send fewer or smaller files, or raise its limit.";
    case 429:
      return retryAfter ? `The server is busy. Try again in ${retryAfter} s.` : "The server is busy. Try again in a moment.";
    default:
      return status >= 500
        ? "Try again. If it happens again, look for the error id in the server’s log."
        : "Check the files and settings, then try again.";
  }
}

async function httpProblem(response, where) {
  const mend = mendFor(response.status, response.headers.get("retry-after"));
  const place = `${where}, HTTP ${response.status}`;
  const body = parseJson(await response.text().catch(() => ""));
  return (
    serverProblem(body, place, mend) ??
    new Problem({ what: `The server answered ${response.status} ${response.statusText}`.trim() + ".", where: place, mend })
  );
}

function start() {
  const $ = (id) => document.getElementById(id);
  const url = (path) => new URL(path, document.baseURI).href;

  /** @type {{ file: File, name: string, role: string }[]} */
  let chosen = [];
  let run = null;
  let shown = null; // the report on the page: { text, report, blobs }

  function make(tag, { text, ...attributes } = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== null) node.setAttribute(name, value);
    }
    if (text !== undefined) node.textContent = text;
    node.append(...children);
    return node;
  }

  const say = (text) => {
    $("announce").textContent = text;
  };

  const severityWord = (severity, text) =>
    make("span", { class: `severity ${SEVERITIES.includes(severity) ? severity : "none"}`, text: text ?? textOf(severity) });

  // Files

  function addFiles(items) {
    for (const { file, name } of items) {
      const same = (other) => other.name === name && other.file.size === file.size && other.file.lastModified === file.lastModified;
      if (chosen.some(same)) continue;
      const taken = chosen.map((other) => other.role);
      chosen.push({ file, name, role: guessRole(name, taken) });
    }
    showFiles();
    if (items.length > 0) {
      const used = chosen.filter((item) => item.role).length;
      say(`${count(chosen.length, "file")} chosen, ${used} with a role.`);
    }
  }

  function showFiles() {
    $("file-list").replaceChildren(...chosen.map(fileRow));
    $("file-list").hidden = chosen.length === 0;
    showCurl();
  }

  function fileRow(item) {
    const select = make("select", { "aria-label": `Role of ${item.name}` });
    for (const [value, text] of [...ROLES, ["", "leave out"]]) select.append(make("option", { value, text }));
    select.value = item.role;
    const remove = make("button", { type: "button", class: "remove", "aria-label": `Remove ${item.name}`, title: "Remove", text: "×" });
    const row = make(
      "li",
      { class: item.role ? undefined : "unused" },
      make("span", { class: "name", text: item.name }),
      select,
      make("span", { class: "size quiet", text: sizeText(item.file.size) }),
      remove,
    );
    select.addEventListener("change", () => {
      item.role = select.value;
      row.classList.toggle("unused", item.role === "");
      for (const other of $("file-list").querySelectorAll("select")) other.removeAttribute("aria-invalid");
      showCurl();
    });
    remove.addEventListener("click", () => {
      const at = chosen.indexOf(item);
      chosen.splice(at, 1);
      showFiles();
      say(`${item.name} removed.`);
      const next = $("file-list").children[Math.min(at, chosen.length - 1)];
      (next?.querySelector(".remove") ?? $("files")).focus();
    });
    return row;
  }

  const settings = () => SETTINGS.map((name) => [name, $(name).value.trim()]).filter(([, value]) => value !== "");

  function showCurl() {
    const used = chosen.filter((item) => item.role);
    const command =
      used.length > 0
        ? curlCommand(url("v1/analyses"), used, settings())
        : `curl -F train=@train.csv -F test=@test.csv -F label=y ${url("v1/analyses")}`;
    $("curl").textContent = command;
  }

  /** Files of a drop; a folder counts as the files in it. */
  async function droppedFiles(transfer) {
    // The entries are only there while the event is handled: take them before waiting.
    const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? null);
    const plain = [...transfer.files].map((file) => ({ file, name: file.name }));
    if (!entries.some((entry) => entry?.isDirectory)) return plain;

    const found = [];
    const skipped = [];
    const walk = async (entry) => {
      if (entry.name.startsWith(".") || found.length >= MOST_FOLDER_FILES) return;
      if (entry.isFile) {
        const file = await new Promise((done, failed) => entry.file(done, failed));
        found.push({ file, name: entry.fullPath.replace(/^\//, "") });
        return;
      }
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((done, failed) => reader.readEntries(done, failed));
        if (some.length === 0) return;
        for (const child of some) await walk(child).catch(() => skipped.push(child.name));
      }
    };
    for (const entry of entries) if (entry) await walk(entry).catch(() => skipped.push(entry.name));
    if (skipped.length > 0) {
      showProblem(new Problem({ what: "Some of the dropped files could not be read.", where: skipped.join(", "), mend: "Check that you may read them, then drop them again." }));
    }
    return found;
  }

  // Problems

  function clearProblem() {
    $("problem").hidden = true;
    $("problem").replaceChildren();
    for (const node of $("form").querySelectorAll("[aria-invalid]")) node.removeAttribute("aria-invalid");
  }

  function showProblem(problem) {
    const box = $("problem");
    const facts = make("dl");
    const fact = (name, ...content) => facts.append(make("dt", { text: name }), make("dd", {}, ...content));
    if (problem.where) fact("Where", problem.where);
    const fields = problem.fields.filter((field) => field.field || field.message);
    if (fields.length > 0) {
      const items = fields.map((field) => {
        mark(textOf(field.field));
        const name = make("span", { class: "code", text: textOf(field.field) });
        return make("li", {}, ...(field.field ? [name, ": "] : []), textOf(field.message));
      });
      fact("Details", make("ul", {}, ...items));
    }
    if (problem.mend) fact("To mend it", problem.mend);
    if (problem.id) fact("Error id", make("span", { class: "code", text: problem.id }));
    if (problem.request) fact("Request id", make("span", { class: "code", text: problem.request }));
    box.replaceChildren(make("h2", { text: problem.what }), facts);
    box.hidden = false;
    box.focus({ preventScroll: true });
    box.scrollIntoView({ block: "nearest" });
  }

  /** Marks the setting or file row that the server or the check below names. */
  function mark(field) {
    const name = field.replaceAll("_", "-");
    if (SETTINGS.includes(name)) $(name).setAttribute("aria-invalid", "true");
    chosen.forEach((item, at) => {
      if (item.role && item.role === name) $("file-list").children[at].querySelector("select").setAttribute("aria-invalid", "true");
    });
  }

  function checkInputs() {
    const used = chosen.filter((item) => item.role);
    if (used.length === 0) {
      throw new Problem(
        chosen.length === 0
          ? { what: "There is nothing to analyse yet.", where: "Artifacts", mend: "Drop at least one file above, or choose one: a data file, a metrics log, a checkpoint." }
          : { what: "None of the files has a role.", where: "Artifacts", mend: "Choose beside at least one file what it is." },
      );
    }
    const twice = ROLES.map(([role]) => role).filter((role) => used.filter((item) => item.role === role).length > 1);
    if (twice.length > 0) {
      throw new Problem({
        what: "Each role takes one file.",
        where: "Artifacts",
        mend: "Keep one file for the role, and set the others to another role or to “leave out”.",
        fields: twice.map((role) => ({ field: role, message: used.filter((item) => item.role === role).map((item) => item.name).join(", ") })),
      });
    }
    return used;
  }

  // The run

  function agentRow(name, about) {
    const node = make(
      "li",
      { "data-agent": name, "data-state": "waiting" },
      make("span", { class: "mark", "aria-hidden": "true", text: MARKS.waiting }),
      make("span", { class: "name", text: name }),
      make("span", { class: "state" }),
      make("progress", { max: "1", value: "0", "aria-label": `Progress of ${name}` }),
    );
    const agent = { name, about, state: "waiting", node, findings: 0 };
    setAgent(agent, "waiting", about);
    return agent;
  }

  function setAgent(agent, state, detail, done) {
    agent.state = state;
    agent.node.dataset.state = state;
    agent.node.querySelector(".mark").textContent = MARKS[state];
    const text = make("span", { class: "about", text: detail ? `: ${detail}` : "" });
    agent.node.querySelector(".state").replaceChildren(state, text);
    const bar = agent.node.querySelector("progress");
    bar.hidden = state !== "running" && state !== "completed";
    if (state === "completed") bar.value = 1;
    else if (typeof done === "number") bar.value = Math.min(1, Math.max(0, done));
    else if (state === "running") bar.removeAttribute("value");
    else bar.value = 0;
  }

  const isOver = (agent) => agent.state !== "waiting" && agent.state !== "running";

  class Run {
    abort = new AbortController();
    started = performance.now();
    heard = performance.now();
    answered = false;
    silent = false;
    agents = new Map();
    events = 0;
    cards = 0;
    counts = { high: 0, medium: 0, low: 0 };
    requestId = "";
    problem = null;
    over = false;

    constructor() {
      for (const [name, about] of AGENTS) this.agents.set(name, agentRow(name, about));
      $("agents").replaceChildren(...[...this.agents.values()].map((agent) => agent.node));
      $("findings").replaceChildren();
      $("live").hidden = true;
      $("live").open = true;
      $("run").hidden = false;
      this.tick();
      this.timer = setInterval(() => this.tick(), 100);
    }

    tick() {
      $("clock").textContent = this.elapsed();
      const silent = this.answered ? performance.now() - this.heard : 0;
      if (silent > SILENCE_MS) phase(`no word from the server for ${Math.round(silent / 1000)} s`);
      else if (this.silent) phase("");
      this.silent = silent > SILENCE_MS;
    }

    elapsed() {
      const seconds = (performance.now() - this.started) / 1000;
      return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
    }

    agent(given) {
      const name = textOf(given) === "kb" ? "knowledge" : textOf(given) || "unknown";
      let agent = this.agents.get(name);
      if (!agent) {
        agent = agentRow(name, "");
        this.agents.set(name, agent);
        $("agents").insertBefore(agent.node, this.agents.get("knowledge").node);
      }
      return agent;
    }

    /** Knowledge and reasoning send no start of their own: they follow when the others are done. */
    startLater() {
      const others = [...this.agents.values()].filter((agent) => !LATER_AGENTS.includes(agent.name));
      const knowledge = this.agents.get("knowledge");
      if (others.every(isOver) && knowledge.state === "waiting") setAgent(knowledge, "running", knowledge.about);
    }

    take({ event, data }) {
      if (this.over) return;
      this.events += 1;
      const body = parseJson(data);
      if (!isObject(body)) {
        this.problem = new Problem({
          what: "The server sent something this page cannot read.",
          where: `Event “${event}” of the analysis`,
          mend: "Reload the page, so that page and server are of one version, and try again.",
          request: this.requestId,
        });
        return;
      }
      phase("");
      switch (event) {
        case "accepted":
          this.requestId = textOf(body.request_id);
          if (Array.isArray(body.agents)) {
            for (const agent of this.agents.values()) {
              if (!LATER_AGENTS.includes(agent.name) && !body.agents.includes(agent.name)) setAgent(agent, "skipped", "nothing to look at");
            }
            for (const name of body.agents) this.agent(name);
          }
          say("The server has accepted the files.");
          break;
        case "agent_started": {
          const agent = this.agent(body.agent);
          setAgent(agent, "running", agent.about);
          break;
        }
        case "agent_progress": {
          const agent = this.agent(body.agent);
          if (!isOver(agent)) setAgent(agent, "running", textOf(body.stage) || agent.about, body.done);
          break;
        }
        case "finding":
          if (isObject(body.finding)) this.finding(body.finding, textOf(body.agent) || textOf(body.finding.agent));
          break;
        case "agent_completed": {
          const agent = this.agent(body.agent);
          const found = typeof body.findings === "number" ? body.findings : agent.findings;
          const text = agent.name === "knowledge" || agent.name === "reasoning" ? agent.about : found === 0 ? "nothing found" : count(found, "finding");
          setAgent(agent, "completed", text);
          say(`${agent.name} completed: ${text}.`);
          this.startLater();
          break;
        }
        case "agent_failed":
        case "agent_skipped": {
          const agent = this.agent(body.agent);
          const state = event.slice("agent_".length);
          setAgent(agent, state, textOf(body.reason));
          if (state === "failed") say(`${agent.name} failed: ${textOf(body.reason)}`);
          this.startLater();
          break;
        }
        case "knowledge_retrieved": {
          setAgent(this.agent("knowledge"), "completed", count(Number(body.passages) || 0, "passage"));
          const reasoning = this.agent("reasoning");
          if (!isOver(reasoning)) setAgent(reasoning, "running", reasoning.about);
          break;
        }
        case "report":
          this.finish(data, body);
          break;
        case "error":
          this.problem =
            serverProblem(body, `The analysis, after ${this.elapsed()}`, "Try again. If it happens again, look for the error id in the server’s log.") ??
            new Problem({ what: "The server gave up on the analysis.", where: `After ${this.elapsed()}`, mend: "Try again.", request: this.requestId });
          break;
        default: // an event of a newer server
      }
    }

    finding(finding, from) {
      this.cards += 1;
      this.agent(from).findings += 1;
      const severity = textOf(finding.severity);
      if (severity in this.counts) this.counts[severity] += 1;
      const words = SEVERITIES.filter((name) => this.counts[name] > 0).map((name) => `${this.counts[name]} ${name}`);
      $("live").hidden = false;
      $("live-title").textContent = `Findings as they came in: ${words.join(", ") || this.cards}`;
      if (this.cards > MOST_CARDS) {
        let more = $("findings").querySelector(".more");
        if (!more) $("findings").append((more = make("li", { class: "more" })));
        more.textContent = `and ${this.cards - MOST_CARDS} more in the report`;
        return;
      }
      const card = make(
        "li",
        { class: "card", "data-code": textOf(finding.code), "data-severity": severity },
        make(
          "div",
          { class: "head" },
          severityWord(severity),
          make("span", { class: "code", text: textOf(finding.code) }),
        ),
        make("p", { text: textOf(finding.title) || textOf(finding.subject) }),
        make("p", { class: "from quiet", text: [from, finding.split].filter(Boolean).join(" · ") }),
      );
      const rank = (node) => SEVERITIES.indexOf(node.dataset.severity) + 1 || 9;
      const after = [...$("findings").querySelectorAll(".card")].find((other) => rank(other) > rank(card));
      $("findings").insertBefore(card, after ?? null);
    }

    finish(text, report) {
      for (const given of listOf(report.agents)) {
        const agent = this.agent(given.name);
        if (!isOver(agent) && given.status in MARKS) {
          setAgent(agent, given.status, textOf(given.reason) || (agent.findings ? count(agent.findings, "finding") : ""));
        }
      }
      for (const agent of this.agents.values()) {
        if (isOver(agent)) continue;
        if (LATER_AGENTS.includes(agent.name)) setAgent(agent, "completed", agent.about);
        else setAgent(agent, "skipped", "");
      }
      this.problem = null;
      this.close();
      showReport(text, report);
    }

    close() {
      this.over = true;
      clearInterval(this.timer);
      $("clock").textContent = this.elapsed();
      if (run === this) settle();
    }

    stop(detail) {
      for (const agent of this.agents.values()) if (!isOver(agent)) setAgent(agent, "stopped", detail);
      this.close();
      if (this.events === 0) $("run").hidden = $("clock").hidden = true;
    }

    unfinished() {
      const names = [...this.agents.values()].filter((agent) => agent.state === "running").map((agent) => agent.name);
      return names.length > 0 ? `after ${this.elapsed()}, while ${names.join(", ")} ${names.length === 1 ? "was" : "were"} at work` : `after ${this.elapsed()}`;
    }
  }

  const phase = (text) => {
    if ($("phase").textContent !== text) $("phase").textContent = text;
  };

  function setRunning(running) {
    $("inputs").disabled = running;
    $("analyse").disabled = running;
    $("cancel").hidden = !running;
    if (running) {
      $("clock").hidden = false;
      $("cancel").focus();
    }
  }

  async function analyse() {
    if (run && !run.over) return;
    clearProblem();
    let used;
    try {
      used = checkInputs();
    } catch (problem) {
      for (const field of problem.fields ?? []) mark(field.field);
      showProblem(problem);
      return;
    }
    run?.abort.abort();
    hideReport();
    const mine = (run = new Run());
    const body = new FormData();
    for (const [name, value] of settings()) body.append(name, value);
    for (const item of used) body.append(item.role, item.file, item.file.name);
    setRunning(true);
    document.title = "Analysing… · DeepFix";
    phase(`sending ${sizeText(used.reduce((sum, item) => sum + item.file.size, 0))}`);
    say("The analysis has started.");
    try {
      await stream(mine, body);
    } catch (cause) {
      if (mine.over) return; // the report is here: what the connection does now is no matter
      if (mine.abort.signal.aborted) {
        mine.stop("cancelled");
        phase("cancelled");
        say("The analysis was cancelled.");
      } else {
        const problem = cause instanceof Problem ? cause : await lostProblem(mine, used, cause);
        mine.stop("without a result");
        phase("");
        showProblem(problem);
      }
      document.title = "DeepFix";
    }
  }

  /** Makes the form usable again, and keeps the keyboard's place if it was on Cancel. */
  function settle() {
    const onCancel = document.activeElement === $("cancel");
    setRunning(false);
    if (onCancel || document.activeElement === document.body) $("analyse").focus({ preventScroll: true });
  }

  async function stream(mine, body) {
    const response = await fetch(url("v1/analyses"), {
      method: "POST",
      headers: { Accept: "text/event-stream" },
      body,
      signal: mine.abort.signal,
      cache: "no-store",
    });
    mine.answered = true;
    mine.heard = performance.now();
    if (!response.ok) throw await httpProblem(response, "Sending the files");
    if (!/^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "")) {
      const text = await response.text();
      const report = parseJson(text);
      if (isObject(report) && Array.isArray(report.findings)) return mine.finish(text, report);
      throw new Problem({
        what: "The server’s answer is neither a stream of events nor a report.",
        where: "Sending the files",
        mend: "Check that this address is a DeepFix server, and that no proxy in between changes its answers.",
      });
    }
    const parser = new EventStreamParser((event) => mine.take(event));
    const reader = response.body.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      mine.heard = performance.now();
      parser.push(value);
    }
    if (mine.over) return;
    throw (
      mine.problem ??
      new Problem({
        what: "The server ended the analysis without a report.",
        where: `The stream of events, ${mine.unfinished()}`,
        mend: "Try again. If it happens again, look in the server’s log, or for a proxy that cuts long answers.",
        request: mine.requestId,
      })
    );
  }

  /** Why a request broke off: a file that changed under us, or the connection. */
  async function lostProblem(mine, used, cause) {
    if (mine.problem) return mine.problem;
    for (const item of used) {
      try {
        await item.file.slice(0, 1).arrayBuffer();
      } catch {
        return new Problem({
          what: `The file ${item.name} can no longer be read.`,
          where: `Artifacts, ${item.role}`,
          mend: "It was changed, moved or deleted after you chose it. Remove it from the list and add it again.",
          fields: [{ field: item.role, message: item.name }],
        });
      }
    }
    return mine.answered
      ? new Problem({
          what: "The connection to the server was lost.",
          where: `The stream of events, ${mine.unfinished()}`,
          mend: "Check the network and that the server still runs, then analyse again: the files and settings are still here.",
          request: mine.requestId,
        })
      : new Problem({
          what: navigator.onLine === false ? "This computer is offline." : "The server cannot be reached.",
          where: `${url("v1/analyses")} (${textOf(cause?.message) || "no answer"})`,
          mend: "Check that the server runs (deepfix up) and the network is there, then analyse again: the files and settings are still here.",
        });
  }

  // The report

  async function render(format, text) {
    const doing = `Writing the report as ${format}`;
    let response;
    try {
      response = await fetch(url(`v1/render?format=${format}`), { method: "POST", headers: { "Content-Type": "application/json" }, body: text });
      if (response.ok) return await response.blob();
    } catch {
      throw new Problem({ what: "The connection to the server was lost.", where: doing, mend: "The JSON download works without the server. Try the others again when it is back." });
    }
    throw await httpProblem(response, doing);
  }

  /** The shown report in one format; the server writes each once. */
  function rendered(target, format) {
    const [, type] = FORMATS[format];
    // JSON is what the server sent, to the byte: parsing would respell its numbers.
    target.blobs[format] ??= (format === "json" ? Promise.resolve(target.text) : render(format, target.text)).then((content) => new Blob([content], { type }));
    target.blobs[format].catch(() => delete target.blobs[format]);
    return target.blobs[format];
  }

  function hideReport() {
    $("report").hidden = true;
    $("report-page").replaceChildren();
    if (shown?.address) URL.revokeObjectURL(shown.address);
    shown = null;
  }

  function showReport(text, report) {
    const mine = (shown = { text, report, blobs: {}, address: "" });
    const score = report.readiness?.score;
    const measured = typeof score === "number" && Number.isFinite(score);
    $("score").replaceChildren(
      make("b", { text: measured ? score.toFixed(1) : "–" }),
      measured ? " / 10" : "",
      make("span", { class: "quiet", text: measured ? "readiness" : "readiness not measured" }),
    );
    const findings = listOf(report.findings);
    const counts = SEVERITIES.map((severity) => [severity, findings.filter((finding) => finding.severity === severity).length]);
    $("counts").replaceChildren(
      ...counts.map(([severity, n]) => make("li", {}, severityWord(n > 0 ? severity : "none", `${n} ${severity}`))),
    );
    const notes = listOf(report.notes).length;
    if (notes > 0) $("counts").append(make("li", { class: "quiet", text: count(notes, "note") }));
    $("summary").textContent = textOf(report.summary);
    $("live").open = false;
    $("report-page").replaceChildren(make("p", { class: "quiet", text: "Writing the report…" }));
    $("report-page").hidden = false;
    $("report").hidden = false;
    phase("");
    document.title = `${measured ? `${score.toFixed(1)}/10` : "Report"} · DeepFix`;
    const said = counts.map(([severity, n]) => `${n} ${severity}`).join(", ");
    say(`The report is ready. ${measured ? `Readiness ${score.toFixed(1)} of 10. ` : ""}Findings: ${said}.`);
    $("report-title").focus({ preventScroll: true });
    $("report").scrollIntoView({ block: "start" });

    rendered(mine, "html").then(
      (page) => {
        if (shown !== mine) return;
        mine.address = URL.createObjectURL(page);
        // No scripts, no forms, an origin of its own: the report carries names out of foreign files.
        $("report-page").replaceChildren(make("iframe", { sandbox: "", title: "The whole report", src: mine.address }));
      },
      (problem) => {
        if (shown !== mine) return;
        $("report-page").hidden = true;
        showProblem(problem);
      },
    );
  }

  async function download(format, button) {
    if (!shown) return;
    const mine = shown;
    button.disabled = true;
    try {
      const address = URL.createObjectURL(await rendered(mine, format));
      const names = [mine.report.dataset_name, mine.report.model_name].map((name) => textOf(name).replace(/[^\w.-]+/g, "-").replace(/^[.-]+|[.-]+$/g, ""));
      const link = make("a", { href: address, download: `${["deepfix", ...names.filter(Boolean)].join("-")}.${FORMATS[format][0]}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (problem) {
      showProblem(problem);
    } finally {
      button.disabled = false;
      button.focus({ preventScroll: true });
    }
  }

  // Wiring

  $("files").addEventListener("change", () => {
    addFiles([...$("files").files].map((file) => ({ file, name: file.name })));
    $("files").value = ""; // so that the same file can be chosen again
  });
  for (const name of SETTINGS) {
    $(name).addEventListener("input", () => {
      $(name).removeAttribute("aria-invalid");
      showCurl();
    });
  }
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  let inside = 0;
  document.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    inside += 1;
    $("drop").classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    inside = Math.max(0, inside - 1);
    if (inside === 0) $("drop").classList.remove("over");
  });
  // The whole page takes files: a drop beside the zone would make the browser leave the page.
  document.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    inside = 0;
    $("drop").classList.remove("over");
    if (!$("inputs").disabled) addFiles(await droppedFiles(event.dataTransfer));
  });
  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    analyse();
  });
  $("cancel").addEventListener("click", () => run?.abort.abort());
  $("downloads").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-format]");
    if (button) download(button.dataset.format, button);
  });
  showCurl();
}

if (typeof document !== "undefined") start();
