// Shows what the page would show if it were loaded again, every 15 seconds. Everything works without this.
"use strict";

const EVERY = 15000;

function isInUse() {
  const focused = document.activeElement;
  const typing = focused && ["INPUT", "SELECT", "TEXTAREA"].includes(focused.tagName);
  const selection = document.getSelection();
  return document.hidden || typing || (selection && !selection.isCollapsed);
}

async function refresh() {
  if (isInUse()) return;
  const response = await fetch(location.href, { credentials: "same-origin" });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("main");
  const main = document.getElementById("main");
  if (!fresh || isInUse()) return;
  const open = [...main.querySelectorAll("details")].map((each) => each.open);
  const focused = main.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  main.replaceChildren(...fresh.childNodes);
  main.querySelectorAll("details").forEach((each, place) => { each.open = Boolean(open[place]); });
  if (focused) main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

setInterval(() => { refresh().catch(() => {}); }, EVERY);
