// Keeps the live parts of a page up to date, and puts a button to copy beside lines for a terminal.
"use strict";

const PAUSE = 400; // milliseconds between two updates
let asked = 0; // how many updates were asked for, and how many were done
let done = 0;
let busy = false;
let seen = null; // the number of the change that the page shows

function keyOf(element) {
  return element.id || element.name + "=" + element.value + element.getAttribute("href");
}

function isTyping(part) {
  const active = document.activeElement;
  return part.contains(active) && active.matches("input, select, textarea");
}

function replacePart(old, fresh) {
  if (old.innerHTML === fresh.innerHTML || old.dataset.shown === fresh.innerHTML || isTyping(old)) return;
  const focused = old.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  const open = new Set([...old.querySelectorAll("details[open]")].map((one) => one.id));
  const shown = fresh.innerHTML;
  const node = document.importNode(fresh, true);
  for (const details of node.querySelectorAll("details")) details.open = open.has(details.id);
  // A status keeps its element, so that a screen reader says what is new in it, once.
  const said = node.querySelector("[role=status]");
  const saying = old.querySelector("[role=status]");
  old.replaceChildren(...node.childNodes);
  if (said && saying) {
    const words = said.textContent;
    said.replaceWith(saying);
    if (saying.textContent !== words) saying.replaceChildren(...said.childNodes);
  }
  old.dataset.shown = shown;
  addCopyButtons(old);
  if (focused !== null) {
    const again = [...old.querySelectorAll("a, button, summary, input, select")].find((one) => keyOf(one) === focused);
    (again || document.getElementById("main")).focus();
  }
}

function update() {
  if (busy || done === asked) return;
  busy = true;
  const wanted = asked;
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.responseType = "document";
  request.onload = () => {
    if (request.response) {
      for (const part of document.querySelectorAll("[data-live]")) {
        const fresh = request.response.getElementById(part.id);
        if (fresh) replacePart(part, fresh);
      }
    }
  };
  request.onloadend = () => {
    done = wanted;
    setTimeout(() => {
      busy = false;
      update();
    }, PAUSE);
  };
  request.send();
}

function addCopyButtons(place) {
  if (!navigator.clipboard) return;
  for (const lines of place.querySelectorAll("pre[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy " + lines.dataset.copy);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(lines.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    const box = document.createElement("div");
    box.className = "copy-box";
    lines.replaceWith(box);
    box.append(lines, button);
  }
}

function listen() {
  const lost = document.querySelector(".lost");
  const source = new EventSource("/events");
  source.addEventListener("change", (event) => {
    lost.hidden = true;
    if (seen !== null && event.data !== seen) asked += 1;
    seen = event.data;
    update();
  });
  source.addEventListener("error", () => {
    lost.hidden = false;
    seen = ""; // whatever it says next is new
  });
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

addCopyButtons(document);
if (document.querySelector("[data-live]")) listen();
