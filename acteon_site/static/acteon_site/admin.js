// Counts the times on, and looks again for the parts of a page that change by themselves.
(() => {
  "use strict";
  // It would write styles into the page, which the Content-Security-Policy stops; nothing here waits for it.
  if (window.htmx) htmx.config.includeIndicatorStyles = false;
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const span = (seconds) => {
    let left = seconds, parts = [];
    for (const [unit, size] of units) {
      const count = Math.floor(left / size);
      left %= size;
      if (count || parts.length) parts.push(count ? `${count} ${unit}` : "");
    }
    return parts.slice(0, 2).filter(Boolean).join(" ") || "0 s";
  };

  const tick = () => {
    for (const time of document.querySelectorAll("time[data-left]")) {
      // Measured from when this page saw it, so that a wrong clock of the reader does not matter.
      time.ends ??= performance.now() + Number(time.dataset.left) * 1000;
      const left = Math.ceil((time.ends - performance.now()) / 1000);
      time.textContent = left > 0 ? time.dataset.words.replace("{}", span(left)) : time.dataset.over;
      time.classList.toggle("gw-urgent", left <= 60);
    }
  };

  const renew = async (marker) => {
    if (document.hidden || document.querySelector("#modal-content > *")) return;
    const answer = await fetch(location.href).catch(() => null);
    if (!answer || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(marker.dataset.refresh);
    // Signed out meanwhile: the answer is the sign-in page.
    if (!fresh) return location.reload();
    document.querySelector(marker.dataset.refresh)?.replaceWith(document.adoptNode(fresh));
    tick();
  };

  // "/" leads to the search, as elsewhere; not while somebody types.
  document.addEventListener("keydown", (event) => {
    const box = document.querySelector("#gw-search");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || !box) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    event.stopPropagation(); // a list's own box listens for the same key, at the window
    box.focus();
    box.select();
  });

  document.addEventListener("DOMContentLoaded", () => {
    tick();
    setInterval(tick, 1000);
    for (const box of document.querySelectorAll(".gw-scroll")) {
      const now = box.querySelector(".gw-current");
      if (now) box.scrollLeft = now.getBBox().x - 40;
    }
    for (const marker of document.querySelectorAll("[data-refresh]")) {
      setInterval(() => renew(marker), Number(marker.dataset.every) * 1000);
    }
    for (const all of document.querySelectorAll("[data-choose]")) {
      all.addEventListener("change", () => {
        for (const box of all.form.querySelectorAll(`input[name="${all.dataset.choose}"]`)) box.checked = all.checked;
      });
    }
    // Ids in lists, which are renewed: heard of where they bubble to.
    document.addEventListener("click", async (event) => {
      const button = event.target.closest("[data-copy-text]");
      if (!button) return;
      await navigator.clipboard?.writeText(button.dataset.copyText);
      const shown = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = shown; }, 1200);
    });
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", async () => {
        const text = document.querySelector(button.dataset.copy).textContent.trim();
        await navigator.clipboard?.writeText(text);
        button.textContent = "Copied";
      });
    }
  });
})();
