// The console: keeps what is shown true by server-sent events, and does what is asked.

import { Chart } from "./charts.js";
import * as panels from "./panels.js";

const get = (id) => document.getElementById(id);
const KEPT = 900;
let names = [], samples = [], now = null, letters = null;

// Light and dark

const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
get("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

// Asking the server

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { "X-Requested-With": "console", ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  if (answer.status === 401) location.replace("/");
  const text = await answer.text();
  const said = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new Error(said.message ?? `the supervisor answered ${answer.status}`);
  return said;
}

/** A question with yes and no; resolves to whether it was yes. */
function sure(title, body, yes, danger) {
  const dialog = get("ask");
  const button = dialog.querySelector("button[value=yes]");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector(".body").replaceChildren(body);
  button.textContent = yes;
  button.hidden = !yes;
  button.className = danger ? "danger" : "primary";
  dialog.querySelector("button[value=no]").textContent = yes ? "Cancel" : "Close";
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) =>
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

const sentence = (text) => panels.element("p", {}, text);

async function act(command, partition) {
  const what = command === "pause"
    ? "Nothing new will start in it; what runs goes on. Entries wait, and their deadlines run."
    : "What waits is read again at once.";
  if (!(await sure(`${command === "pause" ? "Pause" : "Resume"} partition ${partition}?`, sentence(what),
    command === "pause" ? "Pause" : "Resume", command === "pause"))) return;
  try {
    await ask("POST", `/api/${command}`, { partition });
    get("pausing").textContent = "asked for; the supervisor does it within a second";
    setTimeout(() => (get("pausing").textContent = ""), 4000);
  } catch (error) {
    get("pausing").textContent = error.message;
  }
}

// Curves

const shownCount = (value) => (value >= 1000 ? `${(value / 1000).toFixed(value < 10000 ? 1 : 0)}k` : String(Math.round(value * 10) / 10));
const charts = [
  new Chart(get("chart-backlog"), {
    title: "Backlog", shown: shownCount, empty: "nothing waits",
    lines: [
      { name: "waiting", css: "blue", of: (s) => s.waiting, area: true },
      { name: "in flight", css: "teal", of: (s) => s.in_flight },
    ],
  }),
  new Chart(get("chart-latency"), {
    title: "Time to an answer", shown: (value) => panels.span(value * 1000), empty: "no answer in this time",
    mark: { value: 2, text: "aim: p95 under 2 s" },
    lines: [
      { name: "p50", css: "green", of: (s) => s.seconds_50 },
      { name: "p95", css: "blue", of: (s) => s.seconds_95 },
      { name: "p99", css: "violet", of: (s) => s.seconds_99 },
    ],
  }),
  new Chart(get("chart-rate"), {
    title: "Requests a second", shown: shownCount, empty: "nothing ends",
    lines: [
      { name: "ended", css: "green", of: (s) => s.ended_per_second, area: true },
      { name: "errors", css: "red", of: (s) => s.errors_per_second },
    ],
  }),
  new Chart(get("chart-cost"), {
    title: "Dollars a minute", shown: (value) => panels.dollars(value), empty: "no call is paid for",
    lines: [{ name: "spent", css: "amber", of: (s) => s.usd_per_minute, area: true }],
  }),
];

// What comes

const sampled = (values) => Object.fromEntries(names.map((name, index) => [name, values[index]]));

function paint() {
  const sample = samples.at(-1);
  if (!now?.partitions || !sample) return;
  panels.findings(get("findings"), now, act);
  panels.figures(get("figures"), now, sample);
  panels.queues(document.querySelector("#queues table"), now, act);
  panels.sources(document.querySelector("#sources .body"), now);
  panels.outcomes(document.querySelector("#outcomes .body"), now);
  panels.budget(document.querySelector("#budget .body"), now);
  panels.breakers(document.querySelector("#breakers .body"), now);
  panels.workers(document.querySelector("#workers table"), now);
  get("release").textContent = `release ${now.release}`;
  const total = now.partitions.reduce((all, one) => all + one.dead_letters, 0);
  get("dead-count").textContent = total ? panels.count(total) : "";
  if (letters !== null && letters !== total) lookForLetters();
  letters = letters === null ? letters : total;
  for (const chart of charts) chart.show(samples);
}

function link(state, css) {
  get("link").textContent = state;
  get("link").className = `pill ${css}`;
}

let silence = null;
function heard() {
  clearTimeout(silence);
  silence = setTimeout(() => link("silent: is the supervisor running?", "bad"), 6000);
}

const live = new EventSource("/api/live");
live.addEventListener("past", (event) => {
  const past = JSON.parse(event.data);
  names = past.names;
  samples = past.samples.map(sampled);
  heard();
});
live.addEventListener("now", (event) => {
  heard();
  const said = JSON.parse(event.data);
  if (said.trouble) {
    link("Redis does not answer", "bad");
    panels.findings(get("findings"), { findings: [{ severity: "bad", what: "Redis does not answer the supervisor.",
      todo: `What is shown is as it was. Workers wait and go on by themselves once it is back: check the server and REDIS_URL. (${said.trouble})` }] }, act);
    return;
  }
  now = said;
  const sample = said.sample && sampled(said.sample);
  if (sample && sample.at !== samples.at(-1)?.at) samples.push(sample);
  if (samples.length > KEPT) samples.splice(0, samples.length - KEPT);
  link(now.partitions.some((one) => one.paused) ? "live, paused" : "live", now.partitions.some((one) => one.paused) ? "warn" : "good");
  paint();
});
live.addEventListener("error", async () => {
  link("connection lost, trying again", "bad");
  // A session that is over is no lost connection: the page asks who you are.
  try { if ((await fetch("/api/now")).status === 401) location.replace("/"); } catch { /* it is away */ }
});

get("leave").addEventListener("click", async () => {
  live.close();
  try { await ask("POST", "/logout"); } finally { location.replace("/"); }
});

// Dead letters

const table = document.querySelector("#dead table");
const chosen = () => [...table.tBodies[0].querySelectorAll("input:checked")].map((box) => box.value);
function changed() {
  const count = chosen().length;
  for (const [id, word] of [["dead-replay", "Replay"], ["dead-drop", "Drop"]]) {
    get(id).disabled = count === 0;
    get(id).textContent = count ? `${word} ${count}` : word;
  }
}

async function lookForLetters() {
  try {
    const reason = get("dead-reason").value;
    const found = await ask("GET", `/api/dead${reason ? `?reason=${encodeURIComponent(reason)}` : ""}`);
    letters = found.total;
    panels.letters(table, found, look, changed);
    get("dead-all").checked = false;
    changed();
  } catch (error) {
    get("dead-said").textContent = error.message;
  }
}

async function look(id) {
  try {
    await sure(`Dead letter ${id}`, panels.letter(await ask("GET", `/api/dead/${id}`)), null);
  } catch (error) {
    get("dead-said").textContent = error.message;
  }
}

get("dead-all").addEventListener("change", (event) => {
  for (const box of table.tBodies[0].querySelectorAll("input")) box.checked = event.target.checked;
  changed();
});
get("dead-search").addEventListener("submit", (event) => { event.preventDefault(); lookForLetters(); });

get("dead-replay").addEventListener("click", async () => {
  const ids = chosen();
  if (!(await sure(`Ask ${ids.length} again?`, sentence("Each becomes a new request, <id>.r1 and so on, on the stream it came from; its answer is under the new id. The letter goes."), `Replay ${ids.length}`))) return;
  try {
    const { replays } = await ask("POST", "/api/dead/replay", { ids });
    const done = replays.filter((one) => one.request_id), not = replays.filter((one) => !one.request_id);
    get("dead-said").textContent = [done.length && `replayed as ${done.map((one) => one.request_id).join(", ")}`,
      ...not.map((one) => `${one.letter} cannot be: ${one.obstacle}`)].filter(Boolean).join("; ");
  } catch (error) {
    get("dead-said").textContent = error.message;
  }
  lookForLetters();
});

get("dead-drop").addEventListener("click", async () => {
  const ids = chosen();
  if (!(await sure(`Drop ${ids.length} for ever?`, sentence("They are deleted. Whoever asked has been told how it ended; that stays so."), `Drop ${ids.length}`, true))) return;
  try {
    const { dropped } = await ask("POST", "/api/dead/drop", { ids });
    get("dead-said").textContent = `${dropped.length} dropped`;
  } catch (error) {
    get("dead-said").textContent = error.message;
  }
  lookForLetters();
});

// One request

get("life-search").addEventListener("submit", async (event) => {
  event.preventDefault();
  const id = get("life-id").value.trim();
  if (!id) return;
  const body = get("life-body");
  try {
    body.replaceChildren(...panels.life(await ask("GET", `/api/requests/${encodeURIComponent(id)}`)));
  } catch (error) {
    body.replaceChildren(panels.element("p", { class: "empty" }, `${error.message}.`));
  }
});
addEventListener("keydown", (event) => {
  if (event.key !== "/" || /^(INPUT|TEXTAREA)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  get("life-id").focus();
  get("life").scrollIntoView();
});

lookForLetters();
