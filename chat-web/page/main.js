// The entrance: the connection and its state, and whether somebody is logged in. The rest is in app.js, which
// the login form does not wait for.

import { ChatClient } from "../client.js";
import { announce, field, h } from "./dom.js";
import { errorCode, errorText, lang, words } from "./words.js";

/** @import { ChatEvent, Session } from "../client/protocol.js" */
/** @import { App } from "./app.js" */

const SESSION = "chat.session";
/** Which field an error belongs to. @type {Record<string, "user" | "password" | "name" | "invitation">} */
const CULPRIT = {
  no_such_user: "user", user_exists: "user", invalid_user_name: "user", wrong_password: "password", invalid_password: "password",
  invalid_full_name: "name", no_such_invitation: "invitation", invitation_required: "invitation",
};

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
  login = loginView({ invitation, notice, done: (session) => {
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
    console.warn("start:", errorCode(error) || error);
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

/** @param {{ invitation: string, notice: string, done: (session: Session) => void }} options */
function loginView({ invitation, notice, done }) {
  const root = h("main", { className: "login" });
  let user = "";

  /** @param {boolean} registering */
  const show = (registering) => {
    const fields = {
      user: field(words.userName, { name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: false, required: true, maxLength: 64, value: user },
        registering ? words.userNameHint : ""),
      name: registering ? field(words.fullName, { name: "name", autocomplete: "name", required: true, maxLength: 256 }) : null,
      password: field(words.password, { name: "password", type: "password", autocomplete: registering ? "new-password" : "current-password", required: true }),
      none: null,
      invitation: registering && (client.server?.invitation || invitation)
        ? field(words.invitation, { name: "invitation", autocomplete: "off", autocapitalize: "none", spellcheck: false, required: true, value: invitation }) : null,
    };
    const problem = h("p", { className: "notice", role: "alert" }, registering ? "" : notice);
    const button = h("button", { type: "submit", className: "button primary wide" }, registering ? words.register : words.logIn);
    const form = h("form", { className: "card", noValidate: true, "aria-labelledby": "login-title" },
      h("img", { className: "logo", src: "icon.svg", alt: "", width: 48, height: 48 }),
      h("h1", { id: "login-title" }, registering ? words.welcomeNew : words.welcome),
      problem, fields.user.root, fields.name?.root, fields.password.root, fields.invitation?.root, button, h("p", { className: "other" }));

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (button.getAttribute("aria-disabled")) return;
      problem.textContent = "";
      const empty = Object.values(fields).filter((it) => it && !it.input.value.trim());
      for (const it of empty) it?.complain(words.missing);
      if (empty[0]) return empty[0].input.focus();
      button.setAttribute("aria-disabled", "true"); // not `disabled`, which would lose the focus
      button.textContent = words.loggingIn;
      const account = { user: fields.user.input.value.trim(), password: fields.password.input.value };
      try {
        const session = registering
          ? await client.register({ ...account, name: fields.name?.input.value.trim() ?? "", ...(fields.invitation ? { invitation: fields.invitation.input.value.trim() } : {}) })
          : await client.login(account.user, account.password);
        done(session);
      } catch (error) {
        const culprit = fields[CULPRIT[errorCode(error)] ?? "none"];
        if (culprit) {
          culprit.complain(errorText(error));
          culprit.input.select();
          culprit.input.focus();
        } else problem.textContent = errorText(error);
      } finally {
        button.removeAttribute("aria-disabled");
        button.textContent = registering ? words.register : words.logIn;
      }
    });
    fields.user.input.addEventListener("input", () => (user = fields.user.input.value));
    root.replaceChildren(form);
    other(registering);
    // Not on phones, whose keyboard would cover the form; and only when it is in the document.
    if (!matchMedia("(pointer: coarse)").matches) queueMicrotask(() => (user ? fields.password : fields.user).input.focus());
  };

  /** @param {boolean} registering */
  const other = (registering) => {
    const line = root.querySelector(".other");
    if (!line || !client.server) return;
    if (registering) line.replaceChildren(h("button", { type: "button", className: "link", onclick: () => show(false) }, words.toLogIn));
    else if (client.server.registration)
      line.replaceChildren(`${words.noAccount} `, h("button", { type: "button", className: "link", onclick: () => show(true) }, words.toRegister));
    else line.replaceChildren(`${words.noAccount} ${words.askOperator}`);
  };

  show(!!invitation);
  return {
    root,
    ready: () => {
      const registering = !!root.querySelector("[name=name]");
      const wantsCode = registering && client.server?.invitation && !root.querySelector("[name=invitation]");
      if (wantsCode) show(true);
      else other(registering);
    },
  };
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
// An invitation, in a tab that has the page already.
window.addEventListener("hashchange", () => app || showLogin());
// Another tab has logged out, or in as somebody else.
window.addEventListener("storage", (event) => {
  if (event.key === SESSION && savedSession()?.user !== app?.model.me) location.reload();
});
if ("serviceWorker" in navigator) window.addEventListener("load", () => void navigator.serviceWorker.register("worker.js").catch(() => {}));
