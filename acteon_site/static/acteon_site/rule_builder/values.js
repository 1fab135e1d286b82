// How a clause's value is typed and shown, by the kind of its field. What cannot be read stays as typed: the server
// says what is wrong with it.
import { choose, make, suggestions } from "./elements.js";
import { namesField } from "./tree.js";

const LISTS = ["values", "texts"]; // what operators take that take several
const LIST_NAME = "list_name"; // and those that take the name of a list that is kept beside the rules
const PRESENCE = { exists: ["is given", "is not given"], is_null: ["is empty", "is not empty"] };

// Smallest units as people write them: 50000 in USD is 500.00. In whole numbers, since halves of cents get lost.
export const moneyText = (amount, decimals) => {
  if (!Number.isSafeInteger(amount)) return String(amount ?? "");
  const digits = String(Math.abs(amount)).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  return (amount < 0 ? "-" : "") + whole + (decimals ? `.${digits.slice(-decimals)}` : "");
};

export const moneyValue = (text, decimals) => {
  const found = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text.trim().replaceAll(",", ""));
  if (!found || (found[3] ?? "").length > decimals) return text;
  const amount = Number(found[2] + (found[3] ?? "").padEnd(decimals, "0"));
  return Number.isSafeInteger(amount) ? (found[1] ? -amount : amount) : text;
};

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?$/;
const number = (text) => (NUMBER.test(text.trim()) ? Number(text) : text);

// Of a field that nobody has seen: numbers and yes/no are what they look like, quotes make them text.
const guessed = (text) => {
  if (text === "true" || text === "false") return text === "true";
  return /^".*"$/.test(text) ? text.slice(1, -1) : number(text);
};
const unguessed = (value) => (typeof value === "string" && guessed(value) !== value ? `"${value}"` : String(value ?? ""));

const reader = (field, currency, decimals) => {
  const places = decimals[currency];
  if (field?.amount && places !== undefined) {
    return { read: (text) => moneyValue(text, places), show: (value) => moneyText(value, places) };
  }
  if (field?.kind === "number") return { read: number, show: (value) => String(value ?? "") };
  if (field?.kind) return { read: (text) => text, show: (value) => String(value ?? "") };
  return { read: guessed, show: unguessed };
};

const COUNTED = { read: number, show: (value) => String(value ?? "") };
const EXAMPLES = { count: "1", duration: "30d", moment: "2026-12-24" };

export const emptyValue = ({ name, takes }, field) => {
  if (name in PRESENCE) return true;
  if (takes === LIST_NAME) return "";
  if (takes === "count") return 1;
  if (field?.kind === "yes_no") return true;
  const first = field?.kind === "choice" ? field.choices[0] : "";
  return LISTS.includes(takes) ? [first] : first;
};

// What stays of a value when the operator changes.
export const carried = (value, operator, field, before) => {
  const list = LISTS.includes(operator.takes);
  if (namesField(value)) return operator.compares ? value : emptyValue(operator, field);
  if (operator.name in PRESENCE || operator.takes === "count" || typeof value === "boolean") return emptyValue(operator, field);
  if ((operator.takes === LIST_NAME) !== (before.takes === LIST_NAME)) return emptyValue(operator, field);
  if (list) return Array.isArray(value) ? value : [value];
  return Array.isArray(value) ? value[0] : value;
};

// One of the lists that there are; typed while there is none.
const listEditor = (node, lists, set) => {
  if (lists.length) return choose("Name of the list", lists.map((name) => [name, name]), node.value, set);
  return make("input", { type: "text", "aria-label": "Name of the list", value: node.value, autocomplete: "off",
    oninput: (event) => set(event.target.value) });
};

export const valueEditor = (node, { takes }, field, currency, decimals, changed, names) => {
  const set = (value) => { node.value = value; changed(); };
  if (node.operator in PRESENCE) {
    const [yes, no] = PRESENCE[node.operator];
    return choose("Value", [["true", yes], ["false", no]], String(node.value), (text) => set(text === "true"));
  }
  if (field?.kind === "yes_no" || typeof node.value === "boolean") {
    return choose("Value", [["true", "yes"], ["false", "no"]], String(node.value), (text) => set(text === "true"));
  }
  if (takes === LIST_NAME) return listEditor(node, names?.lists ?? [], set);
  const { read, show } = takes === "count" ? COUNTED : reader(field, currency, decimals);
  if (LISTS.includes(takes)) {
    const values = Array.isArray(node.value) ? node.value : [node.value];
    const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean).map(read);
    return make("textarea", {
      "aria-label": "Values, one on each line", value: values.map(show).join("\n"), placeholder: "one on each line",
      rows: Math.min(8, Math.max(2, values.length)), oninput: (event) => set(lines(event.target.value)),
    });
  }
  if (field?.kind === "choice") {
    return choose("Value", field.choices.map((one) => [one, one]), node.value, set);
  }
  const listed = suggestions(field?.choices);
  const type = { "time.date": "date", "time.clock": "time" }[field?.path] ?? "text";
  const numeric = field?.kind === "number" || takes === "count";
  const unit = field?.amount && takes !== "count" ? currency || "smallest units" : "";
  const input = make("input", {
    type, "aria-label": unit ? `Value in ${unit}` : "Value", value: show(node.value), list: listed?.id, autocomplete: "off",
    inputMode: numeric ? "decimal" : "text", placeholder: EXAMPLES[takes] ?? (field?.example == null ? "" : show(field.example)),
    oninput: (event) => set(read(event.target.value)),
  });
  return make("span", { class: "rb-value" }, input, listed, unit ? make("span", { class: "gw-muted" }, unit) : null);
};
