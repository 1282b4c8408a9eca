// The entrance: the connection and its state, and whether somebody is logged in. The rest is in app.js, which
// the login form does not wait for.

import { ChatClient } from "../client.js";
import { announce, h } from "./dom.js";
import { loginView } from "./login.js";
import { lang, words } from "./words.js";

/** @import { ChatEvent, Session } from "../client/protocol.js" */
/** @import { App } from "./app.js" */

const SESSION = "chat.session";

const client = new ChatClient("/ws");
const status = h("div", { className: "status", role: "status", "aria-label": words.connection });
const retry = h("button", { type: "button", className: "link", onclick: () => client.retryNow() }, words.retry);
const bar = h("div", { className: "bar" }, status, retry);
const frame = h("div", { className: "frame" }, bar);

/** @type {App | null} */
let app = null;
/** @type {ReturnType<typeof loginView> | null} */
let login = null;
let wasOffline = false;

/** @returns {Session | null} */
function savedSession() {
  try {
    const { token, user, name, epoch } = JSON.parse(localStorage.getItem(SESSION) ?? "null") ?? {};
    return typeof token === "string" && typeof user === "string" && typeof name === "string" ? { token, user, name, epoch } : null;
  } catch {
    return null;
  }
}

/** @param {Session | null} session */
function saveSession(session) {
  try {
    if (session) localStorage.setItem(SESSION, JSON.stringify(session));
    else localStorage.removeItem(SESSION);
  } catch {} // forbidden: the session lasts as long as the page
}

function showLogin(notice = "") {
  app?.close();
  app = null;
  const invitation = /^#invite=([0-9a-f]{1,64})$/i.exec(location.hash)?.[1] ?? "";
  login = loginView(client, { invitation, notice, done: (session) => {
    saveSession(session);
    void showApp(session, true);
  } });
  frame.lastElementChild === bar || frame.lastElementChild?.remove();
  frame.append(login.root);
  showState(client.state);
}

/**
 * @param {Session} session
 * @param {boolean} bound whether the client has the session already
 */
async function showApp(session, bound) {
  if (location.hash.startsWith("#invite=")) history.replaceState(null, "", location.pathname); // used, or not needed
  const { App } = await loadApp();
  login = null;
  const mine = (app = new App(client, session, logOut));
  frame.lastElementChild === bar || frame.lastElementChild?.remove();
  frame.append(mine.root);
  showState(client.state);
  try {
    if (!bound) saveSession(await client.resume(session.token));
    await mine.start();
  } catch (error) {
    // A refused token comes as the event `signedout`, too; a lost connection is made again by the client.
    console.warn("start:", /** @type {{ code?: string }} */ (error).code ?? error);
  }
}

/** All modules of the app at once, and not one after the other as they import each other. */
function loadApp() {
  const later = document.querySelector("template");
  if (later) document.head.append(later.content);
  return import("./app.js");
}

function logOut() {
  saveSession(null);
  void client.logout().catch(() => {});
  showLogin();
}

/** A first attempt to connect is no news; one after a failure is part of being offline. @param {string} state */
function showState(state) {
  if (state === "offline") wasOffline = true;
  if (state === "online") wasOffline = false;
  frame.dataset["state"] = state === "connecting" && wasOffline ? "offline" : state;
  const text = state === "online" ? words.connected : state === "connecting" ? words.connecting : app ? words.offline : words.offlineLogin;
  if (status.textContent !== text) status.textContent = text;
  retry.hidden = state !== "offline";
  if (state === "online") login?.ready();
}

/** @param {ChatEvent} event */
function take(event) {
  if (event.type === "state") showState(event.state);
  if (event.type === "announcement") showAnnouncement(event.text);
  if (event.type === "signedout" && app) {
    saveSession(null);
    showLogin(event.reason === "logout" ? "" : words.ended);
  } else app?.take(event);
}

async function listen() {
  for await (const event of client.events()) take(event);
}

/** @param {string} text */
function showAnnouncement(text) {
  announce(`${words.announcement}: ${text}`);
  const it = h("div", { className: "bar announcement" }, h("p", {}, h("strong", {}, `${words.announcement}: `), h("bdi", {}, text)),
    h("button", { type: "button", className: "link", onclick: () => it.remove() }, words.close));
  bar.after(it);
}

document.documentElement.lang = lang;
document.body.append(frame);
void listen();
const session = savedSession();
if (session) void showApp(session, false);
else {
  showLogin();
  void loadApp(); // while the user types
}

window.addEventListener("online", () => client.retryNow());
document.addEventListener("visibilitychange", () => document.hidden || client.retryNow());
// Another tab has logged out, or in as somebody else.
window.addEventListener("storage", (event) => {
  if (event.key === SESSION && savedSession()?.user !== app?.model.me) location.reload();
});
if ("serviceWorker" in navigator) window.addEventListener("load", () => void navigator.serviceWorker.register("worker.js").catch(() => {}));
