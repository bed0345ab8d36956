// The page put together: the line to the server, the talk, and what is about to be said.

import { wordsOf } from "./bubble.js";
import { Composer } from "./composer.js";
import { Line, newId } from "./line.js";
import { Log } from "./log.js";
import { label, say } from "./words.js";

const side = document.documentElement.dataset.side;
const root = side === "office" ? "/office/chat" : "/chat";
const office = document.getElementById("office").textContent;
const state = document.getElementById("state");

label();

let unread = 0;
let started = false; // this page has asked for the first words already
const code = takeCode();

const composer = new Composer(root, sayIt);
const log = new Log({ root, office, home: composer.words }, {
  press: (bubble, action) => owe({ t: "press", message: bubble.id, action }),
  reply: (bubble) => composer.quote(bubble, [...wordsOf(bubble)].slice(0, 80).join("")),
  earlier: (pos) => line.tell({ t: "before", pos }),
  request: (kind) => composer.request(kind),
});
const line = new Line(side, root, heard, changed);
log.onEnd = () => composer.words.focus();

for (const { frame, at } of line.unsent) if (frame.t === "say") showOwn(frame, at);
if (code !== null) owe({ t: "start", code });
document.addEventListener("visibilitychange", () => { if (!document.hidden) count(0); });
if (matchMedia("(hover: hover)").matches) composer.words.focus(); // on a phone it would cover the page with keys
line.open();

/** The code of a link is used once: what stays in the address bar must not be used again by a reload. */
function takeCode() {
  const found = new URLSearchParams(location.search).get("start");
  if (found !== null) history.replaceState(null, "", location.pathname);
  return found === null ? null : found.slice(0, 200);
}

function owe(frame) {
  const whole = { id: newId(), ...frame };
  line.owe(whole);
  return whole.id;
}

function sayIt({ text, files, reply, spot, label: shown }) {
  const frame = { t: "say", id: newId(), text, files };
  if (reply) frame.reply = reply;
  if (spot) frame.spot = spot;
  if (shown) frame.label = shown;
  line.owe(frame);
  showOwn(frame, Date.now());
}

function showOwn({ id, text, files, reply, spot, label: shown }, at) {
  const words = shown || text;
  log.show({ id, mine: true, at: new Date(at).toISOString(), text: words ? [[words, "p", ""]] : [], files, spot, quotes: reply });
  log.mark(id, line.isOpen ? "sending" : "waiting");
}

function heard(frame) {
  switch (frame.t) {
    case "welcome":
      for (const { id, mine, pos, at } of frame.messages) if (mine && line.isUnsent(id)) forget(id, pos, at);
      log.welcome(frame.messages, frame.more);
      composer.offer(frame.commands ?? [], log.lasting);
      greet();
      break;
    case "earlier":
      log.older(frame.messages, frame.more);
      break;
    case "show":
      if (log.show(frame.message) && !frame.message.mine && document.hidden) count(unread + 1);
      if (!frame.message.mine) line.tell({ t: "seen", id: frame.message.id });
      if (frame.message.lasting) composer.keep(log.lasting);
      break;
    case "taken":
      log.taken(frame.id, frame.pos, frame.at);
      break;
    case "refused":
      log.mark(frame.id, "refused");
      break;
    case "answered":
      log.answered(frame.press);
      if (frame.toast) composer.toast(frame.toast);
      break;
    case "chosen":
      log.choose(frame.message, frame.action);
      break;
    case "cleared":
      log.clear();
      composer.hint(say("cleared"));
      break;
  }
}

/** It had arrived and only the word of it was lost. */
function forget(id, pos, at) {
  line.forget(id);
  log.taken(id, pos, at);
}

/** Whoever comes for the first time is spoken to before they have to say something. */
function greet() {
  if (started || code !== null || !log.isEmpty || line.unsent.length) return;
  started = true;
  owe({ t: "start", code: "" });
}

function changed(now) {
  state.dataset.state = now;
  state.textContent = say(now);
  for (const { frame } of line.unsent) if (frame.t === "say") log.mark(frame.id, now === "open" ? "sending" : "waiting");
}

function count(number) {
  unread = number;
  document.title = number ? say("title", { count: number, office }) : office;
}
