// Keeps the live parts of a page up to date, and copies lines for a terminal.
"use strict";

const PAUSE = 400; // milliseconds between two updates
const OWN = new Set(["open"]); // attributes that a person changes, so that an update leaves them alone
let wanted = 0; // how many updates were asked for, and how many were done
let done = 0;
let busy = false;
let seen = null; // the number of the last change

function keyOf(element) {
  return element.id || element.textContent + element.getAttribute("href") + element.value;
}

function isTyping(place) {
  const active = document.activeElement;
  return place.contains(active) && active.matches("input, select, textarea");
}

// Make `old` like `fresh`, and touch nothing that is alike already: the focus stays, and only what is new is read out.
function patch(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType === Node.TEXT_NODE) {
    old.data = fresh.data;
    return;
  }
  for (const { name, value } of fresh.attributes) if (!OWN.has(name)) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) {
    if (!OWN.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  const nodes = [...old.childNodes];
  const others = [...fresh.childNodes];
  if (nodes.length === others.length && nodes.every((node, at) => node.nodeName === others[at].nodeName)) {
    nodes.forEach((node, at) => patch(node, others[at]));
  } else if (!isTyping(old)) {
    replace(old, others);
  }
}

function replace(old, others) {
  const active = old.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  old.replaceChildren(...others.map((node) => document.importNode(node, true)));
  if (active !== null) {
    const again = [...old.querySelectorAll("a, button, summary")].find((one) => keyOf(one) === active);
    (again || document.getElementById("main")).focus();
  }
}

function update() {
  if (busy || done === wanted) return;
  busy = true;
  const asked = wanted;
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.responseType = "document";
  request.onload = () => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = request.response && request.response.getElementById(part.id);
      if (fresh) patch(part, fresh);
    }
  };
  request.onloadend = () => {
    done = asked;
    setTimeout(() => {
      busy = false;
      update();
    }, PAUSE);
  };
  request.send();
}

// A browser has six connections to one site: a page that nobody sees gives its own back.
function listen() {
  const lost = document.querySelector(".lost");
  const source = new EventSource("/events");
  const stop = () => source.close();
  source.addEventListener("change", (event) => {
    lost.hidden = true;
    if (seen !== null && event.data !== seen) wanted += 1;
    seen = event.data;
    update();
  });
  source.addEventListener("error", () => {
    lost.hidden = false;
    seen = ""; // whatever it says next is new
  });
  document.addEventListener("visibilitychange", stop, { once: true });
  addEventListener("pagehide", stop, { once: true });
}

function show() {
  if (document.visibilityState !== "visible") return;
  if (seen !== null) wanted += 1;
  listen();
}

async function copy(button) {
  await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

if (navigator.clipboard) {
  document.documentElement.classList.add("can-copy");
  document.addEventListener("click", (event) => event.target.matches(".copy button") && copy(event.target));
}
if (document.querySelector("[data-live]")) {
  document.addEventListener("visibilitychange", show);
  addEventListener("pageshow", (event) => event.persisted && show());
  show();
}
