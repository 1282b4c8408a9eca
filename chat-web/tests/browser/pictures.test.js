// The pictures in docs/pictures. PICTURES=write takes them again; otherwise they only have to exist, since fonts differ between
// machines.

import assert from "node:assert/strict";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Server, converse, enter, fill, hears, launch, log, open, say } from "./support.js";

const FOLDER = new URL("../../../docs/pictures/", import.meta.url);
const PHONE = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const DESKTOP = { viewport: { width: 1180, height: 740 } };

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Server} */
let server;
before(async () => {
  browser = await launch();
  server = await new Server(["--registration", "open"]).start();
  await server.addUser("ana", "Ana Lima");
  await server.addUser("siti", "Siti Nurhaliza binti Tarudin");
});
after(async () => {
  await browser.close();
  await server.close();
});

/** @param {import("playwright-core").Page} page @param {string} name */
async function picture(page, name) {
  // The pointer and the caret would be in it.
  await page.mouse.move(0, 0);
  const bytes = await page.screenshot({ animations: "disabled", caret: "hide" });
  const file = new URL(`${name}.png`, FOLDER);
  if (process.env["PICTURES"] === "write") {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(file, bytes);
  }
  assert.ok(statSync(file).size > 1000, `${file} is missing; PICTURES=write makes it`);
}

test("login", async () => {
  const page = await open(browser, server, DESKTOP);
  await page.getByRole("button", { name: "Create an account" }).waitFor();
  await picture(page, "login");
});

test("conversations", async () => {
  /** @type {[string, string, string][]} */
  const said = [
    ["henderson", "messi", "Are you coming to training on Friday?"],
    ["messi", "henderson", "Of course. Nine o'clock?"],
    ["henderson", "messi", "Nine it is. Bring the list of balls, please:\\nhttps://example.org/balls"],
    ["lineker", "messi", "Salt and vinegar, or ready salted?"],
  ];
  for (const [from, to, text] of said) await fill(server, from, [{ method: "send", params: { to, text: text.replace("\\n", "\n") } }]);
  const room = "#team";
  await fill(server, "henderson", [{ method: "room.create", params: { room, title: "The team", open: true } }]);
  const join = { method: "room.join", params: { room } };
  await fill(server, "lineker", [join]);
  await fill(server, "messi", [join]);
  await fill(server, "henderson", [{ method: "send", params: { to: room, text: "Welcome, everybody. Training is at nine, the bus leaves at eight." } }]);
  await fill(server, "lineker", [
    { method: "send", params: { to: room, text: "I bring crisps for all." } },
    { method: "send", params: { to: room, text: "And a ball." } },
  ]);
  const siti = await enter(browser, server, "siti", DESKTOP);
  await converse(siti, room);
  await say(siti, "Selamat pagi! Apa kabar semuanya?");
  await hears(siti, "Selamat pagi! Apa kabar semuanya?");

  const messi = await enter(browser, server, "messi", DESKTOP);
  const list = messi.getByRole("list", { name: "Conversations" });
  await list.getByText("Jordan Henderson").click();
  await hears(messi, "Of course. Nine o'clock?");
  await picture(messi, "conversation");
  await list.getByText("The team").or(list.getByText(room)).first().click();
  await hears(messi, "And a ball.");
  await say(messi, "Vamos!");
  await hears(messi, "Vamos!");
  await picture(messi, "room");

  const dark = await enter(browser, server, "messi", { ...DESKTOP, colorScheme: "dark" });
  await dark.getByRole("list", { name: "Conversations" }).getByText("The team").or(dark.getByText(room)).first().click();
  await hears(dark, "Vamos!");
  await picture(dark, "dark");

  const phone = await enter(browser, server, "messi", PHONE);
  await phone.getByText("Gary Lineker").first().waitFor();
  await picture(phone, "phone-list");
  await phone.getByRole("list", { name: "Conversations" }).getByText("The team").or(phone.getByText(room)).first().click();
  await log(phone).getByText("Vamos!").first().waitFor();
  await picture(phone, "phone");
});
