// Notifications of the system, the badge of the app and the title of the page.

import { words } from "./words.js";

/** @import { Message } from "../client/protocol.js" */

const SETTING = "chat.notify";

/** Whether the user wants notifications, and the browser allows them. */
export function canNotify() {
  return globalThis.Notification?.permission === "granted" && localStorage.getItem(SETTING) === "on";
}

/**
 * Turns notifications on or off, and asks the user for the permission. Returns whether they are on now.
 * @param {boolean} on
 */
export async function setNotify(on) {
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
 * Has `open` called when a notification that the worker showed was clicked.
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
