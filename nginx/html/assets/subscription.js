/**
 * What a link in a mail leads to. It is followed by scanners too, so only the button does
 * something. The token is behind the #, which no server and no log ever gets.
 */

import { post } from "./api.js";
import { byId, setText } from "./dom.js";

const KINDS = {
  confirm: {
    title: "Confirm your subscription",
    text: "You get a mail when a monitor goes down, and one when it is up again.",
    action: "Confirm",
    done: ({ email, monitors }) => [
      "You are subscribed",
      `${email} gets mails about ${monitors ? monitors.join(", ") : "all monitors"}. Every mail has a link to unsubscribe.`,
    ],
  },
  unsubscribe: {
    title: "Unsubscribe?",
    text: "No more mails are sent to your address then.",
    action: "Unsubscribe",
    done: () => ["You are unsubscribed", "No more mails are sent to your address."],
  },
};

let token = "";
let kind = null;

function read() {
  const [, name, value] = /^#(confirm|unsubscribe)=([\w-]+)$/.exec(location.hash) ?? [];
  token = value;
  kind = KINDS[name] && name;
  show(kind ? KINDS[kind].title : "Subscription", kind ? KINDS[kind].text : "Open this page by the link in a mail.");
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
