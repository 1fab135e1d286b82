// What a rule does: its type, and the settings that this type has.
import { choose, freshId, make, suggestions } from "./elements.js";

const UNITS = [["1", "seconds"], ["60", "minutes"], ["3600", "hours"], ["86400", "days"]];
const words = (name) => name.replaceAll("_", " ");
const whole = (text) => (/^\d+$/.test(text.trim()) ? Number(text) : text);

export class ActionInputs {
  constructor(materials, changed) {
    Object.assign(this, { materials, changed });
    this.element = make("div", { class: "rb-rows", role: "group", "aria-label": "Action as inputs" });
    this.show({ type: "" });
  }

  show(spec) {
    this.data = { ...spec };
    this.draw();
  }

  spec() {
    return this.data;
  }

  draw() {
    const types = this.materials.actions.map(({ type }) => [type, words(type)]);
    const type = choose("What happens", types, this.data.type, (chosen) => this.become(chosen));
    this.notes = new Map();
    const settings = this.settings().map((setting) => this.setting(setting));
    this.general = make("p", { class: "rb-problem", hidden: true });
    this.element.replaceChildren(type, ...settings, this.general);
  }

  settings() {
    return this.materials.actions.find(({ type }) => type === this.data.type)?.settings ?? [];
  }

  become(type) {
    const before = this.data;
    this.data = { type };
    for (const { name } of this.settings()) if (name in before) this.data[name] = before[name];
    this.draw();
    this.element.querySelector("select").focus();
    this.changed();
  }

  set(name, value) {
    if (value === "") delete this.data[name];
    else this.data[name] = value;
    this.changed();
  }

  setting(setting) {
    const note = make("p", { class: "rb-problem", id: freshId("rb-problem"), hidden: true });
    const id = freshId("rb-setting");
    const editor = this.editor(setting, id);
    this.notes.set(setting.name, { note, editor });
    return make("div", { class: "rb-setting" }, make("label", { htmlFor: id }, words(setting.name).replace(/ seconds$/, "")), editor, note);
  }

  editor({ name, kind, section, default: usual }, id) {
    const value = this.data[name] ?? "";
    if (kind === "seconds") return this.span(name, value, usual, id);
    if (kind === "object") {
      const read = (text) => { try { return JSON.parse(text); } catch { return text; } };
      return make("textarea", { id, rows: 4, class: "font-mono", value: value && JSON.stringify(value, null, 2),
        placeholder: '{"priority": "high"}', oninput: (event) => this.set(name, read(event.target.value)) });
    }
    if (kind === "fields") {
      const read = (text) => text.split(/[\s,]+/).filter(Boolean);
      return make("input", { id, type: "text", value: [value].flat().join(", "), autocomplete: "off",
        placeholder: "action.payload.store, action.metadata.team", oninput: (event) => this.set(name, read(event.target.value)) });
    }
    const listed = suggestions(this.materials.names[section]);
    const input = make("input", { id, type: "text", value: String(value), list: listed?.id, autocomplete: "off",
      inputMode: kind === "count" ? "numeric" : "text", placeholder: usual ?? "",
      oninput: (event) => this.set(name, kind === "count" ? whole(event.target.value) : event.target.value) });
    return make("span", { class: "rb-value" }, input, listed);
  }

  span(name, value, usual, id) {
    const seconds = Number(value || usual || 60);
    let unit = UNITS.findLast(([size]) => seconds % Number(size) === 0)?.[0] ?? "1";
    const shown = (one) => (typeof one === "number" ? String(one / Number(unit)) : String(one ?? ""));
    const input = make("input", { id, type: "text", inputMode: "numeric", value: shown(value), placeholder: shown(usual ?? ""), autocomplete: "off" });
    const changed = () => {
      const count = whole(input.value);
      this.set(name, typeof count === "number" ? count * Number(unit) : count);
    };
    input.addEventListener("input", changed);
    const select = choose(`Unit of ${words(name)}`, UNITS, unit, (chosen) => { unit = chosen; changed(); });
    return make("span", { class: "rb-value" }, input, select);
  }

  tell(problems) {
    const messages = (name) => problems.filter(({ field }) => field === `action.${name}`).map(({ message }) => message);
    for (const [name, { note, editor }] of this.notes) {
      note.textContent = messages(name).join("; ");
      note.hidden = !note.textContent;
      const input = editor.matches("textarea") ? editor : editor.querySelector("input");
      input.toggleAttribute("aria-invalid", !note.hidden);
      if (note.hidden) input.removeAttribute("aria-describedby");
      else input.setAttribute("aria-describedby", note.id);
    }
    const rest = problems.filter(({ field }) => !this.notes.has(field.replace("action.", "")));
    this.general.textContent = rest.map(({ message }) => message).join("; ");
    this.general.hidden = !rest.length;
  }
}
