// The service worker: keeps a copy of the page's files for when the server cannot be reached, and shows notifications.
// It asks the server first, always, so that a page is never older than its server. Messages are never kept here.

const scope = /** @type {any} */ (globalThis);
const CACHE = "chat-shell";
/** A server that does not answer for so long counts as unreachable. */
const PATIENCE_MS = 4_000;

scope.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(scope.skipWaiting());
});

scope.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil((async () => {
    await scope.registration.navigationPreload?.enable();
    await scope.clients.claim();
    // The page that registered this worker was loaded without it: keep its files now.
    const cache = await caches.open(CACHE);
    const page = await fetch("/", { cache: "no-cache" });
    if (!page.ok) return;
    const text = await page.clone().text();
    await cache.put("/", page);
    const files = [...text.matchAll(/(?:href|src)="([\w./-]+)"/g)].map((match) => `/${match[1]}`);
    await Promise.all(files.map(async (file) => {
      const answer = await fetch(file, { cache: "no-cache" });
      if (answer.ok) await cache.put(file, answer);
    }));
  })().catch(() => {})); // the server is away: the next load fills the cache
});

scope.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.location.origin) return;
  event.respondWith(answer(event, url));
});

/**
 * @param {any} event
 * @param {URL} url
 */
async function answer(event, url) {
  const { request } = event;
  const fetched = fresh(event);
  const cache = await caches.open(CACHE);
  const kept = () => cache.match(request.mode === "navigate" ? "/" : url.pathname);
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS)).then(kept);
  try {
    const response = await Promise.race([fetched, patience.then((copy) => copy ?? fetched)]);
    return response;
  } catch (error) {
    const copy = await kept();
    if (copy) return copy;
    throw error;
  }
}

/**
 * The server's answer, which is kept if it is good.
 * @param {any} event
 */
async function fresh(event) {
  const { request } = event;
  const response = (await event.preloadResponse) ?? (await fetch(request.mode === "navigate" ? request.url : request, { cache: "no-cache" }));
  if (response.ok && response.type === "basic") {
    const copy = response.clone();
    const { pathname } = new URL(request.url);
    event.waitUntil(caches.open(CACHE).then((cache) => cache.put(pathname === "/index.html" ? "/" : pathname, copy)).catch(() => {}));
  }
  return response;
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
