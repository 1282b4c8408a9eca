// The page: who is logged in, which conversation is open, and the state of the connection.

import { ChatClient } from "../client.js";
import { ConversationView, placeholder } from "./conversation.js";
import { accountDialog, newConversation, personDialog, roomDialog } from "./dialogs.js";
import { announce, h } from "./dom.js";
import { ListView } from "./list.js";
import { loginView } from "./login.js";
import { Model } from "./model.js";
import { notify, onNotificationClick, showUnread } from "./notify.js";
import { errorText, lang, words } from "./words.js";

/** @import { ChatEvent, Session } from "../client/protocol.js" */

const SESSION = "chat.session";
const narrow = matchMedia("(max-width: 639px)");

const client = new ChatClient("/ws");
const app = h("div", { className: "app" });
const status = h("div", { className: "status", role: "status", "aria-label": words.connection });
const retry = h("button", { type: "button", className: "link", onclick: () => client.retryNow() }, words.retry);
const bar = h("div", { className: "bar" }, status, retry);

/** @type {Model | null} */
let model = null;
/** @type {ListView | null} */
let list = null;
/** @type {ConversationView | null} */
let view = null;
const blank = placeholder();
/** @type {ReturnType<typeof loginView> | null} */
let login = null;
let drawing = false;
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

function showLogin(notice = "") {
  view?.close();
  model = list = view = null;
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  showUnread(0);
  const invitation = /^#invite=([0-9a-f]{1,64})$/i.exec(location.hash)?.[1] ?? "";
  login = loginView(client, { invitation, notice, done: (session) => {
    localStorage.setItem(SESSION, JSON.stringify(session));
    if (location.hash.startsWith("#invite=")) history.replaceState(null, "", location.pathname);
    showApp(session, true);
  } });
  app.className = "app";
  app.replaceChildren(login.root);
}

/**
 * @param {Session} session
 * @param {boolean} resumed whether the client has the session already
 */
function showApp(session, resumed) {
  login = null;
  const mine = (model = new Model(client, session, {
    onchange: draw,
    onmessage: (message) => {
      const seen = !document.hidden && document.hasFocus() && view?.name === message.with;
      if (seen) return;
      announce(`${message.with.startsWith("#") ? message.with : message.name}: ${words.newMessages}`);
      void notify(message, open);
    },
    onforgotten: (room) => view?.name === room && go("", true),
    oninvited: ({ room }) => announce(words.invitedTo(room)),
  }));
  list = new ListView(mine, { open, start: () => begin(mine), account: () => accountDialog(mine, logOut) });
  app.className = "app in";
  app.replaceChildren(list.root, blank.root);
  route(false);
  draw();
  const ready = resumed ? Promise.resolve(session) : client.resume(session.token);
  ready.then(async (session) => {
    localStorage.setItem(SESSION, JSON.stringify(session));
    await mine.start();
    if (model === mine && view) await view.open(false);
  }).catch((error) => {
    // A refused token comes as the event `signedout`, too; a lost connection is made again by the client.
    console.warn("start:", error.code ?? error);
  });
}

/**
 * Asks for whom or what to open, and opens it at once; what comes back to say that it cannot be leads to the question again.
 * @param {Model} mine
 * @param {string} [value]
 * @param {string} [problem]
 */
function begin(mine, value = "", problem = "") {
  newConversation(mine, value, problem, (name, inviteOnly) => {
    const before = named();
    const reached = mine.reach(name, inviteOnly);
    open(name);
    reached.catch((error) => {
      if (model !== mine) return;
      if (view?.name === name) go(before, true);
      begin(mine, name, errorText(error));
    });
  });
}

function logOut() {
  model?.clearOutbox();
  localStorage.removeItem(SESSION);
  void client.logout().catch(() => {});
  history.replaceState(null, "", location.pathname);
  showLogin();
}

/** The conversation that the address names. */
function named() {
  try {
    return location.hash.startsWith("#/") ? decodeURIComponent(location.hash.slice(2)) : "";
  } catch {
    return "";
  }
}

/**
 * Changes the address, and shows what it names.
 * @param {string} name a conversation, or "" for the list alone
 * @param {boolean} [replace] instead of a new entry in the browser's history
 */
function go(name, replace = false) {
  const address = name ? `#/${encodeURIComponent(name)}` : location.pathname;
  if (replace) history.replaceState(null, "", address);
  else history.pushState({ within: true }, "", address);
  route(true);
}

/** @param {string} name */
function open(name) {
  if (view?.name !== name) go(name);
  else view.focus();
}

/** On narrow screens, from the conversation to the list. */
function back() {
  const name = view?.name;
  if (history.state?.within) history.back();
  else go("", true);
  if (name) returnTo = name;
}
let returnTo = "";

/** @param {boolean} focus */
function route(focus) {
  if (!model || !list) return;
  const name = named();
  const before = app.querySelector("main");
  if (view?.name !== name) {
    view?.close();
    view = name ? new ConversationView(model, name, { back, about: (name) => {
      if (!model) return;
      if (name.startsWith("#")) roomDialog(model, name);
      else personDialog(model, name);
    } }) : null;
    before?.replaceWith(view?.root ?? blank.root);
    app.classList.toggle("open", !!view);
    // On phones the keyboard would cover what one came to read.
    void view?.open(focus && !(narrow.matches && matchMedia("(pointer: coarse)").matches));
    if (!view) void model.open("");
  }
  draw();
  if (!view && returnTo) {
    const entry = list.list.querySelectorAll("button");
    const at = model.store.sorted().findIndex((it) => it.with === returnTo);
    entry[at]?.focus();
    returnTo = "";
  }
}

/** Draws at the next frame, however many changes come until then. A page in the background has no frames. */
function draw() {
  if (drawing) return;
  drawing = true;
  const now = () => {
    drawing = false;
    if (!model || !list) return;
    showUnread(model.store.unread);
    list.render(view?.name ?? "");
    if (!view) blank.render(model.store.listed && !model.store.sorted().length);
    if (view && !view.render()) {
      // Its data was replaced: begin anew.
      const { name } = view;
      view.close();
      view = null;
      if (name === named()) route(false);
    }
  };
  if (document.hidden) setTimeout(now, 0);
  else requestAnimationFrame(now);
}

/** @param {ChatEvent & { type: "state" }} event */
function showState({ state }) {
  if (state === "offline") wasOffline = true;
  if (state === "online") wasOffline = false;
  bar.dataset["state"] = state === "connecting" && wasOffline ? "offline" : state;
  const text = state === "online" ? words.online : state === "connecting" ? words.connecting : model ? words.offline : words.offlineLogin;
  if (status.textContent !== text) status.textContent = text;
  retry.hidden = state !== "offline";
  if (state === "online") login?.ready();
}

async function listen() {
  for await (const event of client.events()) {
    if (event.type === "state") showState(event);
    if (event.type === "signedout" && model) {
      localStorage.removeItem(SESSION);
      showLogin(event.reason === "logout" ? "" : words.ended);
    } else if (event.type === "announcement") {
      announce(`${words.announcement}: ${event.text}`);
      showAnnouncement(event.text);
    } else model?.take(event);
  }
}

/** @param {string} text */
function showAnnouncement(text) {
  const it = h("div", { className: "bar announcement" }, h("p", {}, h("strong", {}, `${words.announcement}: `), h("bdi", {}, text)),
    h("button", { type: "button", className: "link", onclick: () => it.remove() }, words.close));
  bar.after(it);
}

document.documentElement.lang = lang;
document.body.append(h("div", { className: "frame" }, bar, app));
showState({ type: "state", state: client.state });
void listen();
const session = savedSession();
if (session) showApp(session, false);
else showLogin();

window.addEventListener("popstate", () => route(true));
window.addEventListener("online", () => client.retryNow());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  client.retryNow();
  view?.log.lookedAt();
});
window.addEventListener("focus", () => view?.log.lookedAt());
// Another tab has logged out, or in as somebody else.
window.addEventListener("storage", (event) => {
  if (event.key === SESSION && savedSession()?.user !== model?.me) location.reload();
});
onNotificationClick(open);
if ("serviceWorker" in navigator) window.addEventListener("load", () => void navigator.serviceWorker.register("worker.js").catch(() => {}));
