// The page by itself: what others wrote stays text, all works without a mouse and on a phone, it is quick, and axe finds
// nothing serious.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { Server, converse, enter, field, fill, hears, launch, log, logIn, open, say } from "./support.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Server} */
let server;
before(async () => {
  browser = await launch();
  server = await new Server().start();
  await server.addUser("mallory", `<img src=x onerror="window.hacked=1">`);
});
after(async () => {
  await browser.close();
  await server.close();
});

/** @param {import("playwright-core").Page} page @param {string} where */
async function isAccessible(page, where) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => /** @type {any} */ (window).axe.run());
  const serious = violations.filter((/** @type {{ impact: string }} */ it) => ["serious", "critical"].includes(it.impact));
  assert.deepEqual(serious.map((/** @type {any} */ it) => `${it.id}: ${it.nodes.map((/** @type {any} */ node) => node.html).join(" ")}`), [], where);
}

test("script in a text and in a full name stays text", async () => {
  const messi = await enter(browser, server, "messi");
  const mallory = await enter(browser, server, "mallory");
  await converse(mallory, "messi");
  const texts = [
    `<script>window.hacked=1</script>`,
    `<img src=x onerror=window.hacked=1>`,
    `javascript:window.hacked=1 https://example.org/"onmouseover="window.hacked=1 data:text/html,x`,
    `&lt;b&gt; \u202Eesrever ${"long".repeat(400)}`,
  ];
  for (const text of texts) await say(mallory, text);
  await messi.getByRole("list", { name: "Conversations" }).getByText("<img src=x").first().click();
  await hears(messi, texts[0] ?? "");
  await log(messi).getByText("esrever").waitFor();
  for (const page of [messi, mallory]) {
    assert.equal(await page.evaluate(() => /** @type {any} */ (window).hacked), undefined);
    assert.deepEqual(page.problems, []);
    const links = await log(page).getByRole("link").evaluateAll((all) => all.map((it) => [it.getAttribute("href"), it.getAttribute("rel")]));
    assert.ok(links.length > 0);
    for (const [href, rel] of links) assert.ok(href?.startsWith("https://example.org/") && rel?.includes("noopener"), href ?? "");
    const [width, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(Number(width) <= Number(room), "a long word does not widen the page");
  }
});

test("everything by keyboard", async () => {
  const page = await open(browser, server);
  await page.getByLabel("User name", { exact: true }).waitFor();
  await page.keyboard.type("henderson");
  await page.keyboard.press("Tab");
  await page.keyboard.type("surabaya");
  await page.keyboard.press("Enter");
  const start = page.getByRole("button", { name: "New conversation" });
  await start.waitFor();
  for (let steps = 0; !(await start.evaluate((it) => it === document.activeElement)); steps += 1) {
    assert.ok(steps < 30, "the button can be reached");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  assert.ok(await start.evaluate((it) => it === document.activeElement), "the focus comes back");
  await page.keyboard.press("Enter");
  await page.keyboard.type("#keyboard");
  await page.keyboard.press("Enter");
  await field(page).waitFor();
  await page.waitForFunction(() => document.activeElement?.tagName === "TEXTAREA");
  await page.keyboard.type("without a mouse");
  await page.keyboard.press("Enter");
  await hears(page, "without a mouse");
  assert.deepEqual(page.problems, []);
});

test("on a phone, and in Indonesian", async () => {
  const page = await enter(browser, server, "lineker", PHONE);
  await converse(page, "#phone");
  await say(page, "from a phone");
  await hears(page, "from a phone");
  await isAccessible(page, "a conversation on a phone");
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByRole("list", { name: "Conversations" }).waitFor();
  assert.ok(await log(page).isHidden());
  const [width, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(Number(width) <= Number(room), `${width} of ${room}`);
  const other = await open(browser, server, { locale: "id-ID" });
  await other.getByRole("button", { name: "Masuk" }).waitFor();
  assert.equal(await other.evaluate(() => document.documentElement.lang), "id");
});

test("axe finds nothing serious, in light and dark", async () => {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    const page = await open(browser, server, { colorScheme });
    await page.getByLabel("User name", { exact: true }).waitFor();
    await isAccessible(page, `login, ${colorScheme}`);
    await logIn(page, "messi", "surabaya");
    await isAccessible(page, `the list, ${colorScheme}`);
    await converse(page, "#axe");
    await say(page, "what does axe say?");
    await hears(page, "what does axe say?");
    await isAccessible(page, `a room, ${colorScheme}`);
    await page.getByRole("button", { name: "New conversation" }).click();
    await isAccessible(page, `a dialog, ${colorScheme}`);
    assert.deepEqual(page.problems, []);
  }
});

test("10,000 messages are scrolled", async () => {
  await fill(server, "henderson", [{ method: "room.create", params: { room: "#long" } }]);
  await fill(server, "henderson", Array.from({ length: 10_000 }, (_, number) => ({ method: "send", params: { to: "#long", text: `number ${number}` } })));
  const page = await enter(browser, server, "henderson");
  await converse(page, "#long");
  await hears(page, "number 9999");
  const box = log(page);
  for (let scrolls = 0; (await box.getByText("number 0", { exact: true }).count()) === 0; scrolls += 1) {
    assert.ok(scrolls < 600, "the beginning is reached");
    await box.evaluate((it) => (it.scrollTop = 0));
    // One frame, in which what has come is shown.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
  }
  const took = await box.evaluate(async (it) => {
    const times = [];
    for (let step = 0; step < 60; step += 1) {
      const before = performance.now();
      it.scrollTop += it.clientHeight / 2;
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      times.push(performance.now() - before);
    }
    return times.sort((one, other) => one - other)[57] ?? Infinity;
  });
  console.log(`a frame while scrolling through 10,000 messages: ${took.toFixed(1)} ms (95 of 100)`);
  assert.deepEqual(page.problems, []);
});

test("the page is usable soon", async () => {
  const page = await open(browser, server);
  await page.addInitScript(() => {
    const seen = /** @type {any} */ (window);
    new MutationObserver(() => {
      if (document.querySelector("form input")) seen.usable ??= performance.now();
    }).observe(document, { childList: true, subtree: true });
  });
  /** @type {number[]} */
  const times = [];
  for (let round = 0; round < 7; round += 1) {
    await page.reload();
    await page.getByLabel("User name", { exact: true }).waitFor();
    times.push(await page.evaluate(() => /** @type {any} */ (window).usable));
  }
  times.sort((one, other) => one - other);
  console.log(`usable after ${times.map((time) => time.toFixed(0)).join(", ")} ms`);
  // 100 ms on a quiet machine; a busy one may take its time.
  assert.ok((times[3] ?? Infinity) < 1000, `${times}`);
});
