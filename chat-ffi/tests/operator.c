/* What an operator can do with users, sessions and data. */

#include "check.h"

#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void users(chat *it) {
    chat_session *ana = NULL;
    chat_users *list = NULL;
    chat_user user;
    OK(chat_add_user(it, "ana", "secret", "Ana Lima", "Brasil"));
    IS(CHAT_USER_EXISTS, chat_add_user(it, "ana", "secret", "Ana Lima", "Brasil"));
    IS(CHAT_INVALID_USER_NAME, chat_add_user(it, "a b", "secret", "A", ""));
    IS(CHAT_INVALID_PASSWORD, chat_add_user(it, "bob", "", "Bob", ""));
    IS(CHAT_INVALID_FULL_NAME, chat_add_user(it, "bob", "secret", "", ""));
    OK(chat_set_password(it, "ana", "other"));
    IS(CHAT_NO_SUCH_USER, chat_set_password(it, "nobody", "other"));
    IS(CHAT_WRONG_PASSWORD, chat_login(it, "ana", "secret", &ana));
    OK(chat_login(it, "ana", "other", &ana));
    OK(chat_session_free(ana));

    OK(chat_edit_user(it, "ana", "Ana Souza", NULL));
    OK(chat_list_users(it, &list));
    OK(chat_users_next(list, &user));
    CHECK(strcmp(user.name, "ana") == 0 && strcmp(user.full_name, "Ana Souza") == 0);
    CHECK(strcmp(user.country, "Brasil") == 0);
    OK(chat_users_free(list));
    OK(chat_edit_user(it, "ana", NULL, ""));
    IS(CHAT_NO_SUCH_USER, chat_edit_user(it, "nobody", NULL, ""));
    IS(CHAT_INVALID_FULL_NAME, chat_edit_user(it, "ana", "", NULL));
    OK(chat_list_users(it, &list));
    OK(chat_users_next(list, &user));
    CHECK(strcmp(user.full_name, "Ana Souza") == 0 && strcmp(user.country, "") == 0);
    OK(chat_users_next(list, &user));
    CHECK(strcmp(user.name, "henderson") == 0);
    OK(chat_users_next(list, &user));
    OK(chat_users_next(list, &user));
    IS(CHAT_END, chat_users_next(list, &user));
    OK(chat_users_free(list));
}

static void invitations(void) {
    chat *it = NULL;
    chat_session *ana = NULL;
    chat_buffer code;
    chat_invitations *list = NULL;
    chat_invitation invitation;
    chat_options options = CHAT_OPTIONS_INIT;
    options.registration = CHAT_REGISTER_INVITE;
    OK(chat_open(&options, &it));
    IS(CHAT_INVITATION_REQUIRED, chat_register(it, "ana", "secret", "Ana Lima", NULL, &ana));
    IS(CHAT_NO_SUCH_INVITATION, chat_register(it, "ana", "secret", "Ana Lima", "x", &ana));
    OK(chat_invite(it, &code));
    CHECK(code.len == 32 && strlen((const char *)code.data) == 32);
    OK(chat_register(it, "ana", "secret", "Ana Lima", (const char *)code.data, &ana));
    OK(chat_session_free(ana));
    ana = NULL;
    IS(CHAT_NO_SUCH_INVITATION, chat_register(it, "eva", "secret", "Eva", (const char *)code.data, &ana));
    chat_buffer_free(&code);

    OK(chat_invite(it, &code));
    OK(chat_list_invitations(it, &list));
    OK(chat_invitations_next(list, &invitation));
    CHECK(strlen(invitation.id) == 64 && invitation.expires - invitation.created == 7 * 24 * 60 * 60 * 1000);
    OK(chat_revoke_invitation(it, invitation.id));
    IS(CHAT_NO_SUCH_INVITATION, chat_revoke_invitation(it, invitation.id));
    IS(CHAT_NO_SUCH_INVITATION, chat_revoke_invitation(it, "x"));
    IS(CHAT_END, chat_invitations_next(list, &invitation));
    OK(chat_invitations_free(list));
    IS(CHAT_NO_SUCH_INVITATION, chat_register(it, "eva", "secret", "Eva", (const char *)code.data, &ana));
    chat_buffer_free(&code);
    OK(chat_close(it));
}

static void sessions(chat *it) {
    chat_session *messi = NULL, *none = NULL;
    chat_sessions *list = NULL;
    chat_session_info info;
    chat_token token;
    chat_inbox *inbox = NULL;
    chat_message message;
    uint64_t before = (uint64_t)time(NULL);
    OK(chat_end_sessions(it, "ana"));
    OK(chat_open_session(it, "messi", &messi));
    IS(CHAT_NO_SUCH_USER, chat_open_session(it, "nobody", &none));
    OK(chat_session_send(messi, "henderson", "halo", NULL));
    OK(chat_session_token(messi, &token));
    OK(chat_list_sessions(it, &list));
    OK(chat_sessions_next(list, &info));
    CHECK(strcmp(info.user, "messi") == 0 && strlen(info.id) > 0 && strcmp(info.id, token.text) != 0);
    /* What time() reads is some milliseconds behind the clock. */
    CHECK(info.from == NULL && info.opened / 1000 >= before && info.opened / 1000 <= (uint64_t)time(NULL) + 1);
    CHECK(info.last_used >= info.opened);
    IS(CHAT_END, chat_sessions_next(list, &info));
    OK(chat_sessions_free(list));
    OK(chat_end_sessions(it, "messi"));
    IS(CHAT_NO_SUCH_USER, chat_end_sessions(it, "nobody"));
    IS(CHAT_NO_SUCH_SESSION, chat_session_send(messi, "henderson", "halo", NULL));
    OK(chat_session_free(messi));

    OK(chat_take_inbox_of(it, "henderson", &inbox));
    OK(chat_inbox_next(inbox, &message));
    CHECK(strcmp(message.from, "messi") == 0 && strcmp(message.text, "halo") == 0);
    OK(chat_inbox_free(inbox));
    OK(chat_take_inbox_of(it, "nobody", &inbox));
    IS(CHAT_END, chat_inbox_next(inbox, &message));
    OK(chat_inbox_free(inbox));
}

static void bans(chat *it) {
    chat_session *lineker = NULL, *none = NULL;
    chat_users *list = NULL;
    chat_user user;
    int banned = 0;
    OK(chat_open_session(it, "lineker", &lineker));
    OK(chat_ban_user(it, "lineker"));
    IS(CHAT_NO_SUCH_USER, chat_ban_user(it, "nobody"));
    IS(CHAT_NO_SUCH_SESSION, chat_session_send(lineker, "messi", "halo", NULL));
    OK(chat_session_free(lineker));
    IS(CHAT_WRONG_PASSWORD, chat_login(it, "lineker", "wrong", &none));
    IS(CHAT_BANNED, chat_login(it, "lineker", "surabaya", &none));
    IS(CHAT_BANNED, chat_open_session(it, "lineker", &none));
    OK(chat_list_users(it, &list));
    while (chat_users_next(list, &user) == CHAT_OK) {
        CHECK(user.banned == (strcmp(user.name, "lineker") == 0));
        banned += user.banned;
    }
    CHECK(banned == 1);
    OK(chat_users_free(list));
    OK(chat_unban_user(it, "lineker"));
    IS(CHAT_NO_SUCH_USER, chat_unban_user(it, "nobody"));
    OK(chat_login(it, "lineker", "surabaya", &lineker));
    OK(chat_session_free(lineker));
}

static void settings(chat *it) {
    chat_options options = CHAT_OPTIONS_INIT;
    chat_session *messi = NULL;
    OK(chat_login(it, "messi", "surabaya", &messi));
    OK(chat_session_send(messi, "henderson", "halo", NULL));
    options.password_memory_kib = 8;
    options.password_passes = 1;
    options.password_lanes = 1;
    options.mailbox_messages = 1;
    OK(chat_reload(it, &options));
    IS(CHAT_MAILBOX_FULL, chat_session_send(messi, "henderson", "halo", NULL));
    options.registration = 3;
    options.mailbox_messages = 2;
    IS(CHAT_INVALID_ARGUMENT, chat_reload(it, &options));
    IS(CHAT_MAILBOX_FULL, chat_session_send(messi, "henderson", "halo", NULL));
    options.registration = 0;
    options.mailbox_messages = 0;
    OK(chat_reload(it, &options));
    OK(chat_session_send(messi, "henderson", "halo", NULL));
    OK(chat_session_free(messi));
}

static void data(chat *it) {
    chat *copy = NULL;
    chat_session *messi = NULL;
    chat_restored restored = {9, 9, 9};
    char bytes[4096];
    size_t length;
    int read_only = 9;
    chat_buffer metrics;
    FILE *file = tmpfile(), *empty = tmpfile();
    CHECK(file != NULL && empty != NULL);
    OK(chat_open_session(it, "messi", &messi));
    OK(chat_session_send(messi, "messi", "a note to myself", NULL));
    OK(chat_session_free(messi));
    OK(chat_check(it));
    OK(chat_tidy(it));
    OK(chat_is_read_only(it, &read_only));
    CHECK(read_only == 0);
    OK(chat_check_writable(it));
    OK(chat_metrics(it, &metrics));
    CHECK(strstr((const char *)metrics.data, "\nchat_users 4\n") != NULL);
    CHECK(strlen((const char *)metrics.data) == metrics.len);
    chat_buffer_free(&metrics);

    OK(chat_dump(it, fileno(file), 0));
    rewind(file);
    length = fread(bytes, 1, sizeof bytes, file);
    CHECK(length > 0 && length < sizeof bytes);
    bytes[length] = '\0';
    CHECK(strstr(bytes, "a note to myself") != NULL && strstr(bytes, "$argon2id$") == NULL);
    CHECK(lseek(fileno(file), 0, SEEK_SET) == 0);
    OK(chat_open(NULL, &copy));
    IS(CHAT_NOT_EMPTY, chat_restore(it, fileno(file), &restored));
    CHECK(restored.users == 9);
    OK(chat_restore(copy, fileno(file), &restored));
    CHECK(restored.users == 4 && restored.without_password == 4 && restored.messages >= 1);
    IS(CHAT_WRONG_PASSWORD, chat_login(copy, "messi", "surabaya", &messi));
    OK(chat_close(copy));

    CHECK(ftruncate(fileno(file), 0) == 0 && lseek(fileno(file), 0, SEEK_SET) == 0);
    OK(chat_dump(it, fileno(file), 1));
    CHECK(lseek(fileno(file), 0, SEEK_SET) == 0);
    OK(chat_open(NULL, &copy));
    IS(CHAT_BAD_DUMP, chat_restore(copy, fileno(empty), &restored));
    OK(chat_restore(copy, fileno(file), &restored));
    CHECK(restored.users == 4 && restored.without_password == 0);
    OK(chat_login(copy, "messi", "surabaya", &messi));
    OK(chat_session_free(messi));
    OK(chat_close(copy));

    /* The descriptors are still the program's. */
    CHECK(fclose(file) == 0 && fclose(empty) == 0);
    IS(CHAT_INVALID_ARGUMENT, chat_dump(it, -1, 1));
    IS(CHAT_IO, chat_dump(it, 1000, 1));
    OK(chat_open(NULL, &copy));
    IS(CHAT_IO, chat_restore(copy, 1000, &restored));
    OK(chat_close(copy));
}

/* Reads what was written to a file, from its beginning. */
static void read_back(FILE *file, char *bytes, size_t size) {
    size_t length;
    rewind(file);
    length = fread(bytes, 1, size - 1, file);
    CHECK(length > 0 && length < size - 1);
    bytes[length] = '\0';
}

static void rooms_and_people(chat *it) {
    chat_session *messi = NULL, *ana = NULL;
    chat_events *events = NULL;
    chat_event event;
    chat_rooms *rooms = NULL;
    chat_room room;
    chat_users *members = NULL;
    chat_user member;
    char bytes[4096];
    size_t told = 9;
    uint64_t deleted = 9;
    FILE *file = tmpfile();
    CHECK(file != NULL);
    OK(chat_open_session(it, "messi", &messi));
    OK(chat_open_session(it, "ana", &ana));
    OK(chat_session_create_room(messi, "#bench", "The bench", 1));
    OK(chat_session_join_room(ana, "#bench"));
    OK(chat_session_send(ana, "#bench", "sekret", NULL));

    OK(chat_list_rooms(it, &rooms));
    OK(chat_rooms_next(rooms, &room));
    CHECK(strcmp(room.name, "#bench") == 0 && strcmp(room.title, "The bench") == 0 && room.open == 1);
    CHECK(room.members == 2 && room.standing == CHAT_OUTSIDE);
    IS(CHAT_END, chat_rooms_next(rooms, &room));
    OK(chat_rooms_free(rooms));
    OK(chat_list_members(it, "#bench", &members));
    OK(chat_users_next(members, &member));
    CHECK(strcmp(member.name, "ana") == 0 && member.owner == 0);
    OK(chat_users_next(members, &member));
    CHECK(strcmp(member.name, "messi") == 0 && member.owner == 1);
    IS(CHAT_END, chat_users_next(members, &member));
    OK(chat_users_free(members));
    IS(CHAT_NO_SUCH_ROOM, chat_list_members(it, "#other", &members));

    OK(chat_session_events(messi, &events));
    IS(CHAT_BAD_PARAMETERS, chat_announce(it, "", &told));
    OK(chat_announce(it, "Down at noon", &told));
    CHECK(told == 1);
    OK(chat_events_next(events, -1, &event));
    CHECK(event.kind == CHAT_EVENT_ANNOUNCEMENT && strcmp(event.text, "Down at noon") == 0 && event.time > 0);
    OK(chat_events_free(events));

    OK(chat_export_user(it, "ana", fileno(file)));
    read_back(file, bytes, sizeof bytes);
    CHECK(strstr(bytes, "sekret") != NULL && strstr(bytes, "$argon2id$") == NULL);
    IS(CHAT_NO_SUCH_USER, chat_export_user(it, "nobody", fileno(file)));
    IS(CHAT_INVALID_ARGUMENT, chat_export_user(it, "ana", -1));
    OK(chat_erase_user(it, "ana", &deleted));
    CHECK(deleted == 1);
    IS(CHAT_NO_SUCH_USER, chat_erase_user(it, "ana", NULL));
    CHECK(ftruncate(fileno(file), 0) == 0 && lseek(fileno(file), 0, SEEK_SET) == 0);
    OK(chat_dump(it, fileno(file), 0));
    read_back(file, bytes, sizeof bytes);
    CHECK(strstr(bytes, "sekret") == NULL);
    CHECK(fclose(file) == 0);

    OK(chat_set_room_keep(it, "#bench", "keep_messages", "1000"));
    OK(chat_set_room_keep(it, "#bench", "keep_for", "90days"));
    IS(CHAT_INVALID_ARGUMENT, chat_set_room_keep(it, "#bench", "keep_for", "soon"));
    IS(CHAT_INVALID_ARGUMENT, chat_set_room_keep(it, "#bench", "keep_texts", "1"));
    IS(CHAT_NO_SUCH_ROOM, chat_set_room_keep(it, "#other", "keep_for", "90days"));
    OK(chat_delete_room(it, "#bench"));
    IS(CHAT_NO_SUCH_ROOM, chat_delete_room(it, "#bench"));
    OK(chat_session_free(messi));
    OK(chat_session_free(ana));
}

static void listening(chat *it) {
    OK(chat_may_listen(it, "127.0.0.1:8889"));
    IS(CHAT_PUBLIC_PASSWORD, chat_may_listen(it, "0.0.0.0:8889"));
    IS(CHAT_INVALID_ARGUMENT, chat_may_listen(it, "localhost"));
}

int main(void) {
    chat *it = NULL;
    /* Valgrind takes a second for a hash at the default cost. */
    chat_options options = CHAT_OPTIONS_INIT;
    options.password_memory_kib = 8;
    options.password_passes = 1;
    options.password_lanes = 1;
    OK(chat_open(&options, &it));
    OK(chat_add_demo_users(it));
    users(it);
    sessions(it);
    invitations();
    bans(it);
    settings(it);
    data(it);
    listening(it);
    rooms_and_people(it);
    OK(chat_close(it));
    return 0;
}
