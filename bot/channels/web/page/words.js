// The page's own few words in both languages; what the bot says comes rendered.

const WORDS = {
  zh: {
    staff: "工作人员",
    talk: "对话",
    you: "我：",
    office: "{office}：",
    connecting: "正在连接…",
    open: "已连上",
    closed: "没连上，正在重连。您写的不会丢。",
    offline: "没有网络。您写的不会丢，有网就发。",
    earlier: "看更早的",
    empty: "想说什么，写在下面。",
    newest: "有新消息，去看",
    write: "写在这里",
    send: "发送",
    attach: "照片/文件",
    attached: "要发的文件",
    voice: "语音",
    finish: "说完了，发送",
    discard: "不要了",
    menu: "菜单",
    entries: "常用",
    reply: "回复",
    replying: "回复：",
    unquote: "不回复这条了",
    sending: "正在发",
    waiting: "没连上，连上就发",
    sent: "已送到",
    refused: "没发出去，请刷新网页再试",
    uploading: "{name}，已传 {percent}%",
    ready: "{name}，传好了",
    failed: "{name}，没传上去",
    again: "重传",
    remove: "去掉 {name}",
    soon: "文件还在传，传完就发。",
    too_large: "{name} 超过 20 MB，发不了。请换小一点的，或分开发。",
    no_room: "现在放不下照片、语音和文件。要紧的请打字说，或者明天再发。",
    empty_file: "{name} 是空的，发不了。",
    too_many: "一次最多 10 个文件。",
    some_failed: "有文件没传上去，请重传或去掉再发。",
    talking: "正在录音 {time}",
    no_voice: "用不了麦克风。请打字，或在浏览器里允许使用麦克风。",
    voice_note: "语音",
    locating: "正在取您的位置…",
    no_place: "取不到位置。请打字说在哪儿：小区、几号楼几单元。",
    place: "位置",
    ask_phone: "请把手机号打在下面。",
    photo: "照片",
    video: "视频",
    document: "文件",
    save: "存下 {name}",
    chosen: "（已点）",
    today: "今天",
    yesterday: "昨天",
    title: "（{count}）{office}",
    seconds: "{count} 秒",
    cleared: "这段对话已经删掉了。",
  },
  en: {
    staff: "Staff",
    talk: "Conversation",
    you: "Me:",
    office: "{office}:",
    connecting: "Connecting…",
    open: "Connected",
    closed: "Not connected, trying again. What you wrote is kept.",
    offline: "No network. What you wrote is kept and goes out when there is one.",
    earlier: "Show earlier messages",
    empty: "Write below what it is about.",
    newest: "New message, go there",
    write: "Write here",
    send: "Send",
    attach: "Photo/file",
    attached: "Files to send",
    voice: "Voice",
    finish: "Done, send it",
    discard: "Discard",
    menu: "Menu",
    entries: "Often used",
    reply: "Reply",
    replying: "Replying to:",
    unquote: "Do not reply to this",
    sending: "Sending",
    waiting: "Not connected; goes out later",
    sent: "Delivered",
    refused: "Not sent. Please reload the page and try again",
    uploading: "{name}, {percent}% uploaded",
    ready: "{name}, uploaded",
    failed: "{name}, not uploaded",
    again: "Try again",
    remove: "Remove {name}",
    soon: "The file is still going up; your message goes out right after.",
    too_large: "{name} is over 20 MB and cannot be sent. Make it smaller or send it in parts.",
    no_room: "There is no room for photos, voice notes and files just now. Please type what counts, or send it tomorrow.",
    empty_file: "{name} is empty and cannot be sent.",
    too_many: "Ten files at most at a time.",
    some_failed: "A file did not go up. Try it again or remove it.",
    talking: "Recording {time}",
    no_voice: "The microphone cannot be used. Please type, or allow it in your browser.",
    voice_note: "Voice note",
    locating: "Finding where you are…",
    no_place: "Your place cannot be found. Please type where it is.",
    place: "Place",
    ask_phone: "Please type your phone number below.",
    photo: "Photo",
    video: "Video",
    document: "File",
    save: "Save {name}",
    chosen: "(chosen)",
    today: "Today",
    yesterday: "Yesterday",
    title: "({count}) {office}",
    seconds: "{count} s",
    cleared: "This conversation has been deleted.",
  },
};

export const language = document.documentElement.lang.startsWith("en") ? "en" : "zh";

export function say(key, facts = {}) {
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => String(facts[name]));
}

/** Puts the page's own words where the HTML asks for them. */
export function label(root = document) {
  for (const node of root.querySelectorAll("[data-words]")) node.textContent = say(node.dataset.words);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of root.querySelectorAll("[data-hint]")) node.placeholder = say(node.dataset.hint);
}

const hour = new Intl.DateTimeFormat(language === "en" ? "en-GB" : "zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(language === "en" ? "en-GB" : "zh-CN", { month: "long", day: "numeric", weekday: "short" });
const year = new Intl.DateTimeFormat(language === "en" ? "en-GB" : "zh-CN", { year: "numeric", month: "long", day: "numeric" });

export const timeOf = (at) => hour.format(at);

export function dayOf(at) {
  const now = new Date();
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (at.toDateString() === now.toDateString()) return say("today");
  if (at.toDateString() === yesterday.toDateString()) return say("yesterday");
  return (at.getFullYear() === now.getFullYear() ? day : year).format(at);
}
