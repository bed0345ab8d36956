// One message as a piece of the page. Words go in as text nodes only, whatever they are.

import { dayOf, say, timeOf } from "./words.js";

const BOLD = "b", ITALIC = "i", CODE = "c", QUOTE = "q", LINK = "a";
const TAGS = { [BOLD]: "strong", [ITALIC]: "em", [CODE]: "code" };

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** An address that may be followed; none for javascript: and the like. */
export function safe(address) {
  try {
    const url = new URL(address);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

function piece([words, style, href]) {
  if (style === QUOTE) return make("blockquote", {}, words);
  if (style === LINK && safe(href)) {
    return make("a", { href: safe(href), target: "_blank", rel: "noopener noreferrer" }, words);
  }
  return TAGS[style] ? make(TAGS[style], {}, words) : document.createTextNode(words);
}

/** Spans as nodes; a block of its own needs no line breaks around it. */
export function spans(pieces) {
  return pieces.map((item, place) => {
    let [words, style = "p", href = ""] = item;
    if (style !== QUOTE && pieces[place - 1]?.[1] === QUOTE) words = words.replace(/^\n/, "");
    if (style !== QUOTE && pieces[place + 1]?.[1] === QUOTE) words = words.replace(/\n$/, "");
    return piece([words, style, href]);
  });
}

export function wordsOf(bubble) {
  const words = (bubble.text ?? []).map(([part]) => part).join("").replace(/\s+/g, " ").trim();
  return words || (bubble.files ?? []).map(nameOf).join(" ") || (bubble.spot ? say("place") : "");
}

export function nameOf(file) {
  if (file.kind === "voice") return say("voice_note") + (file.seconds ? ` ${say("seconds", { count: file.seconds })}` : "");
  return file.name || say(file.kind);
}

function fileNode(file, root) {
  if (!file.digest) return make("p", { class: `file ${file.kind}` }, nameOf(file));
  const source = `${root}/files/${file.digest}`;
  const save = make("a", { href: source, download: file.name || "", class: "file document" }, say("save", { name: nameOf(file) }));
  if (file.kind === "photo") {
    const picture = make("img", { src: source, alt: nameOf(file), loading: "lazy" });
    return make("a", { href: source, download: file.name || "", class: "file photo" }, picture);
  }
  if (file.kind === "voice") return make("div", { class: "file voice" }, make("audio", { src: source, controls: true, preload: "none", "aria-label": nameOf(file) }), save);
  return save;
}

function spotNode(spot) {
  return make("p", { class: "file spot" }, `${say("place")} ${spot.latitude.toFixed(5)}, ${spot.longitude.toFixed(5)}`);
}

function buttonNode([words, action, url, request], bubble) {
  if (url && safe(url)) return make("a", { class: "button", href: safe(url), target: "_blank", rel: "noopener noreferrer" }, words);
  const node = make("button", { type: "button", "data-action": action, "data-request": request || false }, words);
  if (action && action === bubble.chosen) {
    node.classList.add("chosen");
    node.append(make("span", { class: "unseen" }, say("chosen")));
  }
  return node;
}

function rowsNode(bubble) {
  const rows = (bubble.rows ?? []).filter((row) => row.length);
  if (!rows.length) return null;
  return make("div", { class: "buttons" }, ...rows.map((row) => make("div", { class: "row" }, ...row.map((button) => buttonNode(button, bubble)))));
}

function contentNode(bubble, root, excerpt) {
  const files = (bubble.files ?? []).map((file) => fileNode(file, root));
  const words = (bubble.text ?? []).length ? make("div", { class: "words" }, ...spans(bubble.text)) : null;
  const quoted = excerpt ? make("p", { class: "excerpt" }, excerpt) : null;
  return make("div", { class: "bubble" }, quoted, ...files, bubble.spot ? spotNode(bubble.spot) : null, words);
}

/** The whole message; `excerpt` are the first words of the message it answers. */
export function bubbleNode(bubble, { root, office, excerpt }) {
  const at = new Date(bubble.at);
  const by = bubble.mine ? say("you") : say("office", { office });
  const foot = make("p", { class: "foot" }, make("time", { datetime: bubble.at }, timeOf(at)), make("span", { class: "state" }));
  if (!bubble.mine) foot.append(make("button", { type: "button", class: "reply" }, say("reply")));
  return make(
    "div",
    { class: `message ${bubble.mine ? "mine" : "theirs"}`, "data-id": bubble.id },
    make("p", { class: "day", hidden: true }, dayOf(at)),
    make("p", { class: "unseen" }, by),
    contentNode(bubble, root, excerpt),
    rowsNode(bubble),
    foot,
  );
}
