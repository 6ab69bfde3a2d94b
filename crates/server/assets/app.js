// The dashboard. Amounts arrive as decimal text and are shown as that text: no money is ever
// computed here. Numbers are made of them in one place only, to draw bars.
"use strict";

const REFRESH_MS = 1000;
const ANSWER_MS_MAX = 8000;
// Rows of one transaction may be seen in parts while they travel; in books that stand still, or
// for long, they may not.
const UNBALANCED_SECONDS_MAX = { moving: 30, still: 5 };
const KEY_ITEM = "daybook-key";

const REASONS = {
  payload_too_large: "The body is larger than this server takes.",
  malformed_json: "The text is not valid JSON, or has the same key twice.",
  unknown_schema: "Neither a Track envelope, a standard transaction, a sales event nor a canonical charge.",
  empty_envelope: "The envelope holds no payload items.",
  project_missing: "Neither header, value nor configuration names a project.",
  project_invalid: "The project's name is not 1 to 64 of A-Z a-z 0-9 . _ -",
  unknown_event_name: "Revenue has one event name, Charge. Purchase, Refund and others are not taken.",
  unknown_kind: "Its type, status or kind is not one of those that have a meaning in the books.",
  not_succeeded: "A Charge whose status is not succeeded has moved no money.",
  event_id_missing: "Without an event id a repeat could not be told from a new event.",
  user_missing: "It names no user, so there is no customer to post to.",
  field_invalid: "A field has the wrong type, length or characters; the path says which.",
  currency_missing: "It names no currency, and the project's settings have no default.",
  currency_unknown: "The currency is not one of ISO 4217.",
  amount_missing: "It has neither amount nor amount_refunded.",
  amount_ambiguous: "It has both amount and amount_refunded.",
  amount_malformed: "The amount is not a decimal number.",
  amount_not_positive: "Amounts are above 0; direction is said by the kind.",
  excess_precision: "The amount has more digits than its currency can hold.",
  amount_out_of_range: "The amount is too large, or a fee or spend is below 0.",
  timestamp_missing: "It says nowhere when it happened.",
  timestamp_invalid: "The time is not RFC 3339, or lies in the future.",
  beyond_horizon: "It is older than repeats can be recognised.",
  event_id_conflict: "An event of this id came before with other content. The first one counts.",
  charge_history_full: "Its charge has more events than a history may hold.",
};

const $ = (id) => document.getElementById(id);
const state = { key: takeKey(), project: "", charts: new Map(), unbalanced: 0, seen: 0, timer: 0 };

// ---- Elements ---------------------------------------------------------------------------------

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Writes only what changed, so that nothing flickers and selections stay. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

/** Makes the children of `parent` those of `items`, keeping the elements of known keys. */
function reconcile(parent, items, keyOf, create, update = () => {}) {
  const known = new Map();
  for (const child of parent.children) if (child.dataset.key !== undefined) known.set(child.dataset.key, child);
  let place = parent.querySelector(":scope > [data-key]");
  for (const item of items) {
    const key = String(keyOf(item));
    let element = known.get(key);
    if (element) {
      known.delete(key);
    } else {
      element = create(item);
      element.dataset.key = key;
    }
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const gone of known.values()) gone.remove();
}

/** An amount as read: 1234567.8 becomes 1,234,567.8. Text in, text out. */
function grouped(text) {
  const [whole, fraction] = String(text).split(".");
  const groups = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction === undefined ? groups : `${groups}.${fraction}`;
}

/** A figure that tests can find, and compare with the API by its `data-value`. */
function setFigure(element, name, value, attributes = {}) {
  const all = { figure: name, project: state.project, value: String(value), ...attributes };
  for (const [attribute, text] of Object.entries(all)) {
    if (element.dataset[attribute] !== text) element.dataset[attribute] = text;
  }
  setText(element, grouped(value));
  element.classList.toggle("zero", /^-?[0.]+$/.test(String(value)));
}

function dayText(day, options = { day: "numeric", month: "short", year: "numeric" }) {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { timeZone: "UTC", ...options });
}

const shortDay = (time) => dayText(time.slice(0, 10), { day: "numeric", month: "short" });
const clockText = (time) => `${shortDay(time)} ${time.slice(11, 19)}`;

// ---- Sections ---------------------------------------------------------------------------------

const HEADLINE = [
  ["gross_sales", "Gross sales"],
  ["refunds", "Refunds"],
  ["chargebacks", "Chargebacks"],
  ["platform_fees", "Platform fees"],
  ["net_revenue", "Net revenue"],
  ["transaction_count", "Payments"],
];

function showToday(today) {
  setText($("today-title"), today.day ? dayText(today.day, { weekday: "long", day: "numeric", month: "long", year: "numeric" }) : "Today");
  setText($("today-basis"), today.day ? "The newest day in the books" : "");
  setHidden($("figures-empty"), today.figures.length > 0);
  reconcile(
    $("figures"),
    today.figures,
    (row) => row.currency,
    (row) =>
      make("dl", { class: "figure-row", "aria-label": row.currency },
        make("div", { class: "currency" }, make("dt", { class: "visually-hidden" }, "Currency"), make("dd", {}, row.currency)),
        ...HEADLINE.map(([name, label]) =>
          make("div", { class: `cell ${name}` }, make("dt", {}, label), make("dd", { "data-name": name })))),
    (element, row) => {
      for (const [name] of HEADLINE) {
        setFigure(element.querySelector(`[data-name="${name}"]`), name, row[name], { currency: row.currency, day: row.economic_day });
      }
    },
  );
}

const DAY_COLUMNS = [
  "gross_sales", "refunds", "chargebacks", "gross_revenue", "platform_fees", "net_revenue",
  "transaction_count", "refund_count", "chargeback_count", "revision",
];

function showDays(days) {
  reconcile(
    $("days-table").tBodies[0],
    days,
    (row) => `${row.economic_day} ${row.currency}`,
    (row) =>
      make("tr", {},
        make("th", { scope: "row" }, dayText(row.economic_day)),
        make("td", { class: "code" }, row.currency),
        ...DAY_COLUMNS.map((name) => make("td", { class: `num ${name}` }))),
    (element, row) => {
      DAY_COLUMNS.forEach((name, index) =>
        setFigure(element.cells[index + 2], `daily_${name}`, row[name], { currency: row.currency, day: row.economic_day }));
    },
  );
}

const ROLES = ["provider", "processor", "customers"];
const accountKey = (row) => `${row.role} ${row.organization ?? ""} ${row.account}`;

function showBalances(balances, journalSequence) {
  const table = $("balance-table");
  const { currencies } = balances;
  const rows = new Map();
  for (const currency of currencies) {
    for (const account of currency.accounts) {
      const row = rows.get(accountKey(account)) ?? { ...account, by: new Map() };
      row.by.set(currency.currency, account);
      rows.set(accountKey(account), row);
    }
  }
  // A changed set of currencies changes the columns; that is rare enough to begin again.
  const columns = `${state.project} ${currencies.map((currency) => currency.currency).join(" ")}`;
  if (table.dataset.columns !== columns) {
    table.dataset.columns = columns;
    table.tBodies[0].replaceChildren();
    table.tHead.replaceChildren(make("tr", {},
      make("th", { scope: "col" }, "Account"),
      ...currencies.map((currency) => make("th", { scope: "col", class: "num" }, currency.currency))));
    table.tFoot.replaceChildren(make("tr", {},
      make("th", { scope: "row" }, "Total"),
      ...currencies.map(() => make("td", { class: "num" }))));
  }
  const ordered = [...rows.values()].sort((a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role));
  const withHeads = ordered.flatMap((row, index) => {
    const before = ordered[index - 1];
    const same = before && before.role === row.role && before.organization === row.organization;
    return same ? [row] : [{ ...row, account: "", head: true }, row];
  });
  reconcile(
    table.tBodies[0],
    withHeads,
    accountKey,
    (row) =>
      row.head
        ? make("tr", { class: "group" },
            make("th", { scope: "rowgroup", colspan: currencies.length + 1 },
              row.organization ?? "Customers", make("span", { class: "role" }, row.organization === null ? "all together" : row.role)))
        : make("tr", {}, make("th", { scope: "row" }, row.account), ...currencies.map(() => make("td", { class: "num" }))),
    (element, row) => {
      if (row.head) return;
      currencies.forEach(({ currency }, index) => {
        const account = row.by.get(currency);
        const attributes = { currency, account: row.account, organization: row.organization ?? "customers" };
        if (account) setFigure(element.cells[index + 1], "balance", account.balance, attributes);
        else setText(element.cells[index + 1], "");
      });
    },
  );
  currencies.forEach((currency, index) =>
    setFigure(table.tFoot.rows[0].cells[index + 1], "balance_sum", currency.sum, { currency: currency.currency }));
  showCheck(balances, journalSequence);
}

function showCheck(balances, journalSequence) {
  const check = $("balance-check");
  const moved = journalSequence !== state.seen;
  state.seen = journalSequence;
  state.unbalanced = balances.balanced ? 0 : state.unbalanced + 1;
  const patience = moved ? UNBALANCED_SECONDS_MAX.moving : UNBALANCED_SECONDS_MAX.still;
  let [verdict, text] = ["waiting", "No balances yet"];
  if (balances.currencies.length > 0) {
    if (balances.balanced) [verdict, text] = ["good", "Balances add up to 0"];
    else if (state.unbalanced < patience) [verdict, text] = ["waiting", "Adding up"];
    else [verdict, text] = ["bad", "Balances do not add up to 0"];
  }
  check.dataset.state = verdict;
  setText(check, text);
}

const cell = (className, ...children) => make("td", { class: className, role: "cell" }, ...children);

function entryRows(entry) {
  const flags = entry.flags.map((flag) => make("span", { class: "flag" }, flag.replaceAll("_", " ")));
  const corrects = entry.corrects === null ? null : make("span", { class: "corrects" }, `corrects ${grouped(entry.corrects)}`);
  const lines = entry.postings.length > 0 ? entry.postings : [null];
  const span = lines.length;
  return lines.map((line, index) => {
    const row = make("tr", { role: "row", class: index === 0 ? "first" : "more" });
    if (index === 0) {
      const number = cell("num no", grouped(entry.entry_number));
      const time = cell("time", make("time", { datetime: entry.occurred_at }, entry.occurred_at.slice(11, 19), make("span", { class: "date" }, ` ${shortDay(entry.occurred_at)}`)));
      const charge = make("span", { class: "charge", title: entry.descr ?? entry.charge_id }, entry.charge_id ?? "no charge");
      const kind = cell("kind", make("span", { class: `kind-name ${entry.kind}` }, entry.kind.replaceAll("_", " ")), charge, corrects, ...flags);
      for (const shared of [number, time, kind]) shared.rowSpan = span;
      row.append(number, time, kind);
    }
    if (line === null) {
      row.append(cell("flow none", "No money moves"), cell("num amount", ""));
      return row;
    }
    const party = (organization, account) =>
      make("span", { class: "party" }, make("span", { class: "organization", title: organization }, organization), make("span", { class: "account" }, account));
    row.append(
      cell("flow", make("div", { class: "legs" },
        party(line.orig_organization, line.orig_account),
        make("span", { class: "arrow" }, " → "),
        party(line.dest_organization, line.dest_account))),
      cell("num amount", grouped(line.amount), make("span", { class: "unit" }, ` ${entry.currency ?? ""}`)));
    return row;
  });
}

function showEntries(entries) {
  reconcile(
    $("entries-table"),
    entries,
    (entry) => `${state.project} ${entry.entry_number}`,
    (entry) => make("tbody", { role: "rowgroup", "data-entry": entry.entry_number }, ...entryRows(entry)),
  );
}

function showEvents(counters, letters, unattributed) {
  for (const name of ["accepted", "duplicates", "dead_letters", "entries"]) {
    setFigure(document.querySelector(`[data-figure="${name}"]`), name, counters[name]);
  }
  const byCount = [...letters.by_reason].sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason));
  setHidden($("reasons-empty"), byCount.length > 0);
  reconcile(
    $("reasons"),
    byCount,
    (row) => row.reason,
    (row) => {
      const text = REASONS[row.reason] ?? "A record that this page has no explanation for.";
      return make("li", { title: text },
        make("code", {}, row.reason), make("span", { class: "num count" }), make("p", {}, text));
    },
    (element, row) => setFigure(element.querySelector(".count"), "dead_letters_by_reason", row.count, { reason: row.reason }),
  );
  setHidden($("letters-box"), letters.latest.length === 0);
  const place = (letter) => (letter.topic === null ? "" : `${letter.topic} / ${letter.partition} @ ${letter.offset}`);
  const rows = letters.latest.slice(0, 20);
  reconcile(
    $("letters").tBodies[0],
    rows,
    (letter) => `${state.project} ${letters.total - letters.latest.indexOf(letter)}`,
    (letter) => make("tr", {},
      make("td", {}, make("code", {}, letter.reason)),
      make("td", { class: "code" }, letter.path ?? ""),
      make("td", { class: "code", title: letter.time }, place(letter))),
  );
  const others = unattributed ? unattributed.total : 0;
  setHidden($("unattributed"), others === 0);
  setText($("unattributed"), others === 1 ? "1 more dead letter names no project." : `${grouped(others)} more dead letters name no project.`);
}

// ---- Charts -----------------------------------------------------------------------------------

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const DAY_SECONDS = 86400;

function showCharts(days) {
  const series = new Map();
  for (const row of [...days].reverse()) {
    if (!series.has(row.currency)) series.set(row.currency, []);
    series.get(row.currency).push(row);
  }
  const currencies = [...series.keys()].sort();
  const all = days.map((row) => row.economic_day);
  setText($("chart-note"), all.length > 0 ? `${dayText(all[all.length - 1])} to ${dayText(all[0])}` : "");
  reconcile(
    $("charts"),
    currencies,
    (currency) => currency,
    (currency) =>
      make("figure", { class: "chart" },
        make("figcaption", {}, make("span", { class: "currency" }, currency), make("span", { class: "readout" })),
        make("div", { class: "plot", role: "img", "aria-label": `Net revenue per day in ${currency}. The table of days holds the same figures.` })),
    (element, currency) => drawChart(element, currency, series.get(currency)),
  );
  for (const [currency, chart] of state.charts) {
    if (!series.has(currency)) {
      chart.plot.destroy();
      state.charts.delete(currency);
    }
  }
}

function drawChart(element, currency, rows) {
  const version = `${state.project} ${rows.map((row) => `${row.economic_day} ${row.net_revenue}`).join()}`;
  const box = element.querySelector(".plot");
  const readout = element.querySelector(".readout");
  const say = (row) => setText(readout, row ? `${dayText(row.economic_day)}  ${grouped(row.net_revenue)}` : "");
  let chart = state.charts.get(currency);
  if (chart && chart.version === version) return;
  const times = rows.map((row) => Date.parse(`${row.economic_day}T00:00:00Z`) / 1000);
  const data = [times, rows.map((row) => Number(row.net_revenue))];
  if (!chart) {
    chart = { rows };
    const axis = { stroke: css("--muted"), font: "11px system-ui, sans-serif", ticks: { show: false } };
    chart.plot = new uPlot({
      width: box.clientWidth,
      height: 190,
      padding: [8, 4, 0, 0],
      legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      cursor: { y: false, points: { show: false }, drag: { setScale: false, x: false, y: false } },
      scales: {
        x: { range: (plot, min, max) => [Math.min(min, max - 6 * DAY_SECONDS) - DAY_SECONDS * 0.6, max + DAY_SECONDS * 0.6] },
        y: { range: (plot, min, max) => [Math.min(0, min * 1.08), Math.max(0, max * 1.08) || 1] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 26, space: 64, incrs: [1, 2, 7, 14, 28].map((count) => count * DAY_SECONDS),
          values: (plot, splits) => splits.map((seconds) => dayText(new Date(seconds * 1000).toISOString().slice(0, 10), { day: "numeric", month: "short" })) },
        { ...axis, grid: { stroke: css("--line"), width: 1 }, size: 52, space: 36, values: (plot, splits) => splits.map((value) => compact.format(value)) },
      ],
      series: [{}, {
        stroke: css("--accent"),
        fill: css("--accent-soft"),
        width: 1,
        paths: uPlot.paths.bars({ size: [0.72, 28], radius: 0.12 }),
        points: { show: false },
      }],
      hooks: { setCursor: [(plot) => say(chart.rows[plot.cursor.idx ?? chart.rows.length - 1])] },
    }, data, box);
    state.charts.set(currency, chart);
  }
  chart.rows = rows;
  chart.version = version;
  chart.plot.setData(data);
  if (chart.plot.cursor.idx === null || chart.plot.cursor.left < 0) say(rows[rows.length - 1]);
}

function resizeCharts() {
  for (const { plot } of state.charts.values()) {
    const width = plot.root.parentElement.clientWidth;
    if (width > 0 && width !== plot.width) plot.setSize({ width, height: plot.height });
  }
}

/** Colours are drawn into the canvas, so other colours need other charts. */
function recolour() {
  for (const { plot } of state.charts.values()) plot.destroy();
  state.charts.clear();
  $("charts").replaceChildren();
  refresh();
}

// ---- Key and refresh --------------------------------------------------------------------------

/** The key of the address, else of this tab. It leaves the address bar at once. */
function takeKey() {
  const address = new URL(location.href);
  const given = address.searchParams.get("apiKey");
  if (given !== null) {
    sessionStorage.setItem(KEY_ITEM, given);
    address.searchParams.delete("apiKey");
    history.replaceState(null, "", address);
  }
  return sessionStorage.getItem(KEY_ITEM) ?? "";
}

class KeyRefused extends Error {}

async function ask(path) {
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  const answer = await fetch(path, { headers: { "x-api-key": state.key }, cache: "no-store", signal });
  if (answer.status === 401 || answer.status === 403) throw new KeyRefused(path);
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function showProjects(projects) {
  const picker = $("project");
  const names = projects.map((project) => project.project);
  const wished = decodeURIComponent(location.hash.slice(1));
  // The busiest book is the one that most people come for.
  const busiest = projects.reduce((best, one) => (best === null || one.counters.entries > best.counters.entries ? one : best), null);
  if (names.includes(wished)) state.project = wished;
  else if (!names.includes(state.project)) state.project = busiest ? busiest.project : "";
  if (picker.dataset.names !== names.join()) {
    picker.dataset.names = names.join();
    picker.replaceChildren(...(names.length > 0 ? names : ["No project yet"]).map((name) => make("option", {}, name)));
    picker.disabled = names.length === 0;
  }
  if (names.length > 0 && picker.value !== state.project) picker.value = state.project;
  setHidden($("mode"), !state.project.endsWith("~test"));
}

function show(all, project) {
  setHidden($("signin"), true);
  setHidden($("lost"), true);
  setHidden($("books"), false);
  document.body.classList.remove("stale");
  $("status").dataset.state = "live";
  setText($("status-text"), project && project.as_of ? "Live" : "Waiting for the first charge");
  // Outside the live region's own words: a reader of the page aloud would never come to an end.
  setText($("status-time"), project && project.as_of ? `up to ${clockText(project.as_of)} UTC` : "");
  if (!project) {
    const none = { total: 0, by_reason: [], latest: [] };
    project = { today: { day: null, figures: [] }, days: [], entries: [], balances: { balanced: true, currencies: [] }, counters: all.counters, dead_letters: none };
  }
  showToday(project.today);
  showCharts(project.days);
  showBalances(project.balances, project.journal_sequence);
  showEntries(project.entries);
  showEvents(project.counters, project.dead_letters, all.unattributed_dead_letters);
  showDays(project.days);
  state.shownAt = new Date();
}

function showLost(error) {
  if (error instanceof KeyRefused) {
    setHidden($("signin"), false);
    setHidden($("books"), true);
    setText($("signin-why"), state.key === "" ? "These books open with an API key of this server. It is kept in this tab only." : "This key does not open these books.");
    $("status").dataset.state = "lost";
    setText($("status-text"), "API key needed");
    setText($("status-time"), "");
    return;
  }
  $("status").dataset.state = "lost";
  setText($("status-text"), "Connection lost");
  setText($("status-time"), "");
  document.body.classList.add("stale");
  setHidden($("lost"), false);
  setText($("lost"), state.shownAt
    ? `Connection lost. These figures are from ${state.shownAt.toISOString().slice(11, 19)} UTC. Trying again every second.`
    : "No connection to the server. Trying again every second.");
}

async function refresh() {
  clearTimeout(state.timer);
  const turn = (state.turn = (state.turn ?? 0) + 1);
  try {
    const all = await ask("/api/v1/overview");
    if (turn !== state.turn) return;
    showProjects(all.projects);
    const project = state.project === "" ? null : await ask(`/api/v1/projects/${encodeURIComponent(state.project)}/overview`);
    // An answer that a later question has overtaken may be of another project.
    if (turn !== state.turn) return;
    show(all, project);
  } catch (error) {
    if (turn !== state.turn) return;
    showLost(error);
    if (error instanceof KeyRefused) return;
  }
  state.timer = setTimeout(refresh, REFRESH_MS);
}

$("project").addEventListener("change", (event) => {
  location.hash = encodeURIComponent(event.target.value);
});
addEventListener("hashchange", refresh);
addEventListener("resize", resizeCharts);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
$("signin").addEventListener("submit", (event) => {
  event.preventDefault();
  state.key = $("key").value;
  sessionStorage.setItem(KEY_ITEM, state.key);
  $("key").value = "";
  refresh();
});
refresh();
