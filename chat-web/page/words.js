// All that the page says, in English and Indonesian, and how it writes times. The browser's language decides.

const en = {
  app: "Chat",
  // Login and registration
  welcome: "Log in to chat",
  welcomeNew: "Create your account",
  userName: "User name",
  password: "Password",
  fullName: "Full name",
  invitation: "Invitation code",
  userNameHint: "Letters, digits, dots, dashes. Others find you by it.",
  logIn: "Log in",
  loggingIn: "Logging in…",
  register: "Create account",
  toRegister: "Create an account",
  toLogIn: "I have an account",
  noAccount: "New here?",
  askOperator: "Ask the operator of this server for an account.",
  missing: "Fill in this field.",
  // Frame
  conversations: "Conversations",
  conversation: "Conversation",
  newConversation: "New conversation",
  account: "Your account",
  messages: "Messages",
  message: "Message",
  connection: "Connection",
  back: "Back",
  close: "Close",
  cancel: "Cancel",
  save: "Save",
  saved: "Saved",
  online: "Online",
  connected: "Online, connected to the server.",
  connecting: "Connecting…",
  offline: "Offline, reconnecting. New messages wait here, and are sent when the server is back.",
  offlineLogin: "Offline, reconnecting. The server cannot be reached.",
  retry: "Retry now",
  // List
  noConversations: "No conversations yet",
  noConversationsHint: "Start one with a user name, or open a room that others can join.",
  you: "You",
  notes: "Notes to yourself",
  deleted: "Message deleted",
  draft: "Draft",
  invited: "Invitation",
  invitedHint: "You are invited",
  newRoom: "No messages yet",
  waiting: "Waiting",
  /** @param {number} n */
  unread: (n) => (n === 1 ? "1 unread message" : `${n} unread messages`),
  // Conversation
  chooseTitle: "Pick a conversation",
  choose: "Choose one from the list, or start a new one with the + button.",
  firstTitle: "Say hello to somebody",
  first: "Press the + button to write to a person, or to open a room.",
  emptyDirect: "This is the beginning of your conversation.",
  emptyRoom: "This is the beginning of this room. Say hello.",
  emptyNotes: "Write down what you want to keep. Only you can see it.",
  beginning: "The beginning of this conversation",
  loadingMessages: "Loading messages…",
  loadLater: "The messages are loaded when the connection is back.",
  loadFailed: "The messages could not be loaded.",
  newMessages: "New messages",
  latest: "Go to the latest message",
  send: "Send",
  sent: "Sent",
  read: "Read",
  unsent: "Not sent",
  old: "It has waited here for a day. See whether it is still wanted.",
  again: "Send again",
  discard: "Discard",
  remove: "Delete message",
  removeQuestion: "Delete this message?",
  removeHint: "Everyone in this conversation will see that a message was deleted.",
  removeButton: "Delete",
  /** @param {number} bytes */
  tooLong: (bytes) => `This message is too long. Shorten it by about ${bytes} characters, or send it in parts.`,
  lastSeen: /** @param {string} when */ (when) => `last seen ${when}`,
  away: "Offline",
  typing: /** @param {string[]} names */ (names) =>
    names.length > 2 ? "Several people are typing…" : `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing…`,
  messageFrom: /** @param {string} name @param {string} text */ (name, text) => `${name}: ${text}`,
  // Search
  search: "Search",
  searchField: "Search this conversation",
  /** @param {number} at @param {number} of */
  found: (at, of) => (of ? `${at} of ${of}` : "Nothing found"),
  older: "Search earlier messages",
  next: "Later match",
  previous: "Earlier match",
  // New conversation
  target: "User name or #room",
  targetHint: "Press Enter to open it. A room that does not exist yet is made.",
  inviteOnly: "Only people who are invited can join",
  open: "Open",
  people: "People",
  openRooms: "Rooms",
  // Room
  /** @param {number} n */
  members: (n) => (n === 1 ? "1 member" : `${n} members`),
  room: "Room",
  roomTitle: "Title",
  roomOpen: "Anyone can join",
  roomClosed: "Only by invitation",
  owner: "Owner",
  invite: "Invite",
  inviteField: "Invite somebody",
  inviteHint: "User name",
  inviteDone: /** @param {string} user */ (user) => `${user} is invited.`,
  leave: "Leave room",
  removeMember: /** @param {string} user */ (user) => `Remove ${user}`,
  makeOwner: /** @param {string} user */ (user) => `Make ${user} an owner`,
  deleteRoom: "Delete room",
  deleteRoomQuestion: "Delete this room and all its messages? This cannot be undone.",
  join: "Join room",
  invitedTo: /** @param {string} room */ (room) => `You are invited to ${room}`,
  removedFrom: /** @param {string} room */ (room) => `You are no longer a member of ${room}.`,
  roomMore: "More members are not shown.",
  showMembers: "Members and settings",
  // Person
  about: "About this person",
  block: "Block",
  unblock: "Unblock",
  blockHint: "Blocked people cannot send you direct messages.",
  // Account
  notifications: "Notify me of new messages",
  notificationsDenied: "The browser blocks notifications of this page. Allow them in its settings for this site.",
  changePassword: "Change password",
  oldPassword: "Current password",
  newPassword: "New password",
  passwordChanged: "The password is changed. Your other devices are logged out.",
  logOut: "Log out",
  unsentLogout: "Some messages are not sent yet. They are discarded if you log out now.",
  ended: "Your session has ended. Log in again.",
  announcement: "Announcement",
  // Times
  today: "Today",
  yesterday: "Yesterday",
  justNow: "just now",
};

/** @type {typeof en} */
const id = {
  app: "Chat",
  welcome: "Masuk ke obrolan",
  welcomeNew: "Buat akun Anda",
  userName: "Nama pengguna",
  password: "Kata sandi",
  fullName: "Nama lengkap",
  invitation: "Kode undangan",
  userNameHint: "Huruf, angka, titik, tanda hubung. Orang lain menemukan Anda dengan nama ini.",
  logIn: "Masuk",
  loggingIn: "Sedang masuk…",
  register: "Buat akun",
  toRegister: "Buat akun",
  toLogIn: "Saya punya akun",
  noAccount: "Baru di sini?",
  askOperator: "Mintalah akun kepada pengelola server ini.",
  missing: "Isi kolom ini.",
  conversations: "Percakapan",
  conversation: "Percakapan",
  newConversation: "Percakapan baru",
  account: "Akun Anda",
  messages: "Pesan-pesan",
  message: "Pesan",
  connection: "Koneksi",
  back: "Kembali",
  close: "Tutup",
  cancel: "Batal",
  save: "Simpan",
  saved: "Tersimpan",
  online: "Daring",
  connected: "Daring, terhubung dengan server.",
  connecting: "Menghubungkan…",
  offline: "Luring, menghubungkan kembali. Pesan baru menunggu di sini, dan dikirim setelah server kembali.",
  offlineLogin: "Luring, menghubungkan kembali. Server tidak dapat dihubungi.",
  retry: "Coba sekarang",
  noConversations: "Belum ada percakapan",
  noConversationsHint: "Mulailah dengan nama pengguna, atau buka ruang yang dapat diikuti orang lain.",
  you: "Anda",
  notes: "Catatan pribadi",
  deleted: "Pesan dihapus",
  draft: "Draf",
  invited: "Undangan",
  invitedHint: "Anda diundang",
  newRoom: "Belum ada pesan",
  waiting: "Menunggu",
  unread: (n) => `${n} pesan belum dibaca`,
  chooseTitle: "Pilih percakapan",
  choose: "Pilih satu dari daftar, atau mulai yang baru dengan tombol +.",
  firstTitle: "Sapalah seseorang",
  first: "Tekan tombol + untuk menulis kepada seseorang, atau untuk membuka ruang.",
  emptyDirect: "Ini awal percakapan Anda.",
  emptyRoom: "Ini awal ruang ini. Sapalah yang lain.",
  emptyNotes: "Catat apa yang ingin Anda simpan. Hanya Anda yang dapat melihatnya.",
  beginning: "Awal percakapan ini",
  loadingMessages: "Memuat pesan…",
  loadLater: "Pesan dimuat setelah koneksi pulih.",
  loadFailed: "Pesan tidak dapat dimuat.",
  newMessages: "Pesan baru",
  latest: "Ke pesan terbaru",
  send: "Kirim",
  sent: "Terkirim",
  read: "Dibaca",
  unsent: "Tidak terkirim",
  old: "Pesan ini sudah menunggu sehari. Periksa apakah masih diperlukan.",
  again: "Kirim lagi",
  discard: "Buang",
  remove: "Hapus pesan",
  removeQuestion: "Hapus pesan ini?",
  removeHint: "Semua orang dalam percakapan ini akan melihat bahwa sebuah pesan dihapus.",
  removeButton: "Hapus",
  tooLong: (bytes) => `Pesan ini terlalu panjang. Kurangi sekitar ${bytes} huruf, atau kirim dalam beberapa bagian.`,
  lastSeen: (when) => `terakhir terlihat ${when}`,
  away: "Luring",
  typing: (names) => (names.length > 2 ? "Beberapa orang sedang mengetik…" : `${names.join(" dan ")} sedang mengetik…`),
  messageFrom: (name, text) => `${name}: ${text}`,
  search: "Cari",
  searchField: "Cari dalam percakapan ini",
  found: (at, of) => (of ? `${at} dari ${of}` : "Tidak ditemukan"),
  older: "Cari di pesan sebelumnya",
  next: "Hasil sesudahnya",
  previous: "Hasil sebelumnya",
  target: "Nama pengguna atau #ruang",
  targetHint: "Tekan Enter untuk membukanya. Ruang yang belum ada akan dibuat.",
  inviteOnly: "Hanya orang yang diundang dapat bergabung",
  open: "Buka",
  people: "Orang",
  openRooms: "Ruang",
  members: (n) => `${n} anggota`,
  room: "Ruang",
  roomTitle: "Judul",
  roomOpen: "Siapa pun dapat bergabung",
  roomClosed: "Hanya dengan undangan",
  owner: "Pemilik",
  invite: "Undang",
  inviteField: "Undang seseorang",
  inviteHint: "Nama pengguna",
  inviteDone: (user) => `${user} diundang.`,
  leave: "Keluar dari ruang",
  removeMember: (user) => `Keluarkan ${user}`,
  makeOwner: (user) => `Jadikan ${user} pemilik`,
  deleteRoom: "Hapus ruang",
  deleteRoomQuestion: "Hapus ruang ini beserta semua pesannya? Ini tidak dapat dibatalkan.",
  join: "Gabung",
  invitedTo: (room) => `Anda diundang ke ${room}`,
  removedFrom: (room) => `Anda bukan lagi anggota ${room}.`,
  roomMore: "Anggota lainnya tidak ditampilkan.",
  showMembers: "Anggota dan pengaturan",
  about: "Tentang orang ini",
  block: "Blokir",
  unblock: "Buka blokir",
  blockHint: "Orang yang diblokir tidak dapat mengirimi Anda pesan langsung.",
  notifications: "Beri tahu saya tentang pesan baru",
  notificationsDenied: "Peramban memblokir notifikasi halaman ini. Izinkan di pengaturan situs.",
  changePassword: "Ganti kata sandi",
  oldPassword: "Kata sandi sekarang",
  newPassword: "Kata sandi baru",
  passwordChanged: "Kata sandi telah diganti. Perangkat Anda yang lain telah keluar.",
  logOut: "Keluar",
  unsentLogout: "Beberapa pesan belum terkirim. Pesan itu dibuang jika Anda keluar sekarang.",
  ended: "Sesi Anda telah berakhir. Silakan masuk lagi.",
  announcement: "Pengumuman",
  today: "Hari ini",
  yesterday: "Kemarin",
  justNow: "baru saja",
};

/** What to say for an error of the protocol, by its word. @type {Record<string, [english: string, indonesian: string]>} */
const errors = {
  no_such_user: ["There is no user of that name. Check the spelling: capitals count.", "Tidak ada pengguna dengan nama itu. Periksa ejaannya: huruf besar dan kecil berbeda."],
  wrong_password: ["The password is wrong. Try again.", "Kata sandi salah. Coba lagi."],
  no_such_recipient: ["There is no user of that name.", "Tidak ada pengguna dengan nama itu."],
  no_such_conversation: ["There is no user of that name. Check the spelling: capitals count.", "Tidak ada pengguna dengan nama itu. Periksa ejaannya: huruf besar dan kecil berbeda."],
  no_such_room: ["There is no such room, or you are not invited to it.", "Ruang itu tidak ada, atau Anda tidak diundang."],
  no_such_session: ["Your session has ended. Log in again.", "Sesi Anda telah berakhir. Silakan masuk lagi."],
  line_too_long: ["This is too long. Send it in parts.", "Terlalu panjang. Kirim dalam beberapa bagian."],
  mailbox_full: ["The recipient's mailbox is full. Try again when they have read their messages.", "Kotak pesan penerima penuh. Coba lagi setelah pesannya dibaca."],
  too_many_attempts: ["Too many failed attempts. Wait a little, then try again.", "Terlalu banyak percobaan gagal. Tunggu sebentar, lalu coba lagi."],
  registration_closed: ["This server takes no registrations. Ask its operator for an account.", "Server ini tidak menerima pendaftaran. Mintalah akun kepada pengelolanya."],
  busy: ["The server is busy. Try again in a moment.", "Server sedang sibuk. Coba lagi sebentar."],
  storage: ["The server cannot store data now. Try again later.", "Server tidak dapat menyimpan data sekarang. Coba lagi nanti."],
  user_exists: ["This user name is taken. Choose another one.", "Nama pengguna ini sudah dipakai. Pilih yang lain."],
  invalid_user_name: ["Use 1 to 32 letters (a–z), digits, dots, dashes and underscores, and begin with a letter or digit.", "Gunakan 1 sampai 32 huruf (a–z), angka, titik, tanda hubung, dan garis bawah, diawali huruf atau angka."],
  invalid_full_name: ["Use a name without invisible characters, of at most 256 bytes.", "Gunakan nama tanpa karakter tak terlihat, paling banyak 256 byte."],
  invalid_password: ["Use a password without spaces.", "Gunakan kata sandi tanpa spasi."],
  banned: ["This account is banned. Ask the operator of the server.", "Akun ini diblokir. Hubungi pengelola server."],
  invalid_room_name: ["After the #, use 1 to 32 letters (a–z), digits, dots, dashes and underscores, and begin with a letter or digit.", "Setelah #, gunakan 1 sampai 32 huruf (a–z), angka, titik, tanda hubung, dan garis bawah, diawali huruf atau angka."],
  invalid_title: ["Use a title without invisible characters, of at most 256 bytes.", "Gunakan judul tanpa karakter tak terlihat, paling banyak 256 byte."],
  room_exists: ["This room is only for people who are invited. Ask one of its owners to invite you.", "Ruang ini hanya untuk yang diundang. Mintalah undangan kepada pemiliknya."],
  not_a_member: ["You are not a member of this room.", "Anda bukan anggota ruang ini."],
  not_an_owner: ["Only an owner of the room can do this.", "Hanya pemilik ruang yang dapat melakukan ini."],
  last_owner: ["You are the only owner. Make another member an owner first, or delete the room.", "Anda satu-satunya pemilik. Jadikan anggota lain pemilik lebih dulu, atau hapus ruang."],
  room_full: ["The room is full.", "Ruang sudah penuh."],
  too_many_rooms: ["You are in as many rooms as this server allows. Leave one first.", "Anda sudah berada di ruang sebanyak yang diizinkan. Tinggalkan satu lebih dulu."],
  blocked: ["You cannot send messages to this person.", "Anda tidak dapat mengirim pesan kepada orang ini."],
  no_such_message: ["This message is not there any more.", "Pesan ini sudah tidak ada."],
  not_your_message: ["You can only delete your own messages.", "Anda hanya dapat menghapus pesan sendiri."],
  rate_limited: ["That was too fast. Wait a moment, then try again.", "Terlalu cepat. Tunggu sebentar, lalu coba lagi."],
  too_many_connections: ["The server has too many connections. Try again later.", "Server memiliki terlalu banyak koneksi. Coba lagi nanti."],
  invitation_required: ["Registering needs an invitation code. Ask the operator for one.", "Pendaftaran memerlukan kode undangan. Mintalah kepada pengelola."],
  no_such_invitation: ["This invitation is not valid: it was used, or has expired. Ask the operator for a new one.", "Undangan ini tidak berlaku: sudah dipakai atau kedaluwarsa. Mintalah yang baru kepada pengelola."],
  disconnected: ["The server cannot be reached. Check your connection, and try again.", "Server tidak dapat dihubungi. Periksa koneksi Anda, lalu coba lagi."],
  "": ["That did not work. Try again.", "Itu tidak berhasil. Coba lagi."],
};

const browser = globalThis.navigator?.language ?? "en";
const indonesian = /^(id|in)\b/i.test(browser);
export const lang = indonesian ? "id" : "en";
export const words = indonesian ? id : en;
// English words with an English clock, of the country that the browser says.
const locale = indonesian || /^en\b/i.test(browser) ? browser : "en";

/**
 * What to say for something that a call was rejected with.
 * @param {unknown} error
 */
export function errorText(error) {
  const { code = "", data = {} } = /** @type {{ code?: string, data?: Record<string, number> }} */ (error ?? {});
  const text = (errors[code] ?? errors[""])?.[indonesian ? 1 : 0] ?? "";
  const wait = Math.ceil((data["wait_ms"] ?? 0) / 1000);
  return wait > 1 ? `${text} (${wait} s)` : text;
}

const clockFormat = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
const fullFormat = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });
const weekdayFormat = new Intl.DateTimeFormat(locale, { weekday: "short" });
const shortFormat = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const yearFormat = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const dayFormat = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const longFormat = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const agoFormat = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

/** @param {number} time */
export const clock = (time) => clockFormat.format(time);
/** @param {number} time */
export const fullTime = (time) => fullFormat.format(time);

/**
 * A day separator: a name for the last days, the date for all others.
 * @param {number} time
 * @param {number} days how many days ago
 */
export function dayName(time, days) {
  if (days === 0) return words.today;
  if (days === 1) return words.yesterday;
  return (days < 300 ? dayFormat : longFormat).format(time);
}

/**
 * The time of a list entry, as short as it can be.
 * @param {number} time
 * @param {number} days how many days ago
 */
export function shortTime(time, days) {
  if (days <= 0) return clock(time);
  if (days === 1) return words.yesterday;
  if (days < 7) return weekdayFormat.format(time);
  return (days < 300 ? shortFormat : yearFormat).format(time);
}

/** @param {number} ms */
export function ago(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return words.justNow;
  if (minutes < 60) return agoFormat.format(-minutes, "minute");
  if (minutes < 24 * 60) return agoFormat.format(-Math.floor(minutes / 60), "hour");
  return agoFormat.format(-Math.floor(minutes / (24 * 60)), "day");
}
