// All that the page says, in English and Indonesian, and how it writes times. The browser's language decides.

/** What is said, first in English, then in Indonesian. */
const table = {
  app: ["Chat", "Chat"],
  // Login and registration
  welcome: ["Welcome", "Selamat datang"],
  welcomeNew: ["Create your account", "Buat akun Anda"],
  userName: ["User name", "Nama pengguna"],
  password: ["Password", "Kata sandi"],
  fullName: ["Full name", "Nama lengkap"],
  invitation: ["Invitation code", "Kode undangan"],
  userNameHint: ["Letters, digits, dots, dashes. Others find you by this name.",
    "Huruf, angka, titik, tanda hubung. Orang lain menemukan Anda dengan nama ini."],
  logIn: ["Log in", "Masuk"],
  loggingIn: ["Logging in…", "Sedang masuk…"],
  register: ["Create account", "Buat akun"],
  toRegister: ["Create an account", "Buat akun"],
  toLogIn: ["I have an account", "Saya punya akun"],
  noAccount: ["New here?", "Baru di sini?"],
  askOperator: ["Ask the operator of this server for an account.", "Mintalah akun kepada pengelola server ini."],
  missing: ["Fill in this field.", "Isi kolom ini."],
  failed: ["That did not work. Try again.", "Itu tidak berhasil. Coba lagi."],
  // Frame
  conversations: ["Conversations", "Percakapan"],
  newConversation: ["New conversation", "Percakapan baru"],
  account: ["Your account", "Akun Anda"],
  messages: ["Messages", "Pesan-pesan"],
  message: ["Message", "Pesan"],
  connection: ["Connection", "Koneksi"],
  back: ["Back", "Kembali"],
  close: ["Close", "Tutup"],
  cancel: ["Cancel", "Batal"],
  save: ["Save", "Simpan"],
  saved: ["Saved", "Tersimpan"],
  online: ["Online", "Daring"],
  connected: ["Online, connected to the server.", "Daring, terhubung dengan server."],
  connecting: ["Connecting…", "Menghubungkan…"],
  offline: ["Offline, reconnecting. Messages are sent when the server is back.",
    "Luring, menghubungkan kembali. Pesan dikirim setelah server kembali."],
  offlineLogin: ["Offline, reconnecting. The server cannot be reached.", "Luring, menghubungkan kembali. Server tidak dapat dihubungi."],
  retry: ["Retry now", "Coba sekarang"],
  // List
  noConversations: ["No conversations yet", "Belum ada percakapan"],
  noConversationsHint: ["Start one with a user name, or open a room that others can join.",
    "Mulailah dengan nama pengguna, atau buka ruang yang dapat diikuti orang lain."],
  you: ["You", "Anda"],
  notes: ["Notes to yourself", "Catatan pribadi"],
  deleted: ["Message deleted", "Pesan dihapus"],
  draft: ["Draft", "Draf"],
  invited: ["Invitation", "Undangan"],
  invitedHint: ["You are invited", "Anda diundang"],
  newRoom: ["No messages yet", "Belum ada pesan"],
  waiting: ["Waiting", "Menunggu"],
  unread: [(/** @type {number} */ n) => (n === 1 ? "1 unread message" : `${n} unread messages`),
    (/** @type {number} */ n) => `${n} pesan belum dibaca`],
  // Conversation
  chooseTitle: ["Pick a conversation", "Pilih percakapan"],
  choose: ["Choose one from the list, or start a new one with the + button.", "Pilih satu dari daftar, atau mulai yang baru dengan tombol +."],
  firstTitle: ["Say hello to somebody", "Sapalah seseorang"],
  first: ["Press the + button to write to a person, or to open a room.", "Tekan tombol + untuk menulis kepada seseorang, atau untuk membuka ruang."],
  emptyDirect: ["This is the beginning of your conversation.", "Ini awal percakapan Anda."],
  emptyRoom: ["This is the beginning of this room. Say hello.", "Ini awal ruang ini. Sapalah yang lain."],
  emptyNotes: ["Write down what you want to keep. Only you can see it.", "Catat apa yang ingin Anda simpan. Hanya Anda yang dapat melihatnya."],
  beginning: ["The beginning of this conversation", "Awal percakapan ini"],
  loadingMessages: ["Loading messages…", "Memuat pesan…"],
  loadLater: ["The messages are loaded when the connection is back.", "Pesan dimuat setelah koneksi pulih."],
  loadFailed: ["The messages could not be loaded.", "Pesan tidak dapat dimuat."],
  newMessages: ["New messages", "Pesan baru"],
  latest: ["Go to the latest message", "Ke pesan terbaru"],
  send: ["Send", "Kirim"],
  sent: ["Sent", "Terkirim"],
  read: ["Read", "Dibaca"],
  unsent: ["Not sent", "Tidak terkirim"],
  old: ["It has been waiting for a day. Check that you still want to send it.", "Pesan ini sudah menunggu sehari. Periksa apakah masih diperlukan."],
  again: ["Send again", "Kirim lagi"],
  discard: ["Discard", "Buang"],
  remove: ["Delete message", "Hapus pesan"],
  removeQuestion: ["Delete this message?", "Hapus pesan ini?"],
  removeHint: ["Everyone in this conversation will see that a message was deleted.",
    "Semua orang dalam percakapan ini akan melihat bahwa sebuah pesan dihapus."],
  removeButton: ["Delete", "Hapus"],
  tooLong: [(/** @type {number} */ bytes) => `This message is too long. Shorten it by about ${bytes} characters, or send it in parts.`,
    (/** @type {number} */ bytes) => `Pesan ini terlalu panjang. Kurangi sekitar ${bytes} huruf, atau kirim dalam beberapa bagian.`],
  lastSeen: [(/** @type {string} */ when) => `last seen ${when}`,
    (/** @type {string} */ when) => `terakhir terlihat ${when}`],
  typing: [(/** @type {string[]} */ names) => names.length > 2 ? "Several people are typing…" : `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing…`,
    (/** @type {string[]} */ names) => (names.length > 2 ? "Beberapa orang sedang mengetik…" : `${names.join(" dan ")} sedang mengetik…`)],
  // Search
  search: ["Search", "Cari"],
  searchField: ["Search this conversation", "Cari dalam percakapan ini"],
  found: [(/** @type {number} */ at, /** @type {number} */ of) => (of ? `${at} of ${of}` : "Nothing found"),
    (/** @type {number} */ at, /** @type {number} */ of) => (of ? `${at} dari ${of}` : "Tidak ditemukan")],
  older: ["Search earlier messages", "Cari di pesan sebelumnya"],
  next: ["Later match", "Hasil sesudahnya"],
  previous: ["Earlier match", "Hasil sebelumnya"],
  // New conversation
  target: ["User name or #room", "Nama pengguna atau #ruang"],
  targetHint: ["Press Enter to open it. A room that does not exist yet is created.", "Tekan Enter untuk membukanya. Ruang yang belum ada akan dibuat."],
  inviteOnly: ["Only people who are invited can join", "Hanya orang yang diundang dapat bergabung"],
  open: ["Open", "Buka"],
  people: ["People", "Orang"],
  openRooms: ["Rooms", "Ruang"],
  // Room
  members: [(/** @type {number} */ n) => (n === 1 ? "1 member" : `${n} members`),
    (/** @type {number} */ n) => `${n} anggota`],
  roomTitle: ["Title", "Judul"],
  roomOpen: ["Anyone can join", "Siapa pun dapat bergabung"],
  roomClosed: ["Only by invitation", "Hanya dengan undangan"],
  owner: ["Owner", "Pemilik"],
  invite: ["Invite", "Undang"],
  inviteField: ["Invite somebody", "Undang seseorang"],
  inviteHint: ["User name", "Nama pengguna"],
  inviteDone: [(/** @type {string} */ user) => `${user} is invited.`,
    (/** @type {string} */ user) => `${user} diundang.`],
  leave: ["Leave room", "Keluar dari ruang"],
  removeMember: [(/** @type {string} */ user) => `Remove ${user}`,
    (/** @type {string} */ user) => `Keluarkan ${user}`],
  makeOwner: [(/** @type {string} */ user) => `Make ${user} an owner`,
    (/** @type {string} */ user) => `Jadikan ${user} pemilik`],
  deleteRoom: ["Delete room", "Hapus ruang"],
  deleteRoomQuestion: ["Delete this room and all its messages? This cannot be undone.",
    "Hapus ruang ini beserta semua pesannya? Ini tidak dapat dibatalkan."],
  join: ["Join room", "Gabung"],
  invitedTo: [(/** @type {string} */ room) => `You are invited to ${room}`,
    (/** @type {string} */ room) => `Anda diundang ke ${room}`],
  roomMore: ["More members are not shown.", "Anggota lainnya tidak ditampilkan."],
  showMembers: ["Members and settings", "Anggota dan pengaturan"],
  // Person
  about: ["About this person", "Tentang orang ini"],
  block: ["Block", "Blokir"],
  unblock: ["Unblock", "Buka blokir"],
  blockHint: ["Blocked people cannot send you direct messages.", "Orang yang diblokir tidak dapat mengirimi Anda pesan langsung."],
  // Account
  notifications: ["Notify me of new messages", "Beri tahu saya tentang pesan baru"],
  notificationsDenied: ["The browser blocks notifications of this page. Allow them in its settings for this site.",
    "Peramban memblokir notifikasi halaman ini. Izinkan di pengaturan situs."],
  changePassword: ["Change password", "Ganti kata sandi"],
  oldPassword: ["Current password", "Kata sandi sekarang"],
  newPassword: ["New password", "Kata sandi baru"],
  passwordChanged: ["The password is changed. Your other devices are logged out.",
    "Kata sandi telah diganti. Perangkat Anda yang lain telah keluar."],
  logOut: ["Log out", "Keluar"],
  unsentLogout: ["Some messages are not sent yet. They are discarded if you log out now.",
    "Beberapa pesan belum terkirim. Pesan itu dibuang jika Anda keluar sekarang."],
  ended: ["Your session has ended. Log in again.", "Sesi Anda telah berakhir. Silakan masuk lagi."],
  announcement: ["Announcement", "Pengumuman"],
  // Times
  today: ["Today", "Hari ini"],
  yesterday: ["Yesterday", "Kemarin"],
  justNow: ["just now", "baru saja"],
};

/** What to say for an error of the protocol, by its word. @type {Record<string, string[]>} */
const errors = {
  no_such_user: ["There is no user with that name. Check the spelling; capitals matter.", "Tidak ada pengguna dengan nama itu. Periksa ejaannya, juga huruf besarnya."],
  wrong_password: ["The password is wrong. Try again.", "Kata sandi salah. Coba lagi."],
  no_such_room: ["There is no such room, or you are not invited to it.", "Ruang itu tidak ada, atau Anda tidak diundang."],
  mailbox_full: ["The recipient's mailbox is full. Try again later.", "Kotak pesan penerima penuh. Coba lagi nanti."],
  too_many_attempts: ["Too many attempts. Wait a little, then try again.", "Terlalu banyak percobaan. Tunggu sebentar, lalu coba lagi."],
  registration_closed: table.askOperator,
  busy: ["The server is busy. Try again in a moment.", "Server sedang sibuk. Coba lagi sebentar."],
  user_exists: ["This user name is taken. Choose another one.", "Nama pengguna ini sudah dipakai. Pilih yang lain."],
  invalid_user_name: ["Use up to 32 letters (a–z), digits, dots, dashes and underscores. Begin with a letter or digit.", "Gunakan paling banyak 32 huruf (a–z), angka, titik, tanda hubung, dan garis bawah. Awali dengan huruf atau angka."],
  invalid_full_name: ["Use up to 256 bytes, and no invisible characters.", "Gunakan paling banyak 256 byte, tanpa karakter tak terlihat."],
  invalid_password: ["Use a password without spaces.", "Gunakan kata sandi tanpa spasi."],
  banned: ["This account is banned. Ask the operator of the server.", "Akun ini diblokir. Hubungi pengelola server."],
  room_exists: ["This room is by invitation only. Ask one of its owners.", "Ruang ini hanya untuk yang diundang. Mintalah kepada pemiliknya."],
  not_a_member: ["You are not a member of this room.", "Anda bukan anggota ruang ini."],
  not_an_owner: ["Only an owner of the room can do this.", "Hanya pemilik ruang yang dapat melakukan ini."],
  last_owner: ["You are the only owner. Make another member an owner, or delete the room.", "Anda satu-satunya pemilik. Jadikan anggota lain pemilik, atau hapus ruang."],
  blocked: ["You cannot send messages to this person.", "Anda tidak dapat mengirim pesan kepada orang ini."],
  rate_limited: ["That was too fast. Wait a moment, then try again.", "Terlalu cepat. Tunggu sebentar, lalu coba lagi."],
  invitation_required: ["You need an invitation code to register. Ask the operator.", "Pendaftaran memerlukan kode undangan. Mintalah kepada pengelola."],
  no_such_invitation: ["This invitation has been used or has expired. Ask the operator for a new one.", "Undangan ini sudah dipakai atau kedaluwarsa. Mintalah yang baru kepada pengelola."],
  disconnected: ["The server cannot be reached. Check your connection, and try again.", "Server tidak dapat dihubungi. Periksa koneksi Anda, lalu coba lagi."],
};

/** @type {Record<string, string>} */
const ALIKE = { no_such_recipient: "no_such_user", no_such_conversation: "no_such_user", invalid_title: "invalid_full_name",
  invalid_room_name: "invalid_user_name" };

const browser = globalThis.navigator?.language ?? "en";
const indonesian = /^(id|in)\b/i.test(browser);
export const lang = indonesian ? "id" : "en";
const said = indonesian ? 1 : 0;
export const words = /** @type {{ [K in keyof typeof table]: (typeof table)[K][0] }} */ (
  Object.fromEntries(Object.entries(table).map(([key, pair]) => [key, pair[said]])));
// English words with an English clock, of the country that the browser says.
const locale = indonesian || /^en\b/i.test(browser) ? browser : "en";

/** The word of the protocol for an error. @param {unknown} error */
export const errorCode = (error) => /** @type {{ code?: string } | null} */ (error)?.code ?? "";

/** @param {unknown} error */
export function errorText(error) {
  const code = errorCode(error);
  const known = errors[ALIKE[code] ?? code]?.[said];
  const text = known ?? `${words.failed} ${/** @type {{ message?: string } | null} */ (error)?.message ?? ""}`;
  const wait = Math.ceil((/** @type {{ data?: { wait_ms?: number } } | null} */ (error)?.data?.wait_ms ?? 0) / 1000);
  return wait > 1 ? `${text} (${wait} s)` : text;
}

/** A way to write times; made when it is needed, since browsers take long for it. @param {Intl.DateTimeFormatOptions} options */
function format(options) {
  /** @type {Intl.DateTimeFormat | undefined} */
  let made;
  return (/** @type {number} */ time) => (made ??= new Intl.DateTimeFormat(locale, options)).format(time);
}

export const clock = format({ hour: "numeric", minute: "2-digit" });
export const fullTime = format({ dateStyle: "full", timeStyle: "short" });
const weekday = format({ weekday: "short" });
const shortDate = format({ day: "numeric", month: "short" });
const shortDateOfYear = format({ day: "numeric", month: "short", year: "numeric" });
const longDate = format({ weekday: "long", day: "numeric", month: "long" });
const longDateOfYear = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });

/**
 * A day separator: a name for the last days, the date for all others.
 * @param {number} time
 * @param {number} days how many days ago
 */
export function dayName(time, days) {
  if (days === 0) return words.today;
  if (days === 1) return words.yesterday;
  return (days < 300 ? longDate : longDateOfYear)(time);
}

/**
 * @param {number} time
 * @param {number} days how many days ago
 */
export function shortTime(time, days) {
  if (days <= 0) return clock(time);
  if (days === 1) return words.yesterday;
  if (days < 7) return weekday(time);
  return (days < 300 ? shortDate : shortDateOfYear)(time);
}

/** @param {number} ms */
export function ago(ms) {
  const agoFormat = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return words.justNow;
  if (minutes < 60) return agoFormat.format(-minutes, "minute");
  if (minutes < 24 * 60) return agoFormat.format(-Math.floor(minutes / 60), "hour");
  return agoFormat.format(-Math.floor(minutes / (24 * 60)), "day");
}
