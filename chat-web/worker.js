// The service worker: keeps a copy of the page's files for when the server cannot be reached, and shows notifications.
// As long as it can, all files come from the server, so that the page is never older than it. Messages are not kept here.

const scope = /** @type {any} */ (globalThis);
const CACHE = "chat-shell";
/** When the page that was loaded has loaded the rest, too. */
const SETTLED_MS = 4_000;

/** Whether the page that was loaded last came from the copies; its other files then do, too. */
let away = false;

scope.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(scope.skipWaiting());
});

scope.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil((async () => {
    await scope.registration.navigationPreload?.enable();
    await scope.clients.claim();
    await keep(); // the page that registered this worker was loaded without it
  })());
});

scope.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== scope.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (away) event.respondWith(copy(pathname).then((kept) => kept ?? fetch(request)));
});

/**
 * The page itself: the server's, or the copy if there is no answer.
 * @param {any} event
 */
async function page(event) {
  try {
    const answer = (await event.preloadResponse) ?? (await fetch(event.request));
    away = false;
    event.waitUntil(new Promise((resolve) => setTimeout(resolve, SETTLED_MS)).then(keep));
    return answer;
  } catch (error) {
    const kept = await copy("/");
    if (!kept) throw error;
    away = true;
    return kept;
  }
}

/** @param {string} pathname */
async function copy(pathname) {
  return (await caches.open(CACHE)).match(pathname);
}

/** Copies all files of the page, or none: those of two versions do not fit together. */
async function keep() {
  try {
    const index = await fetch("/", { cache: "no-cache" });
    const text = await index.clone().text();
    const files = [...text.matchAll(/<(?:link|script)[^>]* (?:href|src)="([\w./-]+)"/g)].map((match) => `/${match[1]}`);
    const answers = await Promise.all(files.map(async (file) => /** @type {const} */ ([file, await fetch(file, { cache: "no-cache" })])));
    if (!index.ok || !answers.every(([, answer]) => answer.ok)) return;
    await caches.delete(CACHE); // files that are no longer used
    const cache = await caches.open(CACHE);
    await Promise.all([...answers, /** @type {const} */ (["/", index])].map(([file, answer]) => cache.put(file, answer)));
  } catch {} // the server is away: the next load copies them
}

scope.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  const name = event.notification.data;
  event.waitUntil((async () => {
    const [page] = await scope.clients.matchAll({ type: "window" });
    if (page) {
      page.postMessage({ open: name });
      return page.focus();
    }
    return scope.clients.openWindow(`/#/${encodeURIComponent(name)}`);
  })());
});
