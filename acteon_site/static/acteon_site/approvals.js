// Decides approvals by single keys, and renews what somebody else has changed meanwhile.
(() => {
  "use strict";
  const OFF = "gw-keys-off";
  const typing = (element) => element?.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const keysOn = () => {
    try { return localStorage.getItem(OFF) !== "1"; } catch { return true; }
  };

  const links = () => [...document.querySelectorAll("a.gw-row")];
  const move = (step) => {
    const all = links();
    const row = document.activeElement.closest?.("tr[data-id]");
    const at = all.findIndex((link) => link.closest("tr") === row);
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  const choose = () => {
    const box = document.activeElement.closest?.("tr[data-id]")?.querySelector("input[name=id]");
    if (box) box.checked = !box.checked;
  };

  const press = (key) => {
    if (key === "j" || key === "k") return links().length ? (move(key === "j" ? 1 : -1), true) : false;
    if (key === "x") return choose(), true;
    const target = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((one) => one.offsetParent);
    if (!target) return false;
    if (target.matches("input")) target.focus();
    else target.click();
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !keysOn() || typing(event.target)) return;
    // Held down, a key would decide one approval after the other.
    if (event.repeat && event.key !== "j" && event.key !== "k") return;
    if (press(event.key)) event.preventDefault();
  });

  // What somebody has typed or chosen stays where a part is renewed.
  const kept = (part) => {
    const fields = [...part.querySelectorAll("input[name], select[name], textarea[name]")];
    const rows = fields.filter((field) => field.type !== "hidden").map((field) => [field.name, field.type === "checkbox" ? field.value : "", field.form?.action, field.type === "checkbox" ? field.checked : field.value]);
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    return { rows, href: focused?.getAttribute("href"), row: focused?.closest("tr[data-id]")?.dataset.id };
  };
  const restore = (part, { rows, href, row }) => {
    for (const [name, value, action, state] of rows) {
      const same = [...part.querySelectorAll(`[name="${CSS.escape(name)}"]`)].filter((field) => field.type !== "hidden" && field.form?.action === action);
      const field = value ? same.find((one) => one.value === value) : same[0];
      if (!field) continue;
      if (field.type === "checkbox") field.checked = state;
      else field.value = state;
    }
    const again = row ? part.querySelector(`tr[data-id="${CSS.escape(row)}"] a`) : href && part.querySelector(`a[href="${CSS.escape(href)}"]`);
    again?.focus({ preventScroll: true });
  };

  const renew = async (behind) => {
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    // Signed out meanwhile: the answer is the sign-in page.
    if (!fresh) return location.reload();
    for (const old of document.querySelectorAll("[data-live]")) {
      const part = page.getElementById(old.id);
      if (!part || !old.dataset.live.split(" ").some((name) => behind.includes(name))) continue;
      const state = kept(old);
      old.replaceWith(document.adoptNode(part));
      restore(part, state);
    }
    const live = document.getElementById("live");
    for (const name of ["rows", "taken", "newest"]) live.dataset[name] = fresh.dataset[name];
  };

  let asking = false;
  const look = async () => {
    const live = document.getElementById("live");
    if (!live || document.hidden || asking) return;
    asking = true;
    try {
      const ids = [...document.querySelectorAll("[data-live] [data-id], [data-live][data-id]")].map((one) => `id=${encodeURIComponent(one.dataset.id)}`);
      const answer = await fetch(`${live.dataset.states}?${ids.join("&")}`);
      if (!answer.ok || answer.redirected) return;
      const versions = await answer.json();
      const behind = Object.keys(versions).filter((name) => versions[name] !== live.dataset[name]);
      if (behind.length) await renew(behind);
    } catch {
      // Away for a moment: the next look finds what has changed.
    } finally {
      asking = false;
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    const on = document.getElementById("keys-on");
    if (on) {
      on.checked = keysOn();
      on.addEventListener("change", () => {
        try { localStorage.setItem(OFF, on.checked ? "0" : "1"); } catch { /* kept for this page alone */ }
      });
    }
    const live = document.getElementById("live");
    if (!live) return;
    setInterval(look, Number(live.dataset.every) * 1000);
    document.addEventListener("visibilitychange", look);
  });
})();
