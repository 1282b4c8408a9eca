// Two people and a page each: they talk, whatever becomes of the server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server, converse, enter, field, hears, launch, log, open, say } from "./support.js";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

test("two people talk directly and in a room, beside a program", async (t) => {
  const server = await new Server().start();
  t.after(() => server.close());
  const messi = await enter(browser, server, "messi");
  const lineker = await enter(browser, server, "lineker");
  await converse(messi, "lineker");
  await say(messi, "Halo Gary");
  await lineker.getByRole("list", { name: "Conversations" }).getByText("Lionel Messi").click();
  await hears(lineker, "Halo Gary");
  await field(messi).waitFor();
  await field(lineker).pressSequentially("Hi", { delay: 5 });
  await messi.getByText("typing").first().waitFor();
  await field(lineker).press("Shift+Enter");
  await field(lineker).pressSequentially("there");
  await field(lineker).press("Enter");
  await log(messi).getByText("Hi\nthere").or(log(messi).getByText("Hi there")).first().waitFor();
  await log(messi).getByRole("img", { name: "Read" }).first().waitFor();

  await converse(messi, "#family");
  await converse(lineker, "#family");
  await say(lineker, "all together");
  await hears(messi, "all together");
  const henderson = await server.terminal("henderson");
  t.after(() => henderson.close());
  henderson.type("/join #family");
  await henderson.shows("#family>");
  henderson.type("from a program");
  await say(messi, "and back");
  await henderson.shows("and back");
  for (const page of [messi, lineker]) {
    await hears(page, "from a program");
    assert.deepEqual(page.problems, []);
  }
});

test("nothing is lost and nothing is there twice when the server is killed", async (t) => {
  const server = await new Server().start();
  t.after(() => server.close());
  const messi = await enter(browser, server, "messi");
  const henderson = await enter(browser, server, "henderson");
  await converse(messi, "henderson");
  await converse(henderson, "messi");
  /** @type {string[]} */
  const said = [];
  for (let round = 0; round < 3; round += 1) {
    for (const text of [`before ${round}`, `at ${round}`]) {
      await say(messi, text);
      said.push(text);
    }
    await server.kill();
    await messi.getByRole("status", { name: "Connection" }).getByText("Offline").waitFor();
    for (const text of [`while ${round}`, `and ${round}`]) {
      await say(messi, text);
      said.push(text);
    }
    await server.start();
    for (const page of [messi, henderson]) {
      // Its own attempts are seconds apart by now.
      await page.getByRole("button", { name: "Retry now" }).click({ timeout: 3000 }).catch(() => {});
      await hears(page, `and ${round}`);
    }
    await say(henderson, `back ${round}`);
    await hears(messi, `back ${round}`);
    said.push(`back ${round}`);
  }
  for (const page of [messi, henderson]) {
    const shown = (await log(page).innerText()).split("\n").filter((line) => /^(before|at|while|and|back) \d$/.test(line));
    assert.deepEqual(shown, said);
    assert.deepEqual(page.problems, []);
  }
  await messi.reload();
  await messi.getByRole("list", { name: "Conversations" }).getByText("Jordan Henderson").click();
  await hears(messi, "back 2");
});

test("somebody registers with an invitation, and logs out", async (t) => {
  const server = await new Server(["--registration", "invite"]).start();
  t.after(() => server.close());
  const code = /[0-9a-f]{32}/.exec(await server.task("invite"))?.[0];
  const page = await open(browser, server);
  // In the tab that has the page already.
  await page.goto(`${server.url}#invite=${code}`);
  await page.getByLabel("User name", { exact: true }).fill("ana");
  await page.getByLabel("Full name").fill("Ana Lima");
  await page.getByLabel("Password", { exact: true }).fill("secret");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("button", { name: "New conversation" }).waitFor();
  assert.ok(!page.url().includes(String(code)), "the code is used up and gone");
  const stored = await page.evaluate(() => JSON.stringify(localStorage));
  const token = /"token\\?":\\?"([^"\\]+)/.exec(stored)?.[1];
  assert.ok(token, stored);
  await page.getByRole("button", { name: "Your account" }).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("button", { name: "Log in", exact: true }).waitFor();
  assert.ok(!(await page.evaluate(() => JSON.stringify(localStorage))).includes(token), "the token is gone");
  assert.deepEqual(page.problems, []);
});
