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
  http: { word: "HTTP", text: "A page or an API must respond as expected" },
  tcp: { word: "TCP", text: "A port must accept connections" },
  dns: { word: "DNS", text: "A name must have a DNS record" },
  heartbeat: { word: "Heartbeat", text: "A job must call after every run" },
};

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const RECORDS = ["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "SRV", "CAA", "PTR"];

/** A new monitor's initial values, the same as the API's defaults. */
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
  const parts = [{ title: "What to monitor", fields: targetFields(kind), open: true }];
  if (kind !== "heartbeat") parts.push({ title: "Schedule", fields: timeFields(), open: true });
  if (kind === "http") {
    parts.push({ title: "What counts as up", fields: expectationFields() });
    parts.push({ title: "Request", fields: requestFields(known) });
  }
  if (kind !== "heartbeat") parts.push({ title: "Check locations", fields: locationFields(known) });
  parts.push({ title: "Grouping and notifications", fields: orderFields(known), open: true });
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
        new SelectField("record_type", "Record type", { options: RECORDS.map((type) => [type, type]) }),
        new TextField("expected", "Expected value", {
          optional: true,
          hint: "Leave empty to accept any value.",
        }),
        name,
      ];
    default:
      return [
        name,
        new NumberField("period_seconds", "Time between calls (seconds)", { hint: "86400 is one day." }),
        new NumberField("grace_seconds", "Grace period (seconds)"),
      ];
  }
}

function timeFields() {
  return [
    new NumberField("interval_seconds", "Check interval (seconds)", { hint: "5 to 86400." }),
    new NumberField("timeout_seconds", "Timeout (seconds)"),
    new NumberField("confirmations", "Consecutive failures before down", {
      hint: "Retried quickly, so one lost packet does not trigger an alert.",
    }),
  ];
}

function locationFields({ locations }) {
  return [
    new TagsField("locations", "Locations", {
      suggestions: locations,
      hint: "Comma-separated; workers there run the checks. Empty: any worker without a location.",
    }),
    new NumberField("min_failing_locations", "Failing locations before down"),
  ];
}

function expectationFields() {
  return [
    new StatusesField("accepted_status_codes", "Accepted status codes", {
      hint: "For example 200-299, 404.",
    }),
    new TextField("keyword", "Keyword in the response", { optional: true }),
    new CheckField("keyword_absent", "The keyword must not appear"),
    new TextField("json_path", "JSON path", {
      optional: true,
      placeholder: "$.status",
      hint: "RFC 9535.",
    }),
    new JsonValueField("json_value", "Expected JSON value", { optional: true, placeholder: "ok" }),
    new NumberField("certificate_days", "Down if the certificate expires within (days)"),
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
      hint: "Shown as a heading on the status page.",
    }),
    new TagsField("tags", "Tags", { suggestions: tags }),
    new ChannelsField("channel_ids", "Notify", { channels }),
  ];
}
