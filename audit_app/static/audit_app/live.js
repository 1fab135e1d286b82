// The live board: it begins with what was counted up to a number of the stream, and adds each frame after that number
// once. Whatever breaks (the server restarts, the laptop sleeps, a proxy cuts), it goes on after the last number it has.
(() => {
  "use strict";
  const settings = JSON.parse(document.getElementById("live-settings").textContent);
  const SHOWN = 30, TICK = 1000, SLEPT = 15000, CHECK = 60000, SVG = "http://www.w3.org/2000/svg";
  const scope = Object.keys(settings.scope).length ? `${settings.scope.namespace}:${settings.scope.tenant}` : "";
  const part = (id) => document.getElementById(id);
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: settings.zone, timeStyle: "medium" });
  const day = new Intl.DateTimeFormat("en-CA", { timeZone: settings.zone });
  const minuteClock = new Intl.DateTimeFormat("en-GB", { timeZone: settings.zone, timeStyle: "short" });
  const board = { last: null, minutes: new Map(), today: {}, date: "", newest: [], worths: new Map() };
  let source = null, paused = false, changed = true, ticked = Date.now(), checked = Date.now(), attempt = 0, loading = false;
  let unknown = new Set(), sound = null;

  const say = (text, kind) => {
    part("live-status").textContent = text;
    part("live-status").className = `gw-dot gw-${kind}`;
  };
  const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
  const add = (counts, group, count) => { counts[group] = (counts[group] || 0) + count; };
  const outcomeOf = (outcome) => {
    const tag = typeof outcome === "string" ? outcome : Object.keys(outcome || {})[0] || "";
    return tag.replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  };

  const fetchState = async () => {
    const answer = await fetch(`${settings.state}?scope=${encodeURIComponent(scope)}`, { redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 403) { location.reload(); return null; }
    return answer.ok ? answer.json() : null;
  };

  const begin = async () => {
    if (loading) return;
    loading = true;
    source?.close();
    source = null;
    const state = await fetchState().catch(() => null);
    loading = false;
    if (!state || state.behind) {
      say(state ? "The gateway catches up" : "No answer; trying again", "bad");
      setTimeout(begin, Math.min(30000, 1000 * 2 ** attempt++));
      return;
    }
    board.last = state.number;
    board.date = day.format(Date.now());
    board.minutes = new Map();
    board.today = {};
    for (const [at, outcome, count] of state.minutes) {
      if (!board.minutes.has(at)) board.minutes.set(at, {});
      add(board.minutes.get(at), settings.groupOf[outcome], count);
    }
    for (const [outcome, count] of Object.entries(state.today)) add(board.today, settings.groupOf[outcome], count);
    board.newest = state.newest.map((frame) => seen(frame)).filter((one) => one.group);
    for (const one of board.newest) unknown.add(one.frame.action_id);
    changed = true;
    listen();
  };

  const seen = (frame) => {
    const outcome = outcomeOf(frame.outcome);
    const key = [frame.namespace, frame.tenant, frame.action_id].join("\n");
    return { at: Date.parse(frame.timestamp), outcome, group: settings.groupOf[outcome], key, frame };
  };

  const listen = () => {
    source?.close();
    const query = new URLSearchParams({ ...settings.scope, after: board.last });
    const opened = source = new EventSource(`${settings.stream}?${query}`);
    opened.onopen = () => { attempt = 0; checked = Date.now(); say("Live", "good"); };
    opened.addEventListener("action_dispatched", (event) => { if (opened === source) take(event); });
    opened.addEventListener("lagged", () => { if (opened === source) begin(); });
    opened.onerror = () => {
      if (opened !== source) return;
      say("Connection lost; going on where it was", "warn");
      // A browser tries again by itself unless it was refused.
      if (opened.readyState === EventSource.CLOSED) {
        source = null;
        setTimeout(begin, Math.min(30000, 1000 * 2 ** attempt++));
      }
    };
  };

  const take = (event) => {
    const number = Number(event.lastEventId);
    if (!(number > board.last)) return; // told already
    board.last = number;
    const one = seen(JSON.parse(event.data)), { at, group } = one;
    if (!group) return;
    const minute = Math.floor(at / 60000) * 60;
    if (!board.minutes.has(minute)) board.minutes.set(minute, {});
    add(board.minutes.get(minute), group, 1);
    const date = day.format(at);
    if (date > board.date) { board.date = date; board.today = {}; }
    if (date === board.date) add(board.today, group, 1);
    board.newest.unshift(one);
    board.newest.length = Math.min(board.newest.length, 200);
    unknown.add(one.frame.action_id);
    changed = true;
    if (sound && (group === "failed" || group === "waits")) beep(group === "failed" ? 220 : 520);
  };

  const beep = (pitch) => {
    const tone = sound.createOscillator(), loudness = sound.createGain();
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.08, sound.currentTime);
    loudness.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + 0.25);
    tone.connect(loudness).connect(sound.destination);
    tone.start();
    tone.stop(sound.currentTime + 0.25);
  };

  // Amounts and orders' names are not in the stream, where strict clients know no such keys.
  const askWorths = async () => {
    const shown = new Set(visible().map((one) => one.frame.action_id));
    const ids = [...unknown].filter((id) => shown.has(id)).slice(0, 40);
    unknown = new Set();
    if (!ids.length) return;
    const query = new URLSearchParams(ids.map((id) => ["id", id]));
    if (scope) query.set("scope", scope);
    const answer = await fetch(`${settings.orders}?${query}`).catch(() => null);
    if (!answer || !answer.ok) return;
    for (const [key, worth] of Object.entries(await answer.json())) board.worths.set(key, worth);
    while (board.worths.size > 400) board.worths.delete(board.worths.keys().next().value);
    changed = true;
  };

  const visible = () => {
    const wanted = new Set([...document.querySelectorAll("#live-filters input:checked")].map((box) => box.value));
    return board.newest.filter((one) => wanted.has(one.group)).slice(0, SHOWN);
  };

  const cell = (row, text, name = "") => {
    const made = row.insertCell();
    made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  const linked = (href, text) => {
    const link = document.createElement("a");
    link.className = "gw-link";
    link.href = href;
    link.textContent = text;
    return link;
  };

  const draw = () => {
    const now = Math.floor(Date.now() / 60000) * 60, first = now - (settings.minutes - 1) * 60;
    for (const at of board.minutes.keys()) if (at < first) board.minutes.delete(at);
    let hour = 0;
    for (const counts of board.minutes.values()) hour += total(counts);
    part("live-hour").textContent = Math.max(0, hour).toLocaleString("en");
    part("live-today").textContent = Math.max(0, total(board.today)).toLocaleString("en");
    for (const one of document.querySelectorAll("[data-group]")) {
      one.textContent = Math.max(0, board.today[one.dataset.group] || 0).toLocaleString("en");
    }
    drawChart(first);
    drawNewest();
  };

  const shape = (name, values, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const drawChart = (first) => {
    const wide = 960 / settings.minutes, columns = [];
    for (let index = 0; index < settings.minutes; index++) columns.push(board.minutes.get(first + index * 60) || {});
    const highest = Math.max(1, ...columns.map(total)), drawn = [];
    drawn.push(shape("line", { class: "gw-axis", x1: 0, x2: 960, y1: 180, y2: 180 }));
    drawn.push(shape("text", { x: 0, y: 11 }, highest.toLocaleString("en")));
    columns.forEach((counts, index) => {
      let top = 180;
      for (const [key, words] of Object.entries(settings.groups)) {
        const tall = Math.max(0, counts[key] || 0) / highest * 160;
        top -= tall;
        if (!tall) continue;
        const bar = shape("rect", { class: `gw-bar-${key}`, x: index * wide + 1, y: top, width: wide - 2, height: tall });
        bar.append(shape("title", {}, `${minuteClock.format((first + index * 60) * 1000)}: ${counts[key]} ${words.toLowerCase()}`));
        drawn.push(bar);
      }
      if (index % 10 === 5) {
        drawn.push(shape("text", { x: index * wide + wide / 2, y: 196, "text-anchor": "middle" }, minuteClock.format((first + index * 60) * 1000)));
      }
    });
    part("live-chart").replaceChildren(...drawn);
  };

  const drawNewest = () => {
    const rows = visible().map((one) => {
      const row = document.createElement("tr");
      cell(row, clock.format(one.at));
      const told = document.createElement("span");
      told.className = `gw-live-outcome gw-bar-${one.group}`;
      cell(row, ` ${one.outcome.replaceAll("_", " ")}`).prepend(told);
      const known = board.worths.get(one.key) || {};
      cell(row, known.worth || "", "gw-number");
      cell(row, one.frame.tenant);
      cell(row, one.frame.action_type || "");
      if (known.url) cell(row, "").append(linked(known.url, known.name));
      else cell(row, "-");
      const action = one.frame.action_id || "";
      cell(row, "").append(linked(`${settings.records}?q=${encodeURIComponent(action)}`, action));
      return row;
    });
    part("live-newest").replaceChildren(...rows);
    part("live-empty").hidden = rows.length > 0;
  };

  // A laptop that slept has a connection that nobody told of its end.
  const resume = () => { if (source && board.last !== null) listen(); };

  const check = async () => {
    checked = Date.now();
    const state = await fetchState().catch(() => null);
    if (!state || !source || state.number <= board.last) return;
    // Frames on their way arrive within moments; a connection that is dead without a word brings none.
    setTimeout(() => { if (source && total(state.today) > total(board.today)) begin(); }, 5000);
  };

  setInterval(() => {
    const now = Date.now();
    if (now - ticked > SLEPT) resume();
    ticked = now;
    if (source && now - checked > CHECK) check();
    if (day.format(now) > board.date && board.date) { board.date = day.format(now); board.today = {}; changed = true; }
    if (now % 60000 < TICK) changed = true; // the chart moves on
    if (!paused) askWorths();
    if (changed && !paused) { changed = false; draw(); }
  }, TICK);
  window.addEventListener("online", resume);
  window.addEventListener("pageshow", (event) => { if (event.persisted) resume(); });
  window.addEventListener("pagehide", () => source?.close());
  part("live-pause").addEventListener("click", (event) => {
    paused = !paused;
    event.target.setAttribute("aria-pressed", String(paused));
    event.target.textContent = paused ? "Go on" : "Pause";
    changed = true;
  });
  part("live-filters").addEventListener("change", () => {
    for (const one of board.newest.slice(0, 200)) if (!board.worths.has(one.key)) unknown.add(one.frame.action_id);
    drawNewest();
  });
  part("live-sound").addEventListener("change", (event) => { sound = event.target.checked ? new AudioContext() : null; });
  begin();
})();
