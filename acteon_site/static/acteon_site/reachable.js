// What Unfold's pages leave out for people without a pointer, or without a screen: names, roles, keys.
(() => {
  "use strict";
  const CLICKED = "[x-on\\:click]:is(span, div, a:not([href])):not([tabindex])";
  const words = (icon) => icon.textContent.trim().replaceAll("_", " ");

  const press = (thing) => {
    thing.setAttribute("role", "button");
    thing.setAttribute("tabindex", "0");
  };

  // What has an icon for all its words takes them for its name.
  const call = (thing) => {
    thing.dataset.called = "";
    const icon = thing.querySelector(".material-symbols-outlined");
    const bare = thing.cloneNode(true);
    for (const hidden of bare.querySelectorAll("[aria-hidden]")) hidden.remove();
    if (!icon || bare.textContent.trim() || thing.ariaLabel || thing.title) return;
    thing.ariaLabel = thing.matches('a[href="/admin/"]') ? "Home" : words(icon);
  };

  const mend = (root) => {
    for (const thing of root.querySelectorAll(CLICKED)) {
      press(thing);
      if (thing.matches(".material-symbols-outlined")) thing.ariaLabel ??= words(thing);
    }
    // A heading that folds what is below it holds a button, and stays a heading.
    for (const heading of root.querySelectorAll("h2[x-on\\:click]:not(:has([role]))")) {
      const button = document.createElement("span");
      button.className = "gw-fold";
      button.append(...heading.childNodes);
      heading.append(button);
      press(button);
    }
    // Icons are words of a font, which nobody should hear.
    for (const icon of root.querySelectorAll(".material-symbols-outlined:not([aria-hidden], [role])")) icon.ariaHidden = "true";
    for (const thing of root.querySelectorAll(":is(a, button, [role='button']):has(.material-symbols-outlined):not([aria-label], [data-called])")) call(thing);
    for (const hint of root.querySelectorAll(".help-tooltip[aria-label]:not([role])")) hint.setAttribute("role", "img");
    for (const here of root.querySelectorAll("#nav-sidebar a.active")) here.ariaCurrent = "page";
  };

  const name = () => {
    let lists = 0;
    for (const box of document.querySelectorAll(".simplebar-content-wrapper")) {
      const menu = box.closest("#nav-sidebar");
      box.setAttribute("aria-label", menu ? "Menu" : `Rows${lists++ ? ` ${lists}` : ""}`);
    }
  };

  document.addEventListener("keydown", (event) => {
    if ((event.key !== "Enter" && event.key !== " ") || !event.target.matches('[role="button"]:not(button)')) return;
    event.preventDefault();
    event.target.click();
  });
  document.addEventListener("DOMContentLoaded", () => {
    mend(document);
    new MutationObserver(() => mend(document)).observe(document.body, { childList: true, subtree: true });
  });
  // After SimpleBar, which gives all of its boxes one name.
  addEventListener("load", () => { name(); setTimeout(name, 0); });
})();
