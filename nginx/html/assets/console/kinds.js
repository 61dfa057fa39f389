/** The kinds of monitors, and the fields of each. */

import {
  CheckField,
  JsonValueField,
  NumberField,
  SelectField,
  StatusesField,
  TagsField,
  TextField,
} from "./fields.js";
import { ChannelsField, HeadersField } from "./header_fields.js";

/** @type {Record<string, {word: string, text: string}>} */
export const KINDS = {
  http: { word: "HTTP", text: "A page or an API must answer as expected" },
  tcp: { word: "TCP", text: "A port must accept connections" },
  dns: { word: "DNS", text: "A name must have a record" },
  heartbeat: { word: "Heartbeat", text: "A job must call after every run" },
};

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const RECORDS = ["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "SRV", "CAA", "PTR"];

/** What a new monitor starts with, as the API's own defaults are. */
export const DEFAULTS = {
  interval_seconds: 60,
  timeout_seconds: 10,
  confirmations: 2,
  locations: [],
  min_failing_locations: 1,
  method: "GET",
  accepted_status_codes: ["200-299"],
  keyword_absent: false,
  follow_redirects: true,
  verify_tls: true,
  record_type: "A",
  period_seconds: 86_400,
  grace_seconds: 3_600,
  channel_ids: null,
  group: null,
  tags: [],
  headers: {},
};

/** @typedef {{title: string, fields: import("./fields.js").Field[], open?: boolean}} Part */

/**
 * Return the parts of a kind's form. Those that are not `open` are for the few who need them.
 *
 * @param {string} kind
 * @param {{groups: string[], tags: string[], locations: string[], channels: any[] | null,
 *   masked: boolean}} known
 * @returns {Part[]}
 */
export function partsOf(kind, known) {
  const parts = [{ title: "What is watched", fields: targetFields(kind), open: true }];
  if (kind !== "heartbeat") parts.push({ title: "When", fields: timeFields(), open: true });
  if (kind === "http") {
    parts.push({ title: "What counts as up", fields: expectationFields() });
    parts.push({ title: "Request", fields: requestFields(known) });
  }
  if (kind !== "heartbeat") parts.push({ title: "Where from", fields: locationFields(known) });
  parts.push({ title: "Order and notifications", fields: orderFields(known), open: true });
  return parts;
}

function targetFields(kind) {
  const name = new TextField("name", "Name", { placeholder: "Shop" });
  switch (kind) {
    case "http":
      return [new TextField("url", "URL", { placeholder: "https://example.com/health" }), name];
    case "tcp":
      return [
        new TextField("host", "Host", { placeholder: "db.example.com" }),
        new NumberField("port", "Port", { placeholder: "5432" }),
        name,
      ];
    case "dns":
      return [
        new TextField("hostname", "Name to look up", { placeholder: "example.com" }),
        new SelectField("record_type", "Record", { options: RECORDS.map((type) => [type, type]) }),
        new TextField("expected", "Expected value", {
          optional: true,
          hint: "Empty: any will do.",
        }),
        name,
      ];
    default:
      return [
        name,
        new NumberField("period_seconds", "Seconds between two calls", { hint: "86400 is a day." }),
        new NumberField("grace_seconds", "How many seconds a call may be late"),
      ];
  }
}

function timeFields() {
  return [
    new NumberField("interval_seconds", "Check every … seconds", { hint: "5 to 86400." }),
    new NumberField("timeout_seconds", "Give up after … seconds"),
    new NumberField("confirmations", "Failures in a row that make it down", {
      hint: "Retried quickly, so that one lost packet wakes nobody.",
    }),
  ];
}

function locationFields({ locations }) {
  return [
    new TagsField("locations", "Locations", {
      suggestions: locations,
      hint: "With commas between them; workers there check it. Empty: any worker without one.",
    }),
    new NumberField("min_failing_locations", "From how many it must fail to be down"),
  ];
}

function expectationFields() {
  return [
    new StatusesField("accepted_status_codes", "Accepted statuses", {
      hint: "Such as 200-299, 404.",
    }),
    new TextField("keyword", "Keyword in the answer", { optional: true }),
    new CheckField("keyword_absent", "The keyword must not be there"),
    new TextField("json_path", "JSON path", {
      optional: true,
      placeholder: "$.status",
      hint: "RFC 9535.",
    }),
    new JsonValueField("json_value", "Value there", { optional: true, placeholder: "ok" }),
    new NumberField("certificate_days", "Down when the certificate ends in fewer days than"),
  ];
}

function requestFields({ masked }) {
  return [
    new SelectField("method", "Method", { options: METHODS.map((method) => [method, method]) }),
    new CheckField("follow_redirects", "Follow redirects"),
    new CheckField("verify_tls", "Verify the certificate"),
    new HeadersField("headers", "Headers", { masked }),
    new TextField("body", "Body", { optional: true, rows: 4 }),
  ];
}

function orderFields({ groups, tags, channels }) {
  return [
    new TextField("group", "Group", {
      optional: true,
      suggestions: groups,
      hint: "The heading on the status page.",
    }),
    new TagsField("tags", "Tags", { suggestions: tags }),
    new ChannelsField("channel_ids", "Notify", { channels }),
  ];
}
