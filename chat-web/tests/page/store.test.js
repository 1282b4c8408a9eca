// What comes of answers and events, in whatever order they come.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Store, indexOf, merge } from "../../page/store.js";

/**
 * @param {number} id
 * @param {string} [from]
 * @param {object} [more]
 */
const message = (id, from = "henderson", more = {}) => ({ id, with: "henderson", from, name: from, text: `m${id}`, time: id * 1000, ...more });
/** @param {{ id: number }[]} list */
const ids = (list) => list.map(({ id }) => id);

test("pages join without repeats, in order", () => {
  assert.deepEqual(ids(merge([message(3), message(5)], [message(1), message(3), message(4)])), [1, 3, 4, 5]);
  assert.deepEqual(ids(merge([message(3)], [message(1)])), [1, 3]);
  assert.deepEqual(ids(merge([message(3)], [message(4)])), [3, 4]);
  assert.deepEqual(ids(merge([], [message(4)])), [4]);
  assert.equal(merge([message(3)], [message(3, "henderson", { deleted: true })])[0]?.deleted, true);
});

test("an id is found, or its place", () => {
  const list = [message(2), message(4), message(8)];
  assert.deepEqual([0, 2, 3, 8, 9, Infinity].map((id) => indexOf(list, id)), [0, 0, 1, 2, 3, 3]);
});

test("a message that the list knew already is not unread twice", () => {
  const store = new Store("messi");
  store.takeConversations([{ with: "henderson", unread: 1, read: 0, last: message(7) }]);
  assert.equal(store.takeMessage(message(7)), false);
  assert.equal(store.unread, 1);
  assert.equal(store.takeMessage(message(8)), true);
  assert.equal(store.unread, 2);
});

test("own messages are not unread, notes to oneself are", () => {
  const store = new Store("messi");
  store.takeMessage(message(1, "messi"));
  assert.equal(store.unread, 0);
  store.takeMessage(message(2, "messi", { with: "messi" }));
  assert.equal(store.unread, 1);
});

test("a sent message takes the place of the one that waited, by event or by answer", () => {
  for (const both of [false, true]) {
    const store = new Store("messi"), it = store.conversation("henderson");
    store.takeHistory("henderson", [message(1)], false);
    it.pending.push({ key: "k", to: "henderson", text: "m2", time: 0 });
    store.takeMessage(message(2, "messi", { key: "k" }));
    if (both) store.takeMessage(message(2, "messi", { key: "k" }));
    assert.deepEqual([ids(it.messages), it.pending.length], [[1, 2], 0]);
  }
});

test("what comes while the first page is on its way is kept", () => {
  const store = new Store("messi"), it = store.conversation("henderson");
  it.loading = Promise.resolve();
  store.takeMessage(message(9));
  store.takeHistory("henderson", [message(7), message(8)], true);
  assert.deepEqual(ids(it.messages), [7, 8, 9]);
  assert.equal(it.more, true);
});

test("cursors: the other's marks, one's own elsewhere", () => {
  const store = new Store("messi"), it = store.conversation("henderson");
  store.takeHistory("henderson", [message(1), message(2), message(3)], false);
  it.unread = 3;
  assert.equal(store.takeRead("henderson", "messi", 2), true);
  assert.equal(it.unread, 1);
  store.takeRead("henderson", "henderson", 3);
  store.takeRead("henderson", "henderson", 1);
  assert.equal(it.readByOther, 3);
  store.takeRead("henderson", "messi", 3);
  assert.equal(it.unread, 0);
});

test("a deleted message stays in place, and is no longer unread", () => {
  const store = new Store("messi"), it = store.conversation("henderson");
  store.takeHistory("henderson", [message(1)], false);
  store.takeMessage(message(2));
  store.takeDeleted("henderson", 2);
  assert.deepEqual([it.unread, it.messages[1]?.text, it.messages[1]?.deleted, it.last?.deleted], [0, "", true, true]);
});

test("typing ends by itself, and with the message", () => {
  const store = new Store("messi"), it = store.conversation("henderson");
  store.takeTyping("henderson", "henderson", 0);
  assert.deepEqual(it.typists(4_999), ["henderson"]);
  assert.deepEqual(it.typists(5_000), []);
  store.takeTyping("henderson", "henderson", 0);
  store.takeMessage(message(1));
  assert.deepEqual(it.typists(1), []);
});

test("the latest conversation comes first, and empty rooms are listed", () => {
  const store = new Store("messi");
  store.takeConversations([
    { with: "henderson", unread: 0, read: 0, last: message(5) },
    { with: "#team", unread: 0, read: 0, last: message(6, "henderson", { with: "#team" }) },
  ]);
  store.takeRooms([{ room: "#empty", title: "", open: true, members: 1, standing: "owner" }, { room: "#other", title: "", open: true, members: 1 },
    { room: "#team", title: "", open: true, members: 1, standing: "member" }], false);
  assert.deepEqual(store.sorted().map((it) => it.with), ["#team", "henderson", "#empty"]);
  store.takeMessage(message(7));
  assert.deepEqual(store.sorted().map((it) => it.with), ["henderson", "#team", "#empty"]);
  store.forgetRoom("#team");
  assert.deepEqual(store.sorted().map((it) => it.with), ["henderson", "#empty"]);
});

test("a room that the user was removed from while away is not listed", () => {
  const store = new Store("messi");
  store.takeMessage(message(6, "henderson", { with: "#team" }));
  store.takeRooms([], true);
  assert.equal(store.sorted().length, 1);
  store.takeRooms([], false);
  assert.equal(store.sorted().length, 0);
});

test("a page that comes after what it joins was forgotten is not taken", () => {
  const store = new Store("messi");
  const page = (/** @type {number} */ from, /** @type {number} */ count) => Array.from({ length: count }, (_, i) => message(from + i));
  store.takeHistory("henderson", page(1000, 700), true);
  const it = store.conversation("henderson");
  // The reader scrolls up, and opens another conversation before the answer.
  it.trim();
  store.takeHistory("henderson", page(800, 200), false, 1000);
  assert.deepEqual(ids(it.messages), ids(page(1400, 300)));
  assert.equal(it.more, true);
  store.takeHistory("henderson", page(1200, 200), true, 1400);
  assert.deepEqual(ids(it.messages), ids(page(1200, 500)));
});
