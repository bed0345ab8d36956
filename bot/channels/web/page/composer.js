// What somebody is about to say: words, files, a voice, a place. It hands over whole messages and keeps none.

import { make } from "./bubble.js";
import { Recorder } from "./recorder.js";
import { say } from "./words.js";

const MOST_BYTES = 20 * 1024 * 1024;
const MOST_FILES = 10;
const LOCATE_WITHIN = 15000;
const TOAST = 10000;

const by = (id) => document.getElementById(id);
const round = (number) => Math.round(number * 1e5) / 1e5; // about a metre

export class Composer {
  words = by("words");
  #root;
  #send;
  #files = []; // { file, kind, ref, node, failed, request, seconds }
  #quoted = null;
  #wanted = false; // sending was asked for while files were still going up

  /** `send({text, files, reply, spot, label})` gets one message. */
  constructor(root, send) {
    this.#root = root;
    this.#send = send;
    by("composer").addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.words.addEventListener("keydown", (event) => this.#typed(event));
    this.words.addEventListener("input", () => this.#fit());
    this.words.addEventListener("paste", (event) => this.#pasted(event));
    by("attach").addEventListener("click", () => by("files").click());
    by("files").addEventListener("change", () => this.#picked());
    by("unquote").addEventListener("click", () => this.quote(null));
    by("menu").addEventListener("click", () => this.#unfold(by("commands").hidden));
    by("composer").addEventListener("keydown", (event) => this.#escaped(event));
    new Recorder((file, seconds) => this.#spoken(file, seconds), (words) => this.hint(words), this.words);
  }

  hint(words) {
    by("hint").textContent = words;
  }

  /** A short word on what was just done; it goes away by itself, nothing depends on it. */
  toast(words) {
    this.hint(words);
    setTimeout(() => by("hint").textContent === words && this.hint(""), TOAST);
  }

  submit() {
    const text = this.words.value.trim();
    if (!text && !this.#files.length) return this.words.focus();
    if (this.#files.some((item) => item.failed)) return this.hint(say("some_failed"));
    this.#wanted = this.#files.some((item) => !item.ref);
    if (this.#wanted) return this.hint(say("soon"));
    this.#send({ text, files: this.#files.map(this.#sendable), reply: this.#quoted?.id });
    this.words.value = "";
    this.#files = [];
    this.#list();
    this.quote(null);
    this.hint("");
    this.#fit();
    this.words.focus();
  }

  quote(bubble, excerpt = "") {
    this.#quoted = bubble;
    by("quoted").hidden = !bubble;
    by("quotation").textContent = excerpt;
    if (bubble || document.activeElement === by("unquote") || document.activeElement === document.body) this.words.focus();
  }

  /** A button asks the device for something; words always do as well. */
  request(kind) {
    if (kind === "phone") this.hint(say("ask_phone"));
    if (kind !== "place") return this.words.focus();
    if (!navigator.geolocation || !isSecureContext) return this.#placeless();
    this.hint(say("locating"));
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        this.hint("");
        this.#send({ text: "", files: [], spot: { latitude: round(coords.latitude), longitude: round(coords.longitude) } });
        this.words.focus();
      },
      () => this.#placeless(),
      { enableHighAccuracy: true, timeout: LOCATE_WITHIN, maximumAge: 60000 },
    );
  }

  /** The office's own commands, and the entries that stay below the talk. */
  offer(commands, lasting) {
    by("menu").hidden = !commands.length;
    by("commands").replaceChildren(...commands.map(([name, about]) => this.#entry(about, () => {
      this.#unfold(false);
      this.#send({ text: `/${name}`, files: [], label: about });
    })));
    this.keep(lasting);
  }

  keep(lasting) {
    const labels = lasting.flat();
    by("lasting").hidden = !labels.length;
    by("lasting").replaceChildren(...labels.map((words) => this.#entry(words, () => this.#send({ text: words, files: [] }))));
  }

  #entry(words, act) {
    const button = make("button", { type: "button" }, words);
    button.addEventListener("click", () => { act(); this.words.focus(); });
    return button;
  }

  #typed(event) {
    const composing = event.isComposing || event.keyCode === 229; // Enter that picks a character is not for us
    if (event.key !== "Enter" || event.shiftKey || composing) return;
    event.preventDefault();
    this.submit();
  }

  #escaped(event) {
    if (event.key !== "Escape") return;
    if (!by("commands").hidden) {
      this.#unfold(false);
      by("menu").focus();
    } else if (this.#quoted) this.quote(null);
  }

  #unfold(isOpen) {
    by("commands").hidden = !isOpen;
    by("menu").setAttribute("aria-expanded", String(isOpen));
    if (isOpen) by("commands").querySelector("button")?.focus();
  }

  #fit() {
    this.words.style.height = "auto";
    this.words.style.height = `${this.words.scrollHeight + 2}px`;
  }

  #pasted(event) {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    this.#add([...event.clipboardData.files]);
  }

  #picked() {
    this.#add([...by("files").files]);
    by("files").value = "";
    this.words.focus();
  }

  #add(files) {
    this.hint("");
    for (const file of files) {
      if (this.#files.length >= MOST_FILES) return this.hint(say("too_many"));
      if (file.size > MOST_BYTES) this.hint(say("too_large", { name: file.name }));
      else if (!file.size) this.hint(say("empty_file", { name: file.name }));
      else this.#upload({ file, kind: kindOf(file) });
    }
  }

  #spoken(file, seconds) {
    this.#wanted = true;
    this.#upload({ file, kind: "voice", seconds });
  }

  #upload(item) {
    if (!this.#files.includes(item)) this.#files.push(item);
    item.failed = false;
    item.percent = 0;
    item.request = new XMLHttpRequest(); // fetch tells nothing of progress
    item.request.open("POST", `${this.#root}/files`);
    item.request.responseType = "json";
    item.request.upload.onprogress = (event) => {
      item.percent = event.lengthComputable ? Math.floor((event.loaded / event.total) * 100) : 0;
      this.#tellOf(item);
    };
    item.request.onload = () => this.#uploaded(item);
    item.request.onerror = () => this.#failed(item);
    item.request.send(item.file);
    this.#list();
  }

  #uploaded(item) {
    const { status, response } = item.request;
    const refused = { 413: "too_large", 507: "no_room" }[status];
    if (refused) {
      this.#files = this.#files.filter((other) => other !== item);
      this.#list();
      return this.hint(say(refused, { name: item.file.name }));
    }
    if (status !== 201 || !response?.ref) return this.#failed(item);
    item.ref = response.ref;
    this.#tellOf(item);
    if (this.#wanted && this.#files.every((other) => other.ref)) this.submit();
  }

  #failed(item) {
    item.failed = true;
    this.#wanted = false;
    this.#list();
    this.hint(say("failed", { name: nameOf(item) }));
  }

  #list() {
    by("attached").hidden = !this.#files.length;
    by("attached").replaceChildren(...this.#files.map((item) => this.#chip(item)));
  }

  #chip(item) {
    item.node = make("li", {}, make("span", { class: "name" }), make("progress", { max: 100, "aria-label": nameOf(item) }));
    if (item.failed) {
      const again = make("button", { type: "button" }, say("again"));
      again.addEventListener("click", () => {
        this.#wanted = item.kind === "voice";
        this.#upload(item);
        this.words.focus();
      });
      item.node.append(again);
    }
    const remove = make("button", { type: "button", class: "plain", "aria-label": say("remove", { name: nameOf(item) }) }, "✕");
    remove.addEventListener("click", () => this.#drop(item));
    item.node.append(remove);
    this.#tellOf(item);
    return item.node;
  }

  #tellOf(item) {
    const words = item.failed ? "failed" : item.ref ? "ready" : "uploading";
    item.node.querySelector(".name").textContent = say(words, { name: nameOf(item), percent: item.percent });
    item.node.querySelector("progress").hidden = item.failed || Boolean(item.ref);
    item.node.querySelector("progress").value = item.percent;
  }

  #drop(item) {
    item.request.abort();
    this.#files = this.#files.filter((other) => other !== item);
    this.#list();
    this.hint("");
    this.words.focus();
  }

  #sendable({ file, kind, ref, seconds }) {
    const sent = { kind, ref, size: file.size, mime: file.type.slice(0, 100), name: kind === "voice" ? "" : file.name.slice(-200) };
    return seconds ? { ...sent, seconds } : sent;
  }

  #placeless() {
    this.hint(say("no_place"));
    this.words.focus();
  }
}

function kindOf(file) {
  if (file.type.startsWith("image/")) return "photo";
  return file.type.startsWith("video/") ? "video" : "document";
}

function nameOf(item) {
  return item.kind === "voice" ? say("voice_note") : item.file.name;
}
