/** The status page: reads the summary, follows the events, and shows the overall state. */

import { get } from "../api.js";
import { byId, fill, h, set, setText } from "../dom.js";
import { Live, SETTLE_MS } from "../live.js";
import { stateIcon, stateOf } from "../states.js";
import { ago } from "../time.js";
import { Detail } from "./detail.js";
import { showFavicon } from "./favicon.js";
import { Histories } from "./history.js";
import { PastIncidents, openIncident } from "./incidents.js";
import { showMaintenance } from "./maintenance.js";
import { Model } from "./model.js";
import { Rows } from "./rows.js";
import { subscribe } from "./subscribe.js";

/** Milliseconds until data that was not refreshed is shown as old. */
const STALE_MS = 120_000;
/** Milliseconds until changed monitors are read, and until events are drawn. */
const CONFIG_MS = 1_200;
const DRAW_MS = 50;

const model = new Model();
const histories = new Histories((id, history) => {
  rows.showHistory(id, history);
  if (detail?.id === id) detail.showHistory(history);
});
const rows = new Rows(byId("groups"), histories);
const past = new PastIncidents(byId("past-list"), byId("past-more"));
let detail = null;
let etag = null;
let settling = 0;
let changing = 0;
let drawing = 0;
let query = "";
let troubled = false;

const live = new Live({ read, events: { state, incident, config }, onstatus: showConnection });

async function read() {
  const { status, data, etag: version } = await get("/api/status", { ifNoneMatch: etag });
  if (status !== 304) {
    model.read(data);
    etag = version;
    // One chooses among monitors, which are known from now on.
    byId("subscribe").disabled = false;
  }
  draw();
  readPast();
}

/** Past incidents are not worth an error about the present. */
function readPast() {
  past.read().then(drawPast, () => {});
}

function state(event) {
  if (!model.onState(event)) config();
  drawSoon();
  settle(event.monitor_id);
}

function incident(event) {
  model.onIncident(event);
  drawSoon();
  if (event.closed_at) readPast();
  settle(event.monitor_id);
}

function config() {
  // Read many changes at once, and not before a proxy's one-second cache has them.
  clearTimeout(changing);
  changing = setTimeout(() => live.readNow(), CONFIG_MS);
}

/** Read again once caches are up to date. */
function settle(id) {
  clearTimeout(settling);
  settling = setTimeout(() => {
    etag = null;
    live.readNow();
    detail?.readIncidents();
  }, SETTLE_MS);
  setTimeout(() => histories.want(id, true), SETTLE_MS);
}

/** Draw a burst of events once. Not in an animation frame: a hidden tab has none. */
function drawSoon() {
  drawing ||= setTimeout(draw, DRAW_MS);
}

function draw() {
  clearTimeout(drawing);
  drawing = 0;
  const { size } = model.monitors;
  byId("monitors").hidden = !size;
  byId("empty").hidden = size > 0;
  drawHeadline();
  const open = byId("open");
  open.hidden = !model.incidents.length;
  fill(open, model.incidents.map(openIncident));
  showMaintenance(byId("maintenance"), model.maintenance, model.monitors);
  drawGroups();
  openByHash();
  const monitor = detail && model.monitors.get(detail.id);
  if (monitor) detail.update(monitor);
}

function drawGroups() {
  const groups = model.groups(query, troubled);
  rows.show(groups, new Set(model.monitors.keys()));
  const found = groups.reduce((sum, { monitors }) => sum + monitors.length, 0);
  const { size } = model.monitors;
  const none = query ? "No monitors match." : "All active monitors are up.";
  setText(byId("found"), query || troubled ? (found ? `${found} of ${size} monitors` : none) : "");
}

function drawPast() {
  byId("past").hidden = !past.count;
}

/** Show the overall state, but nothing that is not known to be current. */
function drawHeadline() {
  const told = model.headline();
  const connected = live.status !== "offline";
  const known = connected && !told.blind;
  const { state, title, text } = connected ? told : blind();
  const { tone } = stateOf(state);
  byId("headline").className = `headline tone-${known ? tone : "warn"}`;
  fill(byId("headline-icon"), stateIcon(state));
  setText(byId("headline-title"), title);
  setText(byId("headline-text"), text);
  const main = byId("main");
  if (known) delete main.dataset.blind;
  else main.dataset.blind = "";
  document.title = `${title} · Stagewatch`;
  showFavicon(state, known ? tone : "warn");
}

function blind() {
  const { lastRead } = live;
  if (lastRead === null) {
    return { state: "unknown", title: "No connection", text: "Stagewatch can’t be reached. Trying again …" };
  }
  const when = ago(new Date(lastRead));
  const text = `Last update ${when}: connection lost. The data below may be out of date.`;
  return { state: "unknown", title: "Current state unknown", text };
}

function showConnection(status) {
  const pill = byId("connection");
  pill.hidden = false;
  const words = { live: "Live", polling: "Every 15 s", offline: "Connection lost" };
  const titles = {
    live: "Updates appear in real time",
    polling: "Live updates are not available; refreshing every 15 seconds",
    offline: "The data shown may be out of date",
  };
  pill.className = `pill tone-${{ live: "up", polling: "info", offline: "warn" }[status]}`;
  fill(pill, h("span.dot", { class: `dot-${status}`, "aria-hidden": "true" }), words[status]);
  set(pill, { title: titles[status] });
  drawHeadline();
}

// Data can be old even if nothing has failed: a laptop was asleep.
setInterval(() => {
  if (live.lastRead !== null && Date.now() - live.lastRead > STALE_MS) live.readNow();
  if (live.status === "offline") drawHeadline();
}, 5_000);

function openByHash() {
  const id = Number(/^#monitor-(\d+)$/.exec(location.hash)?.[1]);
  if (detail && detail.id !== id) detail.close();
  const monitor = model.monitors.get(id);
  if (!monitor || detail) return;
  histories.want(id);
  detail = new Detail(monitor, histories.of(id), () => {
    detail = null;
    if (location.hash === `#monitor-${id}`) history.pushState(null, "", location.pathname);
    else openByHash();
  });
}

addEventListener("hashchange", openByHash);

const search = byId("search");
search.addEventListener("input", () => {
  query = search.value;
  drawGroups();
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !search.value) return;
  event.preventDefault();
  search.value = query = "";
  drawGroups();
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, dialog");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  search.focus();
});

for (const button of [byId("show-all"), byId("show-troubled")]) {
  button.addEventListener("click", () => {
    troubled = button.id === "show-troubled";
    byId("show-all").setAttribute("aria-pressed", String(!troubled));
    byId("show-troubled").setAttribute("aria-pressed", String(troubled));
    drawGroups();
  });
}

byId("subscribe").addEventListener("click", () => {
  const named = [...model.monitors.values()].map(({ id, name }) => ({ id, name }));
  subscribe(named.sort((a, b) => a.name.localeCompare(b.name)));
});

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
setText(byId("zone"), `Times are in ${timeZone}${timeZone === "UTC" ? "" : "; hover to see UTC"}.`);
