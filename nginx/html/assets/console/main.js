/** The console: puts the parts together. */

import { access } from "../api.js";
import { byId, fill, h, set, setText } from "../dom.js";
import { ago, timeElement } from "../time.js";
import { ApiKeysView } from "./api_keys.js";
import { ChannelFormView } from "./channel_form.js";
import { ChannelsView } from "./channels.js";
import { DetailView } from "./detail.js";
import { EditView } from "./edit.js";
import { ImportView } from "./import.js";
import { IncidentView } from "./incident.js";
import { IncidentsView } from "./incidents.js";
import { listenToKeys, showHelp } from "./keys.js";
import { ListView } from "./list.js";
import { MaintenanceView } from "./maintenance.js";
import { NewView } from "./new.js";
import { Router } from "./router.js";
import { end, isReadOnly, session } from "./session.js";
import { signIn } from "./sign_in.js";
import { Store } from "./store.js";
import { WindowFormView } from "./window_form.js";

/** @typedef {{store: Store, router: Router}} Context what views get to work with */

/** Milliseconds until data that was not refreshed is shown as old: a laptop was asleep. */
const STALE_MS = 120_000;

/** Why a required sign-in is missing; null if all is well. */
let refused = null;

/** @type {Context} */
const context = { store: null, router: null };
const view = (View) => (params, query) => new View(context, params, query);

context.store = new Store(showConnection);
// A view may navigate while it is being created, so it must know the router by then.
const routes = [
  [/^\/monitors\/(\d+)$/, view(DetailView)],
  [/^\/monitors\/(\d+)\/edit$/, view(EditView)],
  [/^\/add$/, view(NewView)],
  [/^\/import$/, view(ImportView)],
  [/^\/incidents$/, view(IncidentsView)],
  [/^\/incidents\/(\d+)$/, view(IncidentView)],
  [/^\/channels$/, view(ChannelsView)],
  [/^\/channels\/(?:new|(\d+))$/, view(ChannelFormView)],
  [/^\/keys$/, view(ApiKeysView)],
  [/^\/maintenance$/, view(MaintenanceView)],
  [/^\/maintenance\/(?:new|(\d+))$/, view(WindowFormView)],
  [/^/, view(ListView)],
];
context.router = new Router(routes, byId("view"), onshow);
context.store.onchange(draw);
listenToKeys(context.router);
byId("help").addEventListener("click", showHelp);
byId("account").addEventListener("click", () => (session() ? signOut() : askForKey()));
access.onrefused = onRefused;
showAccount();
draw();

/** The API requires a key, or another one. */
function onRefused(used, why) {
  // Of several requests in progress, the first has reported it.
  if (used !== access.key || refused !== null) return;
  refused = used ? why : "";
  end();
  showAccount();
  askForKey();
}

async function askForKey() {
  if (!(await signIn(refused))) return;
  refused = null;
  byId("blind").hidden = true;
  showAccount();
  context.store.live.restart();
  // Input in a form is not lost.
  if (!context.router.view?.dirty?.()) context.router.go(location.hash.slice(1) || "/monitors");
}

function signOut() {
  end();
  location.reload();
}

/** Show who is signed in, and with which rights. */
function showAccount() {
  const account = byId("account");
  const { name } = session() ?? {};
  account.hidden = !session() && refused === null;
  setText(account, session() ? "Sign out" : "Sign in");
  set(account, { title: session() ? `Signed in with the key “${name}”` : null });
  const text = `The key “${name}” is read-only: you can see everything, but actions that make changes are disabled.`;
  byId("read-only").hidden = !isReadOnly();
  setText(byId("read-only"), isReadOnly() ? text : "");
}

function onshow(path, { title }) {
  document.title = `${title} · Stagewatch`;
  for (const tab of byId("tabs").querySelectorAll("a")) {
    const here = path.startsWith(tab.getAttribute("href").slice(1));
    const isList = tab.getAttribute("href") === "#/monitors" && /^\/(?:add|import|$)/.test(path);
    if (here || isList) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}

function draw() {
  const count = byId("open-count");
  const { size } = context.store.incidents;
  count.hidden = !size;
  fill(count, size, h("span.visually-hidden", " open"));
  context.router.view?.update?.();
}

/** Show how fresh the data is, so that outdated data is not presented as current. */
function showConnection(status) {
  const pill = byId("connection");
  const words = { live: "Live", polling: "Every 15 s", offline: "Connection lost" };
  const titles = {
    live: "Updates appear in real time",
    polling: "Live updates are not available; refreshing every 15 seconds",
    offline: "The data shown may be out of date",
  };
  // Without a sign-in there is no connection to lose.
  pill.hidden = refused !== null;
  pill.className = `pill tone-${{ live: "up", polling: "info", offline: "warn" }[status]}`;
  if (pill.dataset.status !== status) {
    pill.dataset.status = status;
    fill(pill, h("span.dot", { class: `dot-${status}`, "aria-hidden": "true" }), words[status]);
    set(pill, { title: titles[status] });
  }
  showBlind(status);
}

function showBlind(status) {
  if (refused !== null) {
    byId("blind").hidden = false;
    const old = context.store?.known ? " The data shown may be out of date." : "";
    setText(byId("blind"), `You are not signed in.${old}`);
    return;
  }
  const blind = status === "offline" && (context.store?.known || context.store?.live);
  const main = byId("main");
  byId("blind").hidden = !blind;
  if (!blind) {
    delete main.dataset.blind;
    return;
  }
  main.dataset.blind = "";
  const { lastRead } = context.store.live ?? {};
  const when = lastRead
    ? `Last update ${ago(new Date(lastRead))}. The data shown may be out of date.`
    : "No data yet.";
  setText(byId("blind"), `Stagewatch can’t be reached. ${when} Trying again; your input is kept.`);
}

setInterval(() => {
  const { live } = context.store;
  if (live.lastRead !== null && Date.now() - live.lastRead > STALE_MS) live.readNow();
  showBlind(live.status);
}, 5_000);

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
const zone =
  timeZone === "UTC" ? "Times are in UTC." : `Times are in ${timeZone}; hover to see UTC.`;
fill(byId("zone"), `${zone} It is `, timeElement(Date.now(), "time"), ".");
