// A voice note: hidden where the browser cannot record or somebody has said no.

import { say } from "./words.js";

const FORMS = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"];
const LONGEST = 300; // seconds

const by = (id) => document.getElementById(id);

export class Recorder {
  #done;
  #hint;
  #home;
  #form = null;
  #recorder = null;
  #timer = 0;

  /** `done(file, seconds)` gets a finished note; `hint(words)` shows why there is none. */
  constructor(done, hint, home) {
    this.#done = done;
    this.#hint = hint;
    this.#home = home;
    this.#form = FORMS.find((form) => window.MediaRecorder?.isTypeSupported(form)) ?? null;
    by("voice").addEventListener("click", () => this.#start());
    by("finish").addEventListener("click", () => this.#stop(true));
    by("discard").addEventListener("click", () => this.#stop(false));
    by("recording").addEventListener("keydown", (event) => event.key === "Escape" && this.#stop(false));
    this.#offer();
  }

  async #offer() {
    const can = this.#form && navigator.mediaDevices?.getUserMedia;
    by("voice").hidden = !can;
    if (!can) return;
    try {
      const permission = await navigator.permissions.query({ name: "microphone" });
      const follow = () => { by("voice").hidden = permission.state === "denied"; };
      permission.onchange = follow;
      follow();
    } catch {
      // this browser does not tell; it will ask
    }
  }

  async #start() {
    this.#hint("");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      this.#hint(say("no_voice"));
      return this.#home.focus();
    }
    const parts = [];
    const began = Date.now();
    const recorder = new MediaRecorder(stream, { mimeType: this.#form, audioBitsPerSecond: 32000 });
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => {
      stream.getTracks().forEach((track) => track.stop());
      const type = this.#form.split(";")[0];
      const seconds = Math.max(1, Math.round((Date.now() - began) / 1000));
      if (recorder.wanted && parts.some((part) => part.size)) this.#done(new File(parts, "voice", { type }), seconds);
    };
    this.#recorder = recorder;
    recorder.start();
    this.#show(true);
    const tick = () => {
      const seconds = Math.floor((Date.now() - began) / 1000);
      by("recorded").textContent = say("talking", { time: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` });
      if (seconds >= LONGEST) this.#stop(true);
    };
    tick();
    this.#timer = setInterval(tick, 500);
    by("finish").focus();
  }

  #stop(wanted) {
    if (!this.#recorder) return;
    clearInterval(this.#timer);
    this.#recorder.wanted = wanted;
    this.#recorder.stop();
    this.#recorder = null;
    this.#show(false);
    this.#home.focus();
  }

  #show(isRecording) {
    by("recording").hidden = !isRecording;
    by("writing").hidden = isRecording;
  }
}
