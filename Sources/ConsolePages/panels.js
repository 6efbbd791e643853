// Panels: what the server says, as elements. Text goes in as text alone, never as markup.

/** An element: element("td", { class: "n" }, "12", other). */
export function element(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...content.filter((part) => part != null));
  return made;
}

export const count = (value) => Number(value).toLocaleString("en-US");

export function span(ms) {
  if (ms == null) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86400).toFixed(1)} d`;
}

export function dollars(value) {
  if (value == null) return "–";
  const number = Number(value);
  return `$${number.toLocaleString("en-US", {
    minimumFractionDigits: 2, maximumFractionDigits: number > 0 && number < 1 ? 4 : 2 })}`;
}

const clock = (at) => new Date(at).toLocaleTimeString();
const sum = (list, of) => list.reduce((total, one) => total + of(one), 0);
const words = (name) => name.replaceAll("_", " ");

/** Nothing is drawn where nothing has changed: focus and selection stay where they are. */
function replace(place, key, make) {
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  place.replaceChildren(...make());
}

export function findings(place, now, act) {
  replace(place, JSON.stringify(now.findings), () =>
    now.findings.map(({ severity, what, todo, partition }) => {
      const resume = partition != null &&
        element("button", { type: "button", onclick: () => act("resume", partition) }, "Resume");
      return element("div", { class: `finding ${severity}`, role: severity === "bad" ? "alert" : null },
        element("div", {}, element("b", {}, what), todo), resume || null);
    }));
}

export function figures(place, now, sample) {
  const queues = now.partitions.flatMap((one) => one.queues);
  const alive = now.workers.filter((worker) => worker.alive);
  const waiting = sum(queues, (queue) => queue.waiting);
  const flight = sum(queues, (queue) => queue.in_flight);
  const oldest = Math.max(0, ...queues.map((queue) => queue.oldest_ms));
  const slots = sum(alive, (worker) => worker.slots);
  const parked = sum(now.partitions, (one) => one.parked);
  const p95 = sample.seconds_95;
  const errors = sample.errors_per_second;
  const rate = sample.ended_per_second;
  const spent = Number(now.budget.settled_usd) + Number(now.budget.reserved_usd);
  const limit = now.budget.limit_usd == null ? null : Number(now.budget.limit_usd);
  const share = rate > 0 ? errors / rate : 0;
  const all = [
    ["Waiting", count(waiting), oldest ? `oldest ${span(oldest)}` : "nothing waits", oldest > 60000 ? "warn" : ""],
    ["In flight", count(flight), `of ${count(slots)} slots${parked ? `, ${count(parked)} parked` : ""}`, ""],
    ["Throughput", rate == null ? "–" : `${rate.toFixed(rate < 10 ? 1 : 0)}/s`, `${count(now.totals.ended)} ended in all`, ""],
    ["p95 to an answer", p95 == null ? "–" : span(p95 * 1000), "of the last minute; aim: under 2 s", p95 > 2 ? "warn" : ""],
    ["Errors", rate == null ? "–" : `${(share * 100).toFixed(share && share < 0.1 ? 1 : 0)} %`, `${count(now.totals.errors)} in all; aim: under 5 %`, share > 0.05 ? "bad" : ""],
    ["Spent this hour", dollars(spent), limit == null ? "no limit is set" : `of ${dollars(limit)}`, limit && spent > 0.9 * limit ? "warn" : ""],
  ];
  place.replaceChildren(...all.map(([name, value, note, css]) =>
    element("div", { class: `figure ${css}` }, element("span", {}, name), element("strong", {}, value), element("small", {}, note))));
}

export function queues(table, now, act) {
  const key = JSON.stringify(now.partitions.map((one) => [one.queues, one.leader, one.paused]));
  replace(table.tBodies[0], key, () => now.partitions.flatMap((one) =>
    one.queues.filter(Boolean).map((queue, index) => {
      const lag = !queue.has_group ? "nobody has read here yet"
        : queue.redis_lag == null ? "unknown to Redis" : queue.lag_known ? "the same" : `${queue.redis_lag}, and wrong`;
      const is = one.paused ? "resume" : "pause";
      return element("tr", {},
        element("td", {}, index ? "" : String(one.partition)),
        element("td", {}, queue.priority),
        element("td", { class: `n ${queue.waiting ? "" : "zero"}` }, count(queue.waiting)),
        element("td", { class: `n ${queue.in_flight ? "" : "zero"}` }, count(queue.in_flight)),
        element("td", { class: `n nowrap ${queue.oldest_ms > 60000 ? "hot" : ""}` }, queue.waiting ? span(queue.oldest_ms) : ""),
        element("td", {}, element("span", { class: "quiet" }, lag)),
        element("td", {}, index ? "" : one.leader ?? element("span", { class: "pill bad" }, "nobody")),
        element("td", { class: "n" }, index ? "" : element("button", {
          type: "button", class: one.paused ? "primary" : "", onclick: () => act(is, one.partition),
          "aria-label": `${is} partition ${one.partition}` }, one.paused ? "Resume" : "Pause")));
    })));
}

function bars(place, rows, empty) {
  replace(place, JSON.stringify(rows), () => {
    if (!rows.some(([, value]) => value > 0)) return [element("p", { class: "empty" }, empty)];
    const most = Math.max(...rows.map(([, value]) => value));
    return [element("div", { class: "bars" }, ...rows.map(([name, value, css]) =>
      element("div", {}, element("span", {}, words(name)), element("b", {}, count(value)),
        element("progress", { class: css, max: most, value, "aria-label": words(name) }))))];
  });
}

export function sources(place, now) {
  const { sources, degraded } = now.totals;
  bars(place, [
    ["model", sources.model, "blue"], ["cache", sources.cache, "teal"], ["rule_based", sources.rule_based, "violet"],
    ...Object.entries(degraded).map(([why, value]) => [`fallback: ${why}`, value, "amber"]),
  ], "No answer yet. Ask for one: strategyctl submit, or an XADD to strategy:{0}:requests:normal.");
}

export function outcomes(place, now) {
  const { results, cancelled, rejections, failures } = now.totals;
  bars(place, [
    ["result", results, "green"],
    ...Object.entries(rejections).map(([code, value]) => [`rejected: ${code}`, value, "amber"]),
    ...Object.entries(failures).map(([code, value]) => [`failed: ${code}`, value, "red"]),
    ...(cancelled ? [["cancelled", cancelled, ""]] : []),
  ], "No request has ended yet.");
}

export function budget(place, now) {
  const limit = now.budget.limit_usd == null ? null : Number(now.budget.limit_usd);
  const settled = Number(now.budget.settled_usd), reserved = Number(now.budget.reserved_usd);
  replace(place, JSON.stringify(now.budget) + now.totals.cost_usd, () => [
    limit == null
      ? element("p", { class: "empty" }, "No call has been paid for in this hour, or COST_PER_HOUR_LIMIT is not in force.")
      : element("div", { class: "bars" },
        element("div", {}, element("span", {}, "settled"), element("b", {}, dollars(settled)),
          element("progress", { class: settled > 0.9 * limit ? "red" : "blue", max: limit, value: settled, "aria-label": "settled" })),
        element("div", {}, element("span", {}, "reserved for calls under way"), element("b", {}, dollars(reserved)),
          element("progress", { class: "violet", max: limit, value: reserved, "aria-label": "reserved" })),
        element("div", {}, element("span", {}, "left"), element("b", {}, dollars(Math.max(limit - settled - reserved, 0))))),
    element("p", { class: "quiet" }, `${dollars(now.totals.cost_usd)} since counting began, ${dollars(now.totals.wasted_usd)} of it for calls that answered nobody.`),
  ]);
}

export function breakers(place, now) {
  const list = now.breakers ?? [];
  replace(place, JSON.stringify(list), () => list.length
    ? [element("dl", {}, ...list.flatMap((one) => [
      element("dt", {}, one.name),
      element("dd", {}, element("span", { class: `pill ${{ closed: "good", open: "bad" }[one.state] ?? "warn"}` }, words(one.state)), " ", one.state === "closed" ? "" : `${words(one.reason)}, since ${clock(one.since)}${one.until > now.at ? `, tried again at ${clock(one.until)}` : ""}`)]))]
    : [element("p", { class: "empty" }, "No breaker is open: every model that was asked answers.")]);
}

export function workers(table, now) {
  replace(table.tBodies[0], JSON.stringify(now.workers), () => now.workers.length
    ? now.workers.map((worker) => element("tr", {},
      element("td", {}, worker.name),
      element("td", {}, element("span", { class: `pill ${worker.alive ? "good" : "bad"}` }, worker.alive ? "alive" : "no sign of life")),
      element("td", { class: "n" }, count(worker.held)),
      element("td", { class: "n" }, worker.slots == null ? "" : count(worker.slots)),
      element("td", {}, worker.slots ? element("progress", { max: worker.slots, value: Math.min(worker.held, worker.slots), "aria-label": "slots in use" }) : ""),
      element("td", { class: "n nowrap" }, worker.alive ? span(Math.ceil(worker.expires_in_ms / 1000) * 1000) : "over"),
      element("td", {}, worker.release ?? "")))
    : [element("tr", {}, element("td", { class: "empty-row", colspan: 7 },
      "No worker shows a sign of life. Start one: make up (WORKERS=n), or kubectl scale deployment/strategy-worker --replicas=2."))]);
}

export function letters(table, { letters, total }, look, changed) {
  table.tBodies[0].replaceChildren(...(letters.length
    ? letters.map((letter) => element("tr", {},
      element("td", {}, element("input", { type: "checkbox", value: letter.id, "aria-label": `choose ${letter.id}`, onchange: changed })),
      element("td", { class: "nowrap" }, new Date(letter.at).toLocaleString()),
      element("td", {}, letter.stream), element("td", {}, letter.request_id ?? element("span", { class: "quiet" }, "none")),
      element("td", { class: "n" }, letter.attempts ?? ""), element("td", {}, letter.reason),
      element("td", { class: "n" }, element("button", { type: "button", onclick: () => look(letter.id) }, "Look"))))
    : [element("tr", {}, element("td", { class: "empty-row", colspan: 7 }, total
      ? `None of the ${count(total)} dead letters has these words.`
      : "No dead letters: every entry named a request, and was finished or answered."))]));
}

export function letter(found) {
  const { id, entry, ...about } = found;
  const rows = [...Object.entries(about), ...Object.entries(entry).map(([name, value]) => [`entry.${name}`, value])];
  return element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name),
    element("dd", {}, typeof value === "object" && value !== null ? `${count(value.bytes)} bytes, kept from view: it is what a user wrote` : name === "at" ? new Date(Number(value)).toLocaleString() : String(value))]));
}

const COLOURS = { added: "blue", answered: "teal", asked: "teal", result: "green", failed: "red", dead: "red", rejected: "amber", lost: "amber", requeued: "amber", cancelled: "amber" };

export function life(found) {
  return found.partitions.map((one) => {
    const start = one.moments[0]?.at;
    const holder = one.pending && `held by ${one.pending.owner}, which ${one.pending.owner_lives ? "lives" : "shows no sign of life"}; delivered ${count(one.pending.deliveries)} times`;
    const facts = [["state", one.state && words(one.state)], ["code", one.code], ["attempt", one.attempt], ["deadline", one.deadline_at && new Date(one.deadline_at).toLocaleString()], ["now", holder]];
    return element("div", {},
      element("dl", {}, ...facts.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))])),
      one.moments.length
        ? element("ol", { class: "life" }, ...one.moments.map((moment) => element("li", { class: COLOURS[moment.what] ?? "" },
          element("time", { datetime: new Date(moment.at).toISOString() }, `${clock(moment.at)} +${span(moment.at - start)}`),
          element("b", {}, words(moment.what)), moment.attempt ? ` attempt ${moment.attempt}` : "",
          Number(moment.cost_usd) ? ` ${dollars(moment.cost_usd)} (${moment.payer ?? "nobody"})` : "",
          element("span", { class: "detail" }, moment.detail))))
        : element("p", { class: "empty" }, "It waits, and nobody has read it yet."),
      ...one.not_looked_at.map((gap) => element("p", { class: "quiet" }, `Note: ${gap}`)));
  });
}
