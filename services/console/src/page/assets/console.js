// Refreshes the parts of a page that change, shows times in the browser's time zone, and moves between rows with
// the arrow keys. Every page works without it.
"use strict";

const REFRESH_MS = 2000;
const ANSWER_LIMIT_MS = 8000;

const liveButton = document.querySelector(".live");
const parts = [...document.querySelectorAll("[data-refresh]")];
const shown = new Map();
let live = true;

function localTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const clock = moment.toLocaleTimeString(undefined, { hour12: false });
    const milliseconds = String(moment.getMilliseconds()).padStart(3, "0");
    element.title = element.dateTime;
    element.textContent = `${clock}.${milliseconds}`;
  }
}

// A refresh keeps opened rows and the focus.
function replace(part, text) {
  const open = [...part.querySelectorAll("details[open][id]")].map((details) => details.id);
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  const focused = active && focusKey(active);
  const template = document.createElement("template");
  template.innerHTML = text;
  localTimes(template.content);
  part.replaceChildren(template.content);
  for (const id of open) {
    const details = document.getElementById(id);
    if (details) details.open = true;
  }
  if (focused) findFocus(part, focused)?.focus({ preventScroll: true });
}

function focusKey(element) {
  if (element.tagName === "SUMMARY") return { id: element.parentElement.id };
  return { href: element.getAttribute("href") };
}

function findFocus(part, { id, href }) {
  if (id) return document.getElementById(id)?.querySelector("summary");
  return href && [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === href);
}

function isSelecting(part) {
  const selection = document.getSelection();
  return selection && !selection.isCollapsed && part.contains(selection.anchorNode);
}

async function refresh(part) {
  if (isSelecting(part)) return;
  const answer = await fetch(part.dataset.refresh, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  if (answer.status >= 400) throw new Error(answer.statusText);
  const text = await answer.text();
  if (shown.get(part) !== text) {
    replace(part, text);
    shown.set(part, text);
  }
}

async function tick() {
  if (live && !document.hidden) {
    const outcomes = await Promise.allSettled(parts.map(refresh));
    const stale = outcomes.some((outcome) => outcome.status === "rejected");
    liveButton.classList.toggle("stale", stale);
    liveButton.textContent = stale ? "Console away" : "Live";
  }
  setTimeout(tick, REFRESH_MS);
}

function openTarget() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView({ block: "nearest" });
  }
}

function moveFocus(event) {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = document.activeElement?.closest(".span > summary, .hook > summary, .list tr");
  if (!row) return;
  const stops = [...document.querySelectorAll(".span > summary, .hook > summary, .list .main a")];
  const next = stops[stops.findIndex((stop) => row.contains(stop)) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

localTimes(document);
openTarget();
addEventListener("hashchange", openTarget);
document.addEventListener("keydown", moveFocus);
if (parts.length > 0) {
  liveButton.hidden = false;
  liveButton.addEventListener("click", () => {
    live = !live;
    liveButton.setAttribute("aria-pressed", String(live));
    liveButton.textContent = live ? "Live" : "Paused";
  });
  document.addEventListener("visibilitychange", () => document.hidden || parts.forEach((part) => refresh(part).catch(() => {})));
  setTimeout(tick, REFRESH_MS);
}
