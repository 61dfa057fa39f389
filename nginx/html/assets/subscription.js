/**
 * The target of a mail's link. Scanners follow it too, so only the button does something. The token
 * is after the #, which is never sent to a server or logged.
 */

import { post } from "./api.js";
import { byId, setText } from "./dom.js";

const KINDS = {
  confirm: {
    title: "Confirm your subscription",
    text: "You will get an email when a monitor goes down and another when it is back up.",
    action: "Confirm",
    done: ({ email, monitors }) => [
      "You are subscribed",
      `${email} will get emails about ${monitors ? monitors.join(", ") : "all monitors"}. Every email has an unsubscribe link.`,
    ],
  },
  unsubscribe: {
    title: "Unsubscribe?",
    text: "You will no longer get emails at this address.",
    action: "Unsubscribe",
    done: () => ["You are unsubscribed", "You will get no more emails at this address."],
  },
};

let token = "";
let kind = null;

function read() {
  const [, name, value] = /^#(confirm|unsubscribe)=([\w-]+)$/.exec(location.hash) ?? [];
  token = value;
  kind = KINDS[name] && name;
  show(kind ? KINDS[kind].title : "Subscription", kind ? KINDS[kind].text : "Open this page from the link in an email.");
  byId("act").hidden = !kind;
  setText(byId("act"), kind ? KINDS[kind].action : "");
}

function show(title, text, problem = "") {
  setText(byId("title"), title);
  setText(byId("text"), text);
  setText(byId("problem"), problem);
  byId("problem").hidden = !problem;
  document.title = `${title} · Stagewatch`;
}

byId("act").addEventListener("click", async () => {
  const { title, text, done } = KINDS[kind];
  byId("act").disabled = true;
  try {
    const { data } = await post(`/api/subscriptions/${kind}`, { token }, { retries: 2 });
    byId("act").hidden = true;
    show(...done(data));
  } catch (error) {
    show(title, text, error.message);
  } finally {
    byId("act").disabled = false;
  }
});
addEventListener("hashchange", read);
read();
