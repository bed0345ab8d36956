// The line to the server: connects again and again, and keeps what was said until the server has it.

const FIRST_PAUSE = 500; // milliseconds; doubles up to the longest
const LONGEST_PAUSE = 30000;
const PATIENCE = 20000; // for an acknowledgement
const PING_EVERY = 40000;
const PONG_WITHIN = 8000;
const HUNG_UP = [1008, 1009]; // close codes: against the rules, too big
const MOST_STRIKES = 3;

/** A random id, also where the page has no https and so no crypto.randomUUID. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What was said and not yet taken, in order. Each lies under a key of its own, so that two tabs do not overwrite. */
class Unsent {
  #prefix;
  #items = new Map();

  constructor(side) {
    this.#prefix = `huiyin.${side}.unsent.`;
    try {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith(this.#prefix));
      const found = keys.map((key) => JSON.parse(localStorage.getItem(key)));
      found.sort((one, other) => one.at - other.at);
      for (const item of found) this.#items.set(item.frame.id, item);
    } catch {
      // no storage here (a private window): it is kept as long as the page is open
    }
  }

  add(frame) {
    const item = { frame, at: Date.now() };
    this.#items.set(frame.id, item);
    if (frame.t === "press") return; // a press of yesterday is not what anybody wants today
    try {
      localStorage.setItem(this.#prefix + frame.id, JSON.stringify(item));
    } catch {
      // see above
    }
  }

  remove(id) {
    this.#items.delete(id);
    try {
      localStorage.removeItem(this.#prefix + id);
    } catch {
      // see above
    }
  }

  has(id) {
    return this.#items.has(id);
  }

  get all() {
    return [...this.#items.values()];
  }
}

export class Line {
  #root;
  #heard;
  #changed;
  #socket = null;
  #welcomed = false;
  #connecting = false;
  #pause = FIRST_PAUSE;
  #timers = {};
  #state = "";
  #strikes = 0; // how often the server hung up on the message that is under way
  #underWay = null; // the id that waits for its acknowledgement
  #unsent;

  /** `heard(frame)` gets what the server says; `changed(state)` gets connecting, open, closed or offline. */
  constructor(side, root, heard, changed) {
    this.#root = root;
    this.#heard = heard;
    this.#changed = changed;
    this.#unsent = new Unsent(side);
    addEventListener("online", () => this.#hurry());
    addEventListener("offline", () => this.#set("offline"));
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
    addEventListener("pageshow", (event) => event.persisted && this.#hurry());
  }

  get unsent() {
    return this.#unsent.all;
  }

  get isOpen() {
    return this.#welcomed;
  }

  /** It has arrived; it need not be said again. */
  forget(id) {
    this.#unsent.remove(id);
  }

  isUnsent(id) {
    return this.#unsent.has(id);
  }

  open() {
    this.#set("connecting");
    this.#connect();
  }

  /** Says something that matters only now. */
  tell(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** Says something that must arrive: now, or whenever there is a line again. */
  owe(frame) {
    this.#unsent.add(frame);
    this.#next();
  }

  async #connect() {
    if (this.#connecting || this.#socket) return;
    this.#connecting = true;
    this.#stop("again");
    try {
      await this.#session();
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      const socket = new WebSocket(`${scheme}//${location.host}${this.#root}`);
      this.#socket = socket;
      socket.onopen = () => this.tell({ t: "hello", lang: navigator.language.slice(0, 35) });
      socket.onmessage = (event) => this.#hear(socket, JSON.parse(event.data));
      socket.onclose = ({ code }) => { this.#judge(socket, code); this.#lose(socket); };
      this.#wait("welcome", PATIENCE, () => socket === this.#socket && !this.#welcomed && this.#drop());
    } catch {
      this.#again();
    } finally {
      this.#connecting = false;
    }
  }

  /** The browser gets its cookie first; two tabs that open together take turns, or they would be two people. */
  async #session() {
    const ask = async () => {
      const answer = await fetch(`${this.#root}/session`, { method: "POST" });
      if (!answer.ok) throw new Error(String(answer.status));
    };
    await (navigator.locks ? navigator.locks.request(`huiyin ${this.#root}`, ask) : ask());
  }

  #hear(socket, frame) {
    if (socket !== this.#socket) return;
    this.#stop("pong");
    this.#wait("ping", PING_EVERY, () => this.#ping());
    if (frame.t === "welcome") {
      this.#welcomed = true;
      this.#pause = FIRST_PAUSE;
      this.#stop("welcome");
      this.#heard(frame);
      this.#set("open");
      this.#next();
    } else if (frame.t === "taken") {
      this.#unsent.remove(frame.id);
      this.#pause = FIRST_PAUSE;
      this.#strikes = 0;
      this.#heard(frame);
      this.#done(frame.id);
    } else if (frame.t === "later") {
      this.#stop("taken");
      this.#wait("taken", this.#longer(), () => this.#done(frame.id));
    } else if (frame.t !== "pong") {
      this.#heard(frame);
    }
    if (this.#welcomed) this.#set("open");
  }

  #set(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#changed(state);
  }

  /** A message that makes the server hang up again and again must not keep all later ones from it. */
  #judge(socket, code) {
    if (socket !== this.#socket || !this.#underWay || !HUNG_UP.includes(code)) return;
    this.#strikes += 1;
    if (this.#strikes < MOST_STRIKES) return;
    this.#strikes = 0;
    this.#unsent.remove(this.#underWay);
    this.#heard({ t: "refused", id: this.#underWay });
  }

  /** One at a time, so that what was said first arrives first. */
  #next() {
    const first = this.#unsent.all[0];
    if (!this.#welcomed || this.#underWay || !first) return;
    this.#underWay = first.frame.id;
    this.tell(first.frame);
    this.#wait("taken", PATIENCE, () => this.#drop());
  }

  #done(id) {
    if (this.#underWay !== id) return;
    this.#stop("taken");
    this.#underWay = null;
    this.#next();
  }

  #ping() {
    if (!this.#welcomed) return;
    this.tell({ t: "ping" });
    this.#wait("pong", PONG_WITHIN, () => this.#drop());
  }

  /** The line looks open and is not: phones that slept have many of these. */
  #drop() {
    const socket = this.#socket;
    if (!socket) return;
    this.#lose(socket);
    socket.close();
  }

  #lose(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#welcomed = false;
    this.#underWay = null;
    for (const name of ["taken", "ping", "pong", "welcome"]) this.#stop(name);
    this.#again();
  }

  #again() {
    this.#set(navigator.onLine === false ? "offline" : "closed");
    this.#wait("again", this.#longer(), () => this.#connect());
  }

  #hurry() {
    if (this.#welcomed) return this.#ping();
    this.#pause = FIRST_PAUSE;
    this.#connect();
  }

  #longer() {
    const pause = this.#pause * (0.5 + Math.random() / 2);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    return pause;
  }

  #wait(name, milliseconds, act) {
    this.#stop(name);
    this.#timers[name] = setTimeout(act, milliseconds);
  }

  #stop(name) {
    clearTimeout(this.#timers[name]);
  }
}
