// The rows of a condition: made from its tree, changed by buttons and keys (Alt with an arrow moves, Alt+Delete removes).
import { choose, freshId, make } from "./elements.js";
import { fieldsOfMember, listHead, listsKnown, MEMBERS, membersAround } from "./members.js";
import { EACH, currencyAt, fromSpec, move, namesField, parentOf, rooted, toSpec } from "./tree.js";
import { carried, emptyValue, moneyText, valueEditor } from "./values.js";

const GROUPS = [["all", "all of these"], ["any", "at least one of these"], ["none", "none of these"]];
const SOURCES = [["item", "Member of the list"], ["order", "Order"], ["action", "Action"], ["clock", "Clock of the shop"], ["counter", "Counters over past orders"], ["seen", "Seen in orders"]];
const OTHER = " other";
const AS_TEXT = { cel: "Written in CEL: it is changed in the text beside." };

export class ConditionRows {
  constructor(materials, usualCurrency, changed) {
    Object.assign(this, { materials, usualCurrency, changed });
    this.element = make("div", { class: "rb-rows", role: "group", "aria-label": "Condition as rows" });
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.show({ all: [] });
  }

  show(spec) {
    this.root = rooted(fromSpec(spec));
    this.draw();
  }

  spec() {
    return toSpec(this.root);
  }

  draw(focus, part) {
    this.places = new Map();
    this.element.replaceChildren(this.group(this.root));
    if (focus) this.places.get(focus)?.querySelector(part ?? "select, input, textarea, button")?.focus();
  }

  redraw() {
    const [node, box] = [...this.places].findLast(([, element]) => element.contains(document.activeElement)) ?? [];
    const controls = (element) => [...element.querySelectorAll("select, input, textarea, button")];
    const at = box ? controls(box).indexOf(document.activeElement) : -1;
    this.draw();
    if (node) controls(this.places.get(node))[at]?.focus();
  }

  // After a change of the tree: new rows, and the focus where it was.
  restructured(focus, part) {
    this.draw(focus, part);
    this.changed();
  }

  group(node) {
    const lists = listsKnown(this.materials.fields);
    const inside = node.items.map((one) => (one.group ? this.group(one) : this.clause(one)));
    const add = (text, fresh) => make("button", { type: "button", class: "rb-add", onclick: () => {
      const one = fresh();
      node.items.push(one);
      if (one.list) one.items.push(this.fresh(one));
      this.restructured(one.group ? one.items[0] : one);
    } }, text);
    const box = make("div", { class: "rb-group", role: "group", "aria-label": node.list ? "Conditions on one member of a list" : "Group of conditions" },
      node.list ? listHead(node, lists, () => this.restructured(node)) : null,
      make("div", { class: "rb-head" },
        choose("Which of these must hold", GROUPS, node.group, (group) => { node.group = group; this.restructured(node); }),
        node === this.root ? null : this.buttons(node, "group")),
      ...inside,
      make("div", { class: "rb-foot" },
        add("+ Condition", () => this.fresh(node)), add("+ Group", () => ({ group: "any", items: [this.fresh(node)] })),
        this.around(node) ? null : add("+ One member of a list", () => ({ group: "all", each: "any", list: lists[0] ?? `action.payload.${EACH}`, items: [] }))),
      this.note());
    return this.place(node, box);
  }

  fresh(group) {
    const field = this.offered(group)[0] ?? { path: "item." };
    return { field: field.path, operator: "eq", value: emptyValue(this.operator("eq"), field) };
  }

  around(node) {
    return node.list ? node : membersAround(this.root, node);
  }

  // The fields that a row there may ask.
  offered(node) {
    const members = this.around(node);
    return members ? fieldsOfMember(this.materials.fields, members.list) : this.materials.fields;
  }

  known(node) {
    return this.offered(node).find(({ path }) => path === node.field);
  }

  clause(node) {
    if ("raw" in node) {
      const [[key, inner]] = Object.entries(node.raw ?? {}).concat([["", ""]]);
      const text = make("code", { class: "rb-raw" }, AS_TEXT[key] ? inner : JSON.stringify(node.raw));
      const why = make("small", { class: "rb-example gw-muted" }, AS_TEXT[key] ?? "Rows cannot show this: it is changed in the text beside.");
      return this.place(node, make("div", { class: "rb-row" }, text, this.buttons(node, "condition"), why, this.note()));
    }
    const field = this.known(node);
    const currency = currencyAt(this.root, node, this.usualCurrency());
    // Amounts beside a currency are typed in it.
    const settled = () => { if (node.field.endsWith("currency")) setTimeout(() => this.redraw()); };
    return this.place(node, make("div", { class: "rb-row", role: "group", "aria-label": this.nextName(), onchange: settled },
      this.fieldEditor(node, field), this.operatorEditor(node, field), this.valueCell(node, field, currency),
      this.buttons(node, "condition"), this.example(node, field, currency), this.note()));
  }

  nextName() {
    return `Condition ${[...this.places.keys()].filter(({ group }) => !group).length + 1}`;
  }

  fieldEditor(node, field) {
    const pick = (path) => {
      const next = this.offered(node).find((one) => one.path === path);
      node.field = path === OTHER ? (this.around(node) ? "item." : "action.payload.") : path;
      this.settleEach(node);
      if (next?.kind !== field?.kind || next?.amount !== field?.amount) {
        if (next && !this.fitting(next).some(({ name }) => name === node.operator)) node.operator = this.fitting(next)[0].name;
        node.value = emptyValue(this.operator(node.operator), next);
      }
      this.restructured(node, ".rb-field select");
    };
    const options = SOURCES.map(([source, title]) => {
      const all = this.offered(node).filter((one) => one.source === source);
      return all.length ? make("optgroup", { label: title }, ...all.map((one) =>
        make("option", { value: one.path, selected: one.path === node.field }, one.label))) : null;
    });
    const select = make("select", { "aria-label": "Field", onchange: (event) => pick(event.target.value) },
      ...options.filter(Boolean), make("option", { value: OTHER, selected: !field }, "another field…"));
    const path = field ? null : make("input", { type: "text", "aria-label": "Path of the field", value: node.field,
      autocomplete: "off", oninput: (event) => { node.field = event.target.value; this.settleEach(node); this.changed(); },
      onchange: () => setTimeout(() => this.redraw()) });
    return make("span", { class: "rb-field" }, select, path);
  }

  fitting(field) {
    return this.materials.operators.filter(({ kinds }) => !field?.kind || kinds.includes(field.kind));
  }

  operatorEditor(node, field) {
    const options = this.fitting(field).map(({ name, words }) => [name, words]);
    const select = choose("Operator", options, node.operator, (name) => {
      node.value = carried(node.value, this.operator(name), field, this.operator(node.operator));
      node.operator = name;
      this.restructured(node, "[aria-label=Operator]");
    });
    if (!node.each) return select;
    const each = choose("Of the list's members", MEMBERS, node.each, (word) => { node.each = word; this.changed(); });
    return make("span", { class: "rb-field" }, each, select);
  }

  operator(name) {
    return this.materials.operators.find((one) => one.name === name) ?? { name, takes: "value" };
  }

  // A field with [*] asks any or all of a list's members.
  settleEach(node) {
    if (!node.field.includes(EACH)) delete node.each;
    else node.each ??= "any";
  }

  // A value, or another field to compare with; a button turns one into the other.
  valueCell(node, field, currency) {
    const operator = this.operator(node.operator), other = namesField(node.value);
    const editor = other ? this.otherField(node) : valueEditor(node, operator, field, currency, this.materials.decimals, this.changed, this.materials.names);
    if (!other && !operator.compares) return editor;
    const label = other ? "Compare with what is typed" : "Compare with another field";
    const turn = make("button", { type: "button", class: "rb-turn", title: label, "aria-label": label, onclick: () => {
      node.value = other ? emptyValue(operator, field) : { field: this.others(node)[0].path };
      this.restructured(node, ".rb-turn");
    } }, "⇄");
    return make("span", { class: "rb-value" }, editor, turn);
  }

  others(node) {
    const all = [...new Set([...this.offered(node), ...this.materials.fields])].filter(({ path }) => path !== node.field && !path.includes(EACH));
    const found = all.filter(({ kind }) => kind === this.known(node)?.kind);
    return found.length ? found : all;
  }

  otherField(node) {
    const options = this.others(node).map(({ path, label }) => [path, label]);
    return choose("Field to compare with", options, node.value.field, (path) => { node.value = { field: path }; this.changed(); });
  }

  example(node, field, currency) {
    const places = field?.amount ? this.materials.decimals[currency] : undefined;
    const shown = places === undefined ? JSON.stringify(field?.example) : `${moneyText(field.example, places)} ${currency}`;
    const example = field?.example == null ? "" : `, for example ${shown}`;
    return field ? make("small", { class: "rb-example gw-muted" }, node.field + example) : null;
  }

  buttons(node, what) {
    const button = (sign, label, act) => make("button", { type: "button", title: label, "aria-label": label, onclick: act }, sign);
    return make("span", { class: "rb-buttons" },
      button("↑", `Move the ${what} up`, () => this.moved(node, -1)),
      button("↓", `Move the ${what} down`, () => this.moved(node, 1)),
      button("✕", `Remove the ${what}`, () => this.remove(node)));
  }

  moved(node, step) {
    if (!move(this.root, node, step)) return;
    const sign = step < 0 ? "up" : "down";
    this.restructured(node, `[aria-label^="Move"][aria-label$="${sign}"]`);
  }

  remove(node) {
    const parent = parentOf(this.root, node);
    const at = parent.items.indexOf(node);
    parent.items.splice(at, 1);
    this.restructured(parent.items[at] ?? parent.items[at - 1] ?? parent);
  }

  key(event) {
    const box = event.target.closest(".rb-row, .rb-group");
    const node = [...this.places].find(([, element]) => element === box)?.[0];
    if (!event.altKey || !node || node === this.root) return;
    const acts = { ArrowUp: () => this.moved(node, -1), ArrowDown: () => this.moved(node, 1), Delete: () => this.remove(node) };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  place(node, element) {
    this.places.set(node, element);
    return element;
  }

  note() {
    return make("p", { class: "rb-problem", id: freshId("rb-problem"), hidden: true });
  }

  // Each problem at the innermost row that its path leads to.
  tell(problems) {
    for (const element of this.places.values()) this.mark(element, []);
    const told = new Map();
    for (const problem of problems) {
      const inside = [...this.places.keys()].filter(({ path }) => path && problem.field.startsWith(path));
      const node = inside.sort((one, other) => other.path.length - one.path.length)[0] ?? this.root;
      told.set(node, [...(told.get(node) ?? []), problem.message]);
    }
    for (const [node, messages] of told) this.mark(this.places.get(node), messages);
  }

  mark(element, messages) {
    const note = element.querySelector(":scope > .rb-problem");
    note.textContent = messages.join("; ");
    note.hidden = !messages.length;
    for (const input of element.querySelectorAll(":scope > select, :scope > textarea, :scope > span :is(input, select, textarea)")) {
      input.toggleAttribute("aria-invalid", messages.length > 0);
      if (messages.length) input.setAttribute("aria-describedby", note.id);
      else input.removeAttribute("aria-describedby");
    }
  }
}
