// The web chat: shows what comes, keeps what goes until it is safe. Nothing foreign is ever parsed as HTML.
const WORDS = {
  zh: {
    connecting: "正在连接…", ready: "已连接", sent: "已送到", waiting: "还没送到，连上就发", staff: "工作人员",
    send: "发送", write: "写消息", pick: "加照片或文件", voice: "语音", stop: "说完了", remove: "去掉",
    large: "这个文件超过 20 MB，发不了。请换小一点的，或拍张照片。", failed: "文件没传上去，请再试一次。",
    noPlace: "取不到位置，打字说在哪里就行。", repeat: "（重发）", photo: "照片", voiceNote: "语音", file: "文件",
    talk: "对话", files: "要发的文件", open: "打开",
  },
  en: {
    connecting: "Connecting…", ready: "Connected", sent: "Delivered", waiting: "Not delivered yet; goes when connected", staff: "Staff",
    send: "Send", write: "Write a message", pick: "Add a photo or file", voice: "Voice", stop: "Done", remove: "Remove",
    large: "This file is larger than 20 MB. Please send a smaller one, or a photo of it.", failed: "The file did not go up. Please try again.",
    noPlace: "Your place cannot be found; just type where it is.", repeat: "(sent again)", photo: "photo", voiceNote: "voice note", file: "file",
    talk: "Conversation", files: "Files to send", open: "Open",
  },
};
const chinese = !navigator.language || navigator.language.startsWith("zh");
const say = WORDS[chinese ? "zh" : "en"];
const $ = (id) => document.getElementById(id);
const side = document.body.dataset.side;
const path = document.body.dataset.socket;
const MAX_FILE = 20 * 1024 * 1024;
const OUTBOX = `huiyin-${side}-outbox`;

document.documentElement.lang = chinese ? "zh-CN" : "en";
$("send").textContent = say.send;
$("wordslabel").textContent = say.write;
$("picklabel").textContent = say.pick;
$("voice").textContent = say.voice;
$("talk").setAttribute("aria-label", say.talk);
$("composer").setAttribute("aria-label", say.write);
$("chosen").setAttribute("aria-label", say.files);
if (side === "office") { $("side").hidden = false; $("side").textContent = say.staff; }

// --- what goes out: kept until the server says that it is safe ---
let waiting = JSON.parse(localStorage.getItem(OUTBOX) || "[]");
let socket = null;
let pause = 500;
const keep = () => localStorage.setItem(OUTBOX, JSON.stringify(waiting));

function post(message) {
  waiting.push(message);
  keep();
  if (message.t === "say" || message.t === "place") show(own(message));
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function own(message) {
  const words = message.t === "place" ? `📍 ${message.latitude.toFixed(5)}, ${message.longitude.toFixed(5)}` : message.text;
  return { id: message.id, at: Date.now(), mine: true, text: [[words, "p", ""]], files: message.files || [] };
}

function taken(id) {
  waiting = waiting.filter((message) => message.id !== id);
  keep();
  mark(id);
}

function mark(id) {
  const meta = document.querySelector(`[data-id="${CSS.escape(id)}"] .meta`);
  if (!meta) return;
  const late = waiting.some((message) => message.id === id);
  meta.classList.toggle("waiting", late);
  meta.textContent = `${clock(Number(meta.dataset.at))} · ${late ? say.waiting : say.sent}`;
}

// --- what comes in ---
const HANDLERS = {
  history: ({ messages }) => {
    $("talk").replaceChildren();
    for (const message of messages) show(message, true);
    for (const message of waiting) if (message.t === "say" || message.t === "place") show(own(message), true);
    for (const message of waiting) socket.send(JSON.stringify(message));
    begin(messages);
    down();
  },
  message: (message) => {
    show(message);
    if (!message.mine) socket.send(JSON.stringify({ t: "seen", id: message.id }));
  },
  taken: ({ id }) => taken(id),
  toast: ({ text }) => { $("state").textContent = text; },
};

function begin(messages) {
  const address = new URL(location.href);
  const start = address.searchParams.get("start");
  if (start !== null) history.replaceState(null, "", address.pathname);
  const greeted = messages.length || waiting.some((message) => message.t === "hello");
  if (start || !greeted) post({ t: "hello", id: crypto.randomUUID(), start: start || "" });
}

function connect() {
  $("state").textContent = say.connecting;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}${path}`);
  socket.onopen = () => { pause = 500; $("state").textContent = say.ready; };
  socket.onmessage = ({ data }) => { const message = JSON.parse(data); HANDLERS[message.t]?.(message); };
  socket.onclose = () => {
    $("state").textContent = say.connecting;
    setTimeout(connect, pause + Math.random() * 250);
    pause = Math.min(pause * 2, 15000);
  };
}

// --- bubbles ---
const clock = (at) => new Date(at).toLocaleTimeString(chinese ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit" });
const day = (at) => new Date(at).toLocaleDateString(chinese ? "zh-CN" : "en-GB", { month: "long", day: "numeric", weekday: "long" });
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};

function show(message, quiet = false) {
  const old = document.querySelector(`[data-id="${CSS.escape(message.id)}"]`);
  const fresh = bubble(message);
  if (old) {
    old.replaceWith(fresh);
  } else {
    const today = day(message.at);
    if ($("talk").dataset.day !== today || !$("talk").childElementCount) {
      $("talk").append(make("p", "day", today));
      $("talk").dataset.day = today;
    }
    $("talk").append(fresh);
  }
  if (message.mine) mark(message.id);
  if (!quiet) down();
}

function down() {
  $("talk").scrollTop = $("talk").scrollHeight;
}

function bubble(message) {
  const article = make("article", message.mine ? "message mine" : "message");
  article.dataset.id = message.id;
  const body = make("div", "bubble");
  if (message.repeat) body.append(make("span", "", `${say.repeat} `));
  const pieces = message.text || [];
  pieces.forEach(([words, style, address], number) => {
    const beside = [pieces[number - 1], pieces[number + 1]].some((other) => other?.[1] === "q");
    if (words === "\n" && beside) return; // a quote stands on lines of its own
    body.append(piece(words, style, address));
  });
  for (const file of message.files || []) body.append(shownFile(file, message.mine));
  article.append(body);
  const rows = (message.rows || []).flat();
  if (rows.length) {
    const group = make("div", "buttons");
    group.setAttribute("role", "group");
    for (const item of rows) group.append(button(item, message.id));
    article.append(group);
  }
  const meta = make("p", "meta", clock(message.at));
  meta.dataset.at = message.at;
  article.append(meta);
  return article;
}

const TAGS = { p: "span", b: "strong", i: "em", c: "code", q: "blockquote" };
function piece(words, style, address) {
  if (style === "a" && /^https?:\/\//.test(address)) {
    const link = make("a", "", words);
    link.href = address;
    link.rel = "noopener noreferrer";
    return link;
  }
  return make(TAGS[style] || "span", "", words);
}

function shownFile(file, mine) {
  const names = { photo: say.photo, voice: say.voiceNote };
  if (mine || !file.digest) return make("span", "", ` [${names[file.kind] || say.file}] ${file.name || ""}`);
  const address = `${path}/files/${file.digest}`;
  if (file.kind === "photo") {
    const image = make("img");
    image.src = address;
    image.alt = `${say.photo} ${file.name}`;
    return image;
  }
  if (file.kind === "voice") {
    const audio = make("audio");
    audio.controls = true;
    audio.src = address;
    return audio;
  }
  const link = make("a", "", `${say.open} ${file.name}`);
  link.href = address;
  link.download = file.name;
  return link;
}

function button(item, message) {
  const element = make("button", "", item.label);
  element.type = "button";
  element.onclick = () => {
    if (item.request === "place") return sendPlace();
    if (item.request) return $("words").focus();
    if (item.url) return window.open(item.url, "_blank", "noopener");
    post({ t: "press", id: crypto.randomUUID(), action: item.action, message });
    element.disabled = true;
    setTimeout(() => { element.disabled = false; }, 1500);
    return undefined;
  };
  return element;
}

function sendPlace() {
  const unknown = () => { $("notice").textContent = say.noPlace; $("words").focus(); };
  if (!navigator.geolocation) return unknown();
  return navigator.geolocation.getCurrentPosition(
    ({ coords }) => post({ t: "place", id: crypto.randomUUID(), latitude: coords.latitude, longitude: coords.longitude }),
    unknown, { timeout: 8000 });
}

// --- the composer ---
let chosen = [];
function listChosen() {
  $("chosen").replaceChildren(...chosen.map((file, number) => {
    const item = make("li");
    const remove = make("button", "", `${file.name} ✕`);
    remove.type = "button";
    remove.setAttribute("aria-label", `${say.remove} ${file.name}`);
    remove.onclick = () => { chosen.splice(number, 1); listChosen(); };
    item.append(remove);
    return item;
  }));
}

$("files").onchange = () => {
  for (const file of $("files").files) {
    if (file.size > MAX_FILE) $("notice").textContent = say.large;
    else chosen.push(file);
  }
  $("files").value = "";
  listChosen();
  $("words").focus();
};

async function upload(file) {
  const answer = await fetch(`${path}/files`, { method: "POST", body: file });
  if (!answer.ok) throw new Error(String(answer.status));
  const { ref } = await answer.json();
  const kind = file.type.startsWith("image/") ? "photo" : file.type.startsWith("audio/") ? "voice"
    : file.type.startsWith("video/") ? "video" : "document";
  return { ref, kind, name: file.name || "", mime: file.type || "", size: file.size, seconds: file.seconds || null };
}

async function submit() {
  const text = $("words").value.trim();
  if (!text && !chosen.length) return;
  $("notice").textContent = "";
  $("send").disabled = true;
  try {
    const files = await Promise.all(chosen.map(upload));
    post({ t: "say", id: crypto.randomUUID(), text, files });
    $("words").value = "";
    chosen = [];
    listChosen();
    grow();
  } catch {
    $("notice").textContent = say.failed;
  }
  $("send").disabled = false;
  $("words").focus();
}

const grow = () => { $("words").style.height = "auto"; $("words").style.height = `${Math.min($("words").scrollHeight + 4, 160)}px`; };
$("composer").onsubmit = (event) => { event.preventDefault(); submit(); };
$("words").oninput = grow;
$("words").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); submit(); }
};

// --- a voice note ---
let recorder = null;
if (navigator.mediaDevices && window.MediaRecorder) $("voice").hidden = false;
$("voice").onclick = async () => {
  if (recorder) return recorder.stop();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const parts = [];
    const began = Date.now();
    recorder = new MediaRecorder(stream);
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.onstop = () => {
      for (const track of stream.getTracks()) track.stop();
      const file = new File(parts, "voice.webm", { type: (recorder.mimeType || "audio/webm").split(";")[0] });
      file.seconds = Math.round((Date.now() - began) / 1000);
      recorder = null;
      $("voice").classList.remove("recording");
      $("voice").textContent = say.voice;
      chosen.push(file);
      submit();
    };
    recorder.start();
    $("voice").classList.add("recording");
    $("voice").textContent = say.stop;
  } catch {
    $("voice").hidden = true;
  }
  return undefined;
};

connect();
