// The talk as it stands: messages in their order, whatever order they come in. It decides nothing.

import { bubbleNode, wordsOf } from "./bubble.js";
import { say } from "./words.js";

const NEAR = 120; // pixels from the end that still count as reading the newest
const BUSY = 10000; // milliseconds a pressed button waits for its answer

/** Places are numbers too large for JavaScript, so they stay words; what has none yet comes last. */
function isBefore({ pos: one }, { pos: other }) {
  if (!one || !other) return Boolean(one) && !other;
  return one.length === other.length ? one < other : one.length < other.length;
}

export class Log {
  #log = document.getElementById("talk");
  #earlier = document.getElementById("earlier");
  #empty = document.getElementById("empty");
  #newest = document.getElementById("newest");
  #entries = new Map(); // id → { bubble, node }
  #order = [];
  #acts;
  #facts;
  #busy = new Map(); // press → { id, timer }
  #follows = true;
  #awaits = false; // a button was pressed: its answer is what they want to see next
  #answer = null; // the first message since they did something: what follows it does not push it out of sight
  #left = 0; // where the talk was scrolled to by the page; anywhere else they have scrolled themselves
  onEnd = () => {};

  /** `acts`: press(bubble, button), reply(bubble), earlier(position), request(kind); each gets its event's message. */
  constructor(facts, acts) {
    this.#facts = facts;
    this.#acts = acts;
    this.#log.addEventListener("click", (event) => this.#clicked(event));
    for (const place of [this.#log, window]) place.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#log.addEventListener("load", () => this.#follow(), true); // a picture has come and takes room
    new ResizeObserver(() => this.#follow()).observe(this.#log);
    this.#newest.addEventListener("click", () => { this.#answer = null; this.toEnd(); this.onEnd(); });
    this.#earlier.addEventListener("click", () => this.#firstPosition() && this.#acts.earlier(this.#firstPosition()));
  }

  get isEmpty() {
    return this.#order.length === 0;
  }

  get lasting() {
    return this.#order.findLast(({ bubble }) => bubble.lasting?.length)?.bubble.lasting ?? [];
  }

  /** What the server has of the newest messages. Ours that have no place there yet stay. */
  welcome(messages, more) {
    this.#quietly(() => {
      const known = new Set(messages.map((bubble) => bubble.id));
      const from = messages[0]?.pos ?? "0";
      const apart = more && !messages.some((bubble) => this.#entries.has(bubble.id));
      for (const { bubble } of [...this.#order]) {
        const isHere = bubble.pos && (apart || !more || !isBefore(bubble, { pos: from }));
        if (isHere && !known.has(bubble.id) && !bubble.fleeting) this.#remove(bubble.id);
      }
      for (const bubble of messages) this.#put(bubble);
      if (this.#order[0]?.bubble.pos === from || !messages.length) this.#earlier.hidden = !more;
    });
    if (this.#follows) this.toEnd();
  }

  older(messages, more) {
    const scroller = this.#scroller;
    const height = scroller.scrollHeight;
    const top = scroller.scrollTop;
    this.#quietly(() => {
      for (const bubble of messages) this.#put(bubble);
      this.#earlier.hidden = !more;
    });
    scroller.scrollTop = top + scroller.scrollHeight - height;
    if (this.#earlier.hidden && document.activeElement === document.body) this.#log.focus();
  }

  show(bubble) {
    const isNew = !this.#entries.has(bubble.id);
    const follows = this.#follows || bubble.mine || (isNew && this.#awaits);
    if (isNew) this.#awaits = false;
    if (bubble.mine) this.#answer = null;
    this.#put(bubble);
    if (isNew && !bubble.mine && follows) this.#answer ??= bubble.id;
    this.#settled(bubble.id);
    if (follows) this.toEnd();
    else if (isNew) this.#newest.hidden = false;
    return isNew;
  }

  mark(id, state) {
    const entry = this.#entries.get(id);
    if (!entry?.bubble.mine) return;
    entry.state = state;
    const node = entry.node.querySelector(".state");
    const words = say(state);
    if (node.textContent !== words) node.textContent = words;
    node.dataset.state = state;
  }

  /** The server has it: it gets its place and time. */
  taken(id, pos, at) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#put({ ...entry.bubble, pos, at });
    this.mark(id, "sent");
  }

  choose(id, action) {
    const entry = this.#entries.get(id);
    if (entry) this.#put({ ...entry.bubble, chosen: action });
  }

  answered(press) {
    const waiting = this.#busy.get(press);
    if (waiting) this.#settled(waiting.id);
  }

  clear() {
    this.#answer = null;
    this.#quietly(() => [...this.#entries.keys()].forEach((id) => this.#remove(id)));
    this.#earlier.hidden = true;
    this.#tidy();
  }

  /** As far down as the whole answer can be read from its beginning. */
  toEnd() {
    const scroller = this.#scroller;
    const end = scroller.scrollHeight - scroller.clientHeight;
    const beginning = this.#beginning(scroller);
    scroller.scrollTop = Math.min(end, beginning);
    this.#left = scroller.scrollTop;
    this.#follows = true;
    this.#newest.hidden = end - beginning < NEAR;
  }

  #beginning(scroller) {
    const node = this.#entries.get(this.#answer)?.node;
    if (!node) return Infinity;
    const top = scroller === this.#log ? scroller.getBoundingClientRect().top : 0;
    return scroller.scrollTop + node.getBoundingClientRect().top - top;
  }

  excerpt(id) {
    const entry = this.#entries.get(id);
    return entry ? [...wordsOf(entry.bubble)].slice(0, 60).join("") : "";
  }

  #put(bubble) {
    const old = this.#entries.get(bubble.id);
    if (old && JSON.stringify(old.bubble) === JSON.stringify(bubble)) return;
    const pos = old?.bubble.pos && !bubble.mine ? old.bubble.pos : bubble.pos;
    const entry = { bubble: { ...bubble, pos }, state: old?.state };
    entry.node = bubbleNode(entry.bubble, { ...this.#facts, excerpt: bubble.quotes && this.excerpt(bubble.quotes) });
    this.#entries.set(bubble.id, entry);
    if (old) this.#replace(old, entry);
    else this.#insert(entry);
    if (entry.bubble.mine) this.mark(bubble.id, entry.state ?? "sent");
    this.#tidy();
  }

  #insert(entry) {
    const place = this.#order.findLastIndex((other) => !isBefore(entry.bubble, other.bubble)) + 1;
    const next = this.#order[place]?.node;
    this.#order.splice(place, 0, entry);
    this.#log.insertBefore(entry.node, next ?? null);
  }

  /** Another version in place; whoever was on one of its buttons stays there. */
  #replace(old, entry) {
    const focused = old.node.contains(document.activeElement) ? document.activeElement : null;
    const action = focused?.dataset.action;
    const place = this.#order.indexOf(old);
    const after = this.#order[place + 1];
    const before = this.#order[place - 1];
    const fits = !(after && isBefore(after.bubble, entry.bubble)) && !(before && isBefore(entry.bubble, before.bubble));
    if (fits) {
      this.#order[place] = entry;
      for (const part of [".bubble", ".buttons", ".foot"]) this.#exchange(old.node, entry.node, part);
      old.node.querySelector(".day").textContent = entry.node.querySelector(".day").textContent;
      entry.node = old.node;
    } else {
      this.#order.splice(place, 1);
      old.node.remove();
      this.#insert(entry);
    }
    if (!focused) return;
    const buttons = [...entry.node.querySelectorAll(".buttons button, .buttons a")];
    (buttons.find((button) => button.dataset.action === action) ?? buttons[0] ?? this.#facts.home).focus({ preventScroll: true });
  }

  /** Puts the new part where the old one is, but leaves alone what is the same: nothing is read aloud twice. */
  #exchange(old, fresh, part) {
    const [was, is] = [old.querySelector(`:scope > ${part}`), fresh.querySelector(`:scope > ${part}`)];
    if (was && is) {
      if (!was.isEqualNode(is)) was.replaceWith(is);
    } else if (was) was.remove();
    else if (is) old.querySelector(":scope > .foot").before(is);
  }

  #remove(id) {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    this.#order.splice(this.#order.indexOf(entry), 1);
    entry.node.remove();
  }

  /** Days above their first message; buttons of questions that a newer one has replaced do nothing any more. */
  #tidy() {
    let day = "";
    const last = this.#order.findLast(({ bubble }) => bubble.prompt);
    for (const entry of this.#order) {
      const today = new Date(entry.bubble.at).toDateString();
      const label = entry.node.querySelector(".day");
      if (label.hidden !== (today === day)) label.hidden = today === day;
      day = today;
      if (entry.bubble.prompt) this.#enable(entry.node, entry === last);
    }
    this.#empty.hidden = this.#order.length > 0;
  }

  #enable(node, isOpen) {
    for (const button of node.querySelectorAll(".buttons button")) {
      if (!isOpen && button === document.activeElement) this.#facts.home.focus();
      button.disabled = !isOpen;
    }
  }

  #clicked(event) {
    const button = event.target.closest("button");
    const entry = this.#entries.get(button?.closest(".message")?.dataset.id);
    if (!entry) return;
    if (button.classList.contains("reply")) return this.#acts.reply(entry.bubble);
    if (button.dataset.request) return this.#acts.request(button.dataset.request);
    const rows = button.closest(".buttons");
    if (!button.dataset.action || rows?.getAttribute("aria-busy") === "true") return;
    this.#awaits = true;
    this.#answer = null;
    const press = this.#acts.press(entry.bubble, button.dataset.action);
    rows.setAttribute("aria-busy", "true");
    button.classList.add("pressed");
    this.#busy.set(press, { id: entry.bubble.id, timer: setTimeout(() => this.#settled(entry.bubble.id), BUSY) });
  }

  #settled(id) {
    for (const [press, waiting] of this.#busy) {
      if (waiting.id !== id) continue;
      clearTimeout(waiting.timer);
      this.#busy.delete(press);
    }
    const rows = this.#entries.get(id)?.node.querySelector(".buttons");
    rows?.removeAttribute("aria-busy");
    rows?.querySelector(".pressed")?.classList.remove("pressed");
  }

  /** In a very low window the whole page scrolls instead of the talk. */
  get #scroller() {
    return getComputedStyle(this.#log).overflowY === "visible" ? document.scrollingElement : this.#log;
  }

  #firstPosition() {
    return this.#order[0]?.bubble.pos;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#follows = scrollHeight - scrollTop - clientHeight < NEAR;
    if (Math.abs(scrollTop - this.#left) > 1) this.#answer = null;
    if (this.#follows) this.#newest.hidden = true;
  }

  #follow() {
    if (this.#follows) this.toEnd();
  }

  /** What was there before is not read aloud as if it were news. */
  #quietly(act) {
    this.#log.setAttribute("aria-live", "off");
    act();
    this.#tidy();
    requestAnimationFrame(() => this.#log.setAttribute("aria-live", "polite"));
  }
}
