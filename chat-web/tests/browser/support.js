// What the tests in a browser need: a server of the release binary, Chromium, and people who are logged in.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const SERVER = process.env["CHAT_SERVER"] ?? "../target/release/chat-server";
const CLI = process.env["CHAT_CLI"] ?? "../target/release/chat-cli";
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** As Debian's Chromium is started without a screen, and without talking to anybody. */
const ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** A server on a directory of its own, which can be killed and started again on the same ports. */
export class Server {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #process;
  #data = mkdtempSync(join(tmpdir(), "chat-web-"));
  web = "127.0.0.1:0";
  lines = "127.0.0.1:0";

  /** @param {string[]} options */
  constructor(options = []) {
    this.options = options;
  }

  async start() {
    const addresses = ["--web", this.web, "--listen", this.lines];
    const server = spawn(SERVER, ["--demo", "--data", this.#data, ...addresses, ...this.options], { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = server;
    const lines = createInterface({ input: /** @type {import("node:stream").Readable} */ (server.stderr) });
    let isReady = false;
    await new Promise((resolve, reject) => {
      server.on("error", reject);
      server.on("exit", (code) => isReady || reject(new Error(`the server has ended with ${code}`)));
      lines.on("line", (line) => {
        this.web = /open http:\/\/([^/]+)/.exec(line)?.[1] ?? this.web;
        this.lines = /listening on (\S+)$/.exec(line)?.[1] ?? this.lines;
        if (!this.web.endsWith(":0") && !this.lines.endsWith(":0") && /open http|listening on/.test(line)) {
          isReady ||= /open http/.test(line);
          if (isReady) resolve(undefined);
        }
      });
    });
    return this;
  }

  /** Ends it as a loss of power would. */
  async kill() {
    const server = this.#process;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGKILL");
    await ended;
  }

  async close() {
    await this.kill();
    rmSync(this.#data, { recursive: true });
  }

  get url() {
    return `http://${this.web}/`;
  }

  /** Adds a user, whose password is "secret". @param {string} name @param {string} fullName */
  async addUser(name, fullName) {
    await run(SERVER, ["user", "add", name, "--full-name", fullName, "--data", this.#data, "--password-stdin"], "secret\n");
  }

  /** What a task of chat-server prints. @param {string[]} options */
  task(...options) {
    return run(SERVER, [...options, "--data", this.#data], "");
  }

  /** chat-cli on a terminal, in which somebody is logged in. @param {string} user */
  async terminal(user) {
    const terminal = new Terminal(`${CLI} ${this.lines}`);
    await terminal.shows("User:");
    terminal.type(user);
    await terminal.shows("Password:");
    terminal.type("surabaya");
    await terminal.shows("Hello");
    return terminal;
  }
}

/** A program that takes its input from a terminal. */
class Terminal {
  #printed = "";
  #changed = () => {};

  /** @param {string} command */
  constructor(command) {
    this.#program = spawn("script", ["-qefc", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, TERM: "dumb" } });
    this.#program.stdout.on("data", (piece) => {
      this.#printed += piece;
      this.#changed();
    });
  }

  /** @type {import("node:child_process").ChildProcessByStdio<import("node:stream").Writable, import("node:stream").Readable, null>} */
  #program;

  /** @param {string} line */
  type(line) {
    this.#program.stdin.write(`${line}\r`);
  }

  /** Waits until it shows a text. @param {string} text */
  async shows(text) {
    while (!this.#printed.includes(text)) await new Promise((resolve) => (this.#changed = () => resolve(undefined)));
    this.#printed = this.#printed.slice(this.#printed.indexOf(text) + text.length);
  }

  close() {
    this.#program.kill();
  }
}

/** @param {string} program @param {string[]} options @param {string} input @returns {Promise<string>} */
export function run(program, options, input) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, options, { stdio: ["pipe", "pipe", "pipe"] });
    let printed = "";
    child.stdout.on("data", (piece) => (printed += piece));
    child.stderr.on("data", (piece) => (printed += piece));
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve(printed) : reject(new Error(`${program} ${options.join(" ")}: ${code}\n${printed}`))));
    child.stdin.end(input);
  });
}

/** A connection that speaks protocol 2 over lines, for filling a server quickly. */
export async function fill(/** @type {Server} */ server, /** @type {string} */ user, /** @type {object[]} */ requests) {
  const { connect } = await import("node:net");
  const [host, port] = server.lines.split(":");
  const socket = connect(Number(port), host);
  const all = [{ method: "login", params: { user, password: "surabaya" } }, ...requests];
  socket.write(all.map((request, id) => JSON.stringify({ jsonrpc: "2.0", id, ...request }) + "\n").join(""));
  let answers = 0;
  for await (const line of createInterface({ input: socket })) {
    const answer = JSON.parse(line);
    if (answer.error) throw new Error(line);
    if (answer.id !== undefined) answers += 1;
    if (answers === all.length) break;
  }
  socket.destroy();
}

export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}

/**
 * The page in a browser of its own, in which nobody is logged in.
 * @param {import("playwright-core").Browser} browser
 * @param {Server} server
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
export async function open(browser, server, options = {}) {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1100, height: 720 }, ...options });
  const page = await context.newPage();
  // What a policy forbids, a module that is missing, an error nobody handles: nothing of that goes unnoticed.
  /** @type {string[]} */
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    // A server that is down is what some tests are about.
    if (message.type() === "error" && !/WebSocket connection|ERR_CONNECTION_REFUSED|Failed to fetch/.test(message.text())) problems.push(message.text());
  });
  await page.goto(server.url);
  return Object.assign(page, { problems });
}

/**
 * The page of somebody who is logged in.
 * @param {import("playwright-core").Browser} browser
 * @param {Server} server
 * @param {string} user
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
export async function enter(browser, server, user, options = {}) {
  const page = await open(browser, server, options);
  await logIn(page, user, ["messi", "henderson", "lineker"].includes(user) ? "surabaya" : "secret");
  return page;
}

/** @param {import("playwright-core").Page} page @param {string} user @param {string} password */
export async function logIn(page, user, password) {
  await page.getByLabel("User name", { exact: true }).fill(user);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.getByRole("list", { name: "Conversations" }).waitFor({ state: "attached" });
}

/** Opens a conversation, and makes the room if there is none. @param {import("playwright-core").Page} page @param {string} name */
export async function converse(page, name) {
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.getByLabel("User name or #room").fill(name);
  await page.keyboard.press("Enter");
  await field(page).waitFor();
}

/** @param {import("playwright-core").Page} page */
export const field = (page) => page.getByRole("textbox", { name: "Message", exact: true });

/** @param {import("playwright-core").Page} page */
export const log = (page) => page.getByRole("log", { name: "Messages" });

/** @param {import("playwright-core").Page} page @param {string} text */
export async function say(page, text) {
  await field(page).fill(text);
  await field(page).press("Enter");
}

/** Waits until a message can be read. @param {import("playwright-core").Page} page @param {string} text */
export async function hears(page, text) {
  await log(page).getByText(text, { exact: true }).first().waitFor();
}
