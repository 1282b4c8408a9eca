// The dialogs (a new conversation, a room, a person, one's own account), and the notifications that the last one turns on.

import { avatar, bdi, confirmDialog, field, h, icon, iconButton, openDialog } from "./dom.js";
import { errorText, words } from "./words.js";

/** @import { Model } from "./model.js" */
/** @import { Member, Message } from "../client/protocol.js" */

const SUGGESTIONS = 8;

function problems() {
  const line = h("p", { className: "notice", role: "alert" });
  return {
    line,
    /** @param {() => Promise<void>} action */
    attempt: async (action) => {
      line.textContent = "";
      try {
        await action();
      } catch (error) {
        line.textContent = errorText(error);
      }
    },
  };
}

/**
 * @param {Model} model
 * @param {string} value what the field begins with
 * @param {string} problem what was wrong with it
 * @param {(name: string, inviteOnly: boolean) => void} open
 */
export function newConversation(model, value, problem, open) {
  openDialog(words.newConversation, (close) => {
    const target = field(words.target, { value, autocomplete: "off", autocapitalize: "none", spellcheck: false, maxLength: 64, autofocus: true, enterKeyHint: "go" }, words.targetHint);
    const closed = h("input", { type: "checkbox", id: "invite-only" });
    const closedRow = h("div", { className: "check", hidden: true }, closed, h("label", { htmlFor: closed.id }, words.inviteOnly));
    const suggestions = h("div", { className: "suggestions" });
    const button = h("button", { type: "submit", className: "button primary" }, words.open);
    let missing = ""; // a name that is surely no user's

    /** @param {string} name */
    const go = (name) => {
      if (!name || name === "#") return target.input.focus();
      if (name === missing) return target.complain(errorText({ code: "no_such_user" }));
      close();
      open(name, closed.checked && !closedRow.hidden);
    };
    const find = async () => {
      const name = typed();
      if (!name || name.startsWith("#")) return;
      const found = await model.finds(name).catch(() => true);
      if (name !== typed()) return;
      missing = found ? "" : name;
      if (found) suggest();
    };
    const typed = () => target.input.value.trim().replace(/^@/, "");
    const suggest = () => {
      const wanted = typed().toLowerCase();
      /** @param {string[]} texts */
      const fits = (...texts) => texts.some((text) => text.toLowerCase().includes(wanted));
      const people = wanted.startsWith("#") ? [] : [...model.store.users.values()].filter((it) => it.user !== model.me && fits(it.user, it.name)).slice(0, SUGGESTIONS);
      const rooms = [...model.store.rooms.values()].filter((it) => fits(it.room, it.title)).slice(0, SUGGESTIONS);
      const known = model.store.rooms.has(typed());
      closedRow.hidden = !(wanted.startsWith("#") && wanted.length > 1 && !known);
      suggestions.replaceChildren(
        ...group(words.people, people.map((it) => choice(it.user, it.name, it.user, it.online))),
        ...group(words.openRooms, rooms.map((it) => choice(it.room, it.room, it.title || words.members(it.members)))));
    };
    /**
     * @param {string} name
     * @param {string} title
     * @param {string} line
     * @param {boolean} [online]
     */
    const choice = (name, title, line, online) =>
      h("button", { type: "button", className: "choice", onclick: () => go(name) }, avatar(name, title, online),
        h("span", { className: "choice-name" }, bdi(title)), h("span", { className: "choice-line" }, bdi(line)));
    target.input.addEventListener("input", () => {
      suggest();
      void find();
    });
    const form = h("form", { noValidate: true, className: "stack" }, target.root, closedRow, suggestions, h("div", { className: "actions" }, button));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      go(typed());
    });
    form.addEventListener("keydown", (event) => {
      const all = [target.input, .../** @type {NodeListOf<HTMLElement>} */ (suggestions.querySelectorAll("button"))];
      const next = all[all.indexOf(/** @type {HTMLInputElement} */ (document.activeElement)) + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] ?? NaN)];
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
    suggest();
    if (problem) target.complain(problem);
    return [form];
  });
}

/**
 * @param {string} title
 * @param {HTMLElement[]} choices
 */
function group(title, choices) {
  return choices.length ? [h("h3", {}, title), ...choices] : [];
}

/**
 * @param {Model} model
 * @param {string} name
 */
export function roomDialog(model, name) {
  const { client, store } = model;
  openDialog(name, (close) => {
    const { line, attempt } = problems();
    const body = h("div", { className: "stack" });
    const invite = field(words.inviteField, { placeholder: words.inviteHint, autocomplete: "off", autocapitalize: "none", spellcheck: false, maxLength: 64 });
    const done = h("p", { className: "done", role: "status" });
    const form = h("form", { className: "inline", noValidate: true }, invite.root, h("button", { type: "submit", className: "button" }, words.invite));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const user = invite.input.value.trim().replace(/^@/, "");
      done.textContent = "";
      if (!user) return invite.input.focus();
      try {
        await client.call("room.invite", { room: name, user });
        done.textContent = words.inviteDone(user);
        invite.input.value = "";
      } catch (error) {
        invite.complain(errorText(error));
      }
      invite.input.focus();
    });

    const refresh = async () => {
      const { members, more } = await client.call("room.members", { room: name, limit: 1000 });
      await model.refreshRooms();
      show(members, more);
    };
    /**
     * @param {Member[]} members
     * @param {boolean} more
     */
    const show = (members, more) => {
      const room = store.rooms.get(name), owner = room?.standing === "owner";
      const owners = members.filter((it) => it.owner).map((it) => it.user);
      const rows = [...members].sort((a, b) => Number(b.owner) - Number(a.owner)).map((it) => h("li", { className: "member" },
        avatar(it.user, it.name),
        h("span", { className: "names" }, h("span", { className: "choice-name" }, bdi(it.name)), h("span", { className: "choice-line" }, bdi(it.user))),
        it.owner ? h("span", { className: "tag" }, words.owner) : null,
        owner && !it.owner && !more ? iconButton("key", words.makeOwner(it.user), () => void attempt(async () => {
          await client.call("room.set", { room: name, owners: [...owners, it.user] });
          await refresh();
        })) : null,
        owner && it.user !== model.me ? iconButton("close", words.removeMember(it.user), () => void attempt(async () => {
          await client.call("room.remove", { room: name, user: it.user });
          await refresh();
        })) : null));
      const leave = h("button", { type: "button", className: "button", onclick: () => void attempt(async () => {
        await client.call("room.leave", { room: name });
        close();
      }) }, words.leave);
      const remove = owner ? h("button", { type: "button", className: "button danger", onclick: () => void attempt(async () => {
        if (!(await confirmDialog(words.deleteRoom, words.deleteRoomQuestion, words.deleteRoom))) return;
        await client.call("room.delete", { room: name });
        close();
      }) }, words.deleteRoom) : null;
      body.replaceChildren(
        ...(owner ? [settings(room?.title ?? "", room?.open ?? true)] : room?.title ? [h("p", { className: "about-title" }, bdi(room.title))] : []),
        ...(owner ? [] : [h("p", { className: "hint" }, icon(room?.open ? "people" : "lock"), room?.open ? words.roomOpen : words.roomClosed)]),
        ...(room?.open || owner ? [form, done] : []),
        h("h3", {}, words.members(room?.members ?? members.length)), h("ul", { className: "members", role: "list" }, ...rows),
        ...(more ? [h("p", { className: "hint" }, words.roomMore)] : []),
        h("div", { className: "actions" }, remove, leave));
    };
    /**
     * @param {string} title
     * @param {boolean} open
     */
    const settings = (title, open) => {
      const it = field(words.roomTitle, { value: title, maxLength: 256, autocomplete: "off" });
      const box = h("input", { type: "checkbox", id: "room-open", checked: open });
      const form = h("form", { className: "stack", noValidate: true }, h("div", { className: "inline" }, it.root, h("button", { type: "submit", className: "button" }, words.save)),
        h("div", { className: "check" }, box, h("label", { htmlFor: box.id }, words.roomOpen)));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        void attempt(async () => {
          await client.call("room.set", { room: name, title: it.input.value.trim(), open: box.checked });
          await refresh();
          done.textContent = words.saved;
        });
      });
      box.addEventListener("change", () => form.requestSubmit());
      return form;
    };
    void attempt(refresh);
    return [line, body];
  });
}

/**
 * @param {Model} model
 * @param {string} user
 */
export function personDialog(model, user) {
  const { client, store } = model;
  openDialog(store.name(user), () => {
    const { line, attempt } = problems();
    const button = h("button", { type: "button", className: "button", hidden: true });
    const about = h("p", { className: "hint" }, bdi(user));
    const show = async () => {
      const { users } = await client.call("blocks");
      const blocked = users.some((it) => it.user === user);
      button.textContent = blocked ? words.unblock : words.block;
      button.hidden = false;
      button.onclick = () => void attempt(async () => {
        await client.call(blocked ? "unblock" : "block", { user });
        await show();
      });
    };
    void attempt(show);
    return [about, line, h("p", {}, words.blockHint), h("div", { className: "actions" }, button)];
  }, { className: "small" });
}

/**
 * @param {Model} model
 * @param {() => void} logOut
 */
export function accountDialog(model, logOut) {
  const { client } = model;
  openDialog(words.account, (close) => {
    const { line, attempt } = problems();
    const done = h("p", { className: "done", role: "status" });
    const denied = h("p", { className: "hint" });
    const box = h("input", { type: "checkbox", id: "notify", checked: canNotify() });
    box.addEventListener("change", async () => {
      box.checked = await setNotify(box.checked);
      denied.textContent = globalThis.Notification?.permission === "denied" ? words.notificationsDenied : "";
    });
    const before = field(words.oldPassword, { type: "password", autocomplete: "current-password" });
    const after = field(words.newPassword, { type: "password", autocomplete: "new-password" });
    const form = h("form", { className: "stack", noValidate: true }, before.root, after.root, h("div", { className: "actions" }, h("button", { type: "submit", className: "button" }, words.changePassword)));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      done.textContent = "";
      const empty = [before, after].filter((it) => !it.input.value);
      for (const it of empty) it.complain(words.missing);
      if (empty[0]) return empty[0].input.focus();
      void attempt(async () => {
        await client.call("password", { old: before.input.value, new: after.input.value });
        before.input.value = after.input.value = "";
        done.textContent = words.passwordChanged;
      });
    });
    return [
      h("div", { className: "person" }, avatar(model.me, model.myName), h("span", { className: "choice-name" }, bdi(model.myName)), h("span", { className: "choice-line" }, bdi(model.me))),
      h("div", { className: "check" }, box, h("label", { htmlFor: box.id }, words.notifications)), denied,
      h("details", {}, h("summary", {}, words.changePassword), form), line, done,
      h("div", { className: "actions" }, h("button", { type: "button", className: "button", onclick: async () => {
        if (model.hasUnsent && !(await confirmDialog(words.logOut, words.unsentLogout, words.logOut))) return;
        close();
        logOut();
      } }, words.logOut)),
    ];
  });
}

const SETTING = "chat.notify";

function canNotify() {
  return globalThis.Notification?.permission === "granted" && localStorage.getItem(SETTING) === "on";
}

/**
 * Turns notifications on or off, and asks the user for the permission. Returns whether they are on now.
 * @param {boolean} on
 */
async function setNotify(on) {
  if (on && globalThis.Notification && Notification.permission !== "granted") await Notification.requestPermission();
  localStorage.setItem(SETTING, on ? "on" : "off");
  return canNotify();
}

/**
 * Shows a message outside of the page. A newer one of the same conversation takes its place.
 * @param {Message} message
 * @param {(name: string) => void} open
 */
export async function notify(message, open) {
  if (!canNotify()) return;
  const room = message.with.startsWith("#");
  const title = room ? `${message.name} · ${message.with}` : message.name;
  const options = { body: message.text.slice(0, 300), tag: message.with, icon: "icon-192.png", data: message.with };
  const worker = await navigator.serviceWorker?.getRegistration();
  if (worker?.active) return worker.showNotification(title, options); // the only way on phones; worker.js takes the click
  const it = new Notification(title, options);
  it.onclick = () => {
    window.focus();
    open(message.with);
    it.close();
  };
}

/**
 * @param {(name: string) => void} open
 * @param {AbortSignal} signal
 */
export function onNotificationClick(open, signal) {
  navigator.serviceWorker?.addEventListener("message", (event) => {
    if (typeof event.data?.open === "string") open(event.data.open);
  }, { signal });
}

/** @param {number} unread */
export function showUnread(unread) {
  document.title = unread ? `(${unread > 99 ? "99+" : unread}) ${words.app}` : words.app;
  const set = unread ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.();
  set?.catch(() => {}); // not every browser that has it allows it
}
