/** Send a test, wait for the outcome, and show the channel's answer. */

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { timeElement } from "../time.js";
import { notice } from "./parts.js";

/** Milliseconds: between two polls, and until waiting ends. */
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
  const said = answer && h("p", "Response: ", h("code.any-text", answer));
  if (state === "sent")
    return notice("up", h("p", "Delivered ", timeElement(sent ?? Date.now(), "second"), "."), said);
  if (!attempts)
    return notice(
      "warn",
      h("p", "No result yet: there may be no worker running. The test stays in the queue."),
    );
  const again =
    state === "pending" && h("p", "Next attempt at ", timeElement(next, "second"), ".");
  return notice("down", h("p", `Test failed: ${error ?? "unknown reason"}`), said, again);
}
