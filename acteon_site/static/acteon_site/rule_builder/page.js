// Puts rows and inputs beside the texts of a rule's page. The server reads the texts, as it does when the form is saved;
// whichever side was typed into last is what the other follows.
import { ActionInputs } from "./action.js";
import { ConditionRows } from "./condition.js";
import { make } from "./elements.js";

const PAUSE = 300;

const start = async (form, texts) => {
  const url = texts.condition.dataset.url;
  const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return; // the texts work without
  const materials = await answer.json();
  const ends = { condition: "[name=namespace]", action: "[name=tenant]" };
  const scope = () => Object.values(ends).map((one) => form.querySelector(one)?.value || "*");

  const usualCurrency = () => {
    const [namespace, tenant] = scope();
    const fits = ([own, shop]) => [own, "*"].includes(namespace) && [shop, "*"].includes(tenant);
    const codes = new Set(materials.currencies.filter(fits).flatMap(([, , found]) => found));
    return codes.size === 1 ? [...codes][0] : "";
  };

  const words = make("p", { class: "rb-words", role: "status" });
  const dirty = new Set(); // parts whose rows are newer than their text
  const typed = new Set(); // parts whose text is newer than their rows
  let turn = 0, timer;

  // An answer to what has been changed since comes too late.
  const later = () => { turn++; clearTimeout(timer); timer = setTimeout(ask, PAUSE); };
  const built = (part) => () => { typed.delete(part); dirty.add(part); later(); };
  const parts = {
    condition: new ConditionRows(materials, usualCurrency, built("condition")),
    action: new ActionInputs(materials, built("action")),
  };

  const write = () => {
    for (const part of dirty) texts[part].value = JSON.stringify(parts[part].spec(), null, 2);
  };

  const ask = async () => {
    const mine = ++turn;
    const body = new FormData(form);
    const sent = new Set(dirty);
    for (const part of sent) body.set(part, JSON.stringify(parts[part].spec()));
    const said = await fetch(url, { method: "POST", body }).catch(() => null);
    if (!said?.ok || mine !== turn) return;
    const { data, yaml, problems, words: sentence } = await said.json();
    for (const [part, rows] of Object.entries(parts)) {
      if (sent.has(part)) {
        if (yaml[part]) texts[part].value = yaml[part];
        dirty.delete(part);
      } else if (data[part] && typed.has(part)) {
        rows.show(data[part]);
        typed.delete(part);
      }
      tell(part, problems.filter(({ field }) => field.split(/[.[]/)[0] === part), Boolean(data[part]));
    }
    words.textContent = sentence;
    words.hidden = !sentence;
  };

  // A text that is no object has its problem below itself; what rows show has it at its row.
  const tell = (part, problems, readable) => {
    const empty = !texts[part].value.trim();
    parts[part].tell(readable ? problems : []);
    parts[part].element.inert = !readable && !empty; // or a click would put old rows over what is being typed
    notes[part].textContent = readable || empty ? "" : problems.map(({ message }) => message).join("; ");
    notes[part].hidden = !notes[part].textContent;
  };

  const notes = {};
  for (const [part, text] of Object.entries(texts)) {
    notes[part] = make("p", { class: "rb-problem", role: "alert", hidden: true });
    const box = make("div", { class: "rb" });
    text.replaceWith(box);
    box.append(parts[part].element, make("div", { class: "rb-text" }, text, notes[part]));
    text.addEventListener("input", () => { dirty.delete(part); typed.add(part); later(); });
    typed.add(part);
  }
  texts.condition.closest(".rb").before(words);
  form.addEventListener("submit", write);
  for (const one of Object.values(ends)) form.querySelector(one)?.addEventListener("change", () => { parts.condition.redraw(); later(); });
  await ask();
};

const found = [...document.querySelectorAll("textarea[data-builder]")];
const texts = Object.fromEntries(found.map((text) => [text.dataset.builder, text]));
if (texts.condition && texts.action) start(texts.condition.form, texts);
