// What people do in a room besides talking: they invite, join, delete, search and leave.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server, enter, fill, hears, launch, log, say } from "./support.js";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

test("an invitation, a message that is deleted, one that is found, and a farewell", async (t) => {
  const server = await new Server().start();
  t.after(() => server.close());
  await fill(server, "messi", [
    { method: "room.create", params: { room: "#closed", open: false } },
    ...["one", "two", "a needle", "three"].map((text) => ({ method: "send", params: { to: "#closed", text } })),
  ]);
  const messi = await enter(browser, server, "messi");
  const lineker = await enter(browser, server, "lineker");
  await messi.getByRole("list", { name: "Conversations" }).getByText("#closed").click();
  await hears(messi, "three");

  await messi.getByRole("button", { name: "Members and settings" }).click();
  await messi.getByLabel("Invite somebody").fill("lineker");
  await messi.getByRole("button", { name: "Invite", exact: true }).click();
  await messi.getByText("lineker is invited.").waitFor();
  await messi.keyboard.press("Escape");
  await lineker.getByRole("list", { name: "Conversations" }).getByText("#closed").click();
  await lineker.getByRole("button", { name: "Join room" }).click();
  // What was said in a closed room before is not for those who come later.
  await lineker.getByRole("textbox", { name: "Message", exact: true }).waitFor();
  await say(messi, "welcome");
  await hears(lineker, "welcome");
  assert.equal(await log(lineker).getByText("three").count(), 0);
  await say(lineker, "a slip of the pen");
  await hears(messi, "a slip of the pen");

  await log(lineker).getByText("a slip of the pen").hover();
  await lineker.getByRole("button", { name: "Delete message" }).last().click();
  await lineker.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  for (const page of [messi, lineker]) {
    await log(page).getByText("Message deleted").waitFor();
    assert.equal(await log(page).getByText("a slip of the pen").count(), 0);
  }

  await messi.getByRole("button", { name: "Search", exact: true }).click();
  await messi.getByLabel("Search this conversation").fill("needle");
  await messi.getByText("1 of 1").waitFor();
  await messi.getByLabel("Search this conversation").fill("haystack");
  await messi.getByText("Nothing found").waitFor();
  await messi.keyboard.press("Escape");

  await lineker.getByRole("button", { name: "Members and settings" }).click();
  await lineker.getByRole("button", { name: "Leave room" }).click();
  await lineker.getByRole("list", { name: "Conversations" }).getByText("#closed").waitFor({ state: "detached" });
  for (const page of [messi, lineker]) assert.deepEqual(page.problems, []);
});
