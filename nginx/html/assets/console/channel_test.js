/** Send a test, wait for what becomes of it, and show what the channel answered. */

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { timeElement } from "../time.js";
import { notice } from "./parts.js";

/** Milliseconds: between two looks, and until no more is waited for. */
const LOOK_MS = 400;
const PATIENCE_MS = 45_000;

/**
 * @param {number} id of the channel
 * @param {HTMLElement} place where the outcome is shown
 */
export async function testChannel(id, place) {
  fill(place, h("p.soft", "Sending a test …"));
  try {
    const { data } = await post(`/api/channels/${id}/test`, undefined, { retries: 1 });
    fill(place, outcome(await settled(data)));
  } catch (error) {
    fill(place, notice("warn", h("p", error.message)));
  }
}

/** Wait until it is sent, or an attempt has failed. */
async function settled(notification) {
  const end = Date.now() + PATIENCE_MS;
  while (notification.state === "pending" && !notification.attempts && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    notification = (await get(`/api/notifications/${notification.id}`, { retries: 3 })).data;
  }
  return notification;
}

function outcome({
  state,
  attempts,
  answer,
  last_error: error,
  sent_at: sent,
  next_attempt_at: next,
}) {
  const said = answer && h("p", "It answered: ", h("code.any-text", answer));
  if (state === "sent")
    return notice("up", h("p", "Delivered ", timeElement(sent ?? Date.now(), "second"), "."), said);
  if (!attempts)
    return notice(
      "warn",
      h("p", "Nothing has become of it yet: no worker may be running. It stays in the queue."),
    );
  const again =
    state === "pending" && h("p", "It is tried again at ", timeElement(next, "second"), ".");
  return notice("down", h("p", `It failed: ${error ?? "no reason is known"}`), said, again);
}
