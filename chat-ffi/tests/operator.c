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
    CHECK(info.from == NULL && info.opened / 1000 >= before && info.opened / 1000 <= (uint64_t)time(NULL));
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
    options.registration = 2;
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
    bans(it);
    settings(it);
    data(it);
    listening(it);
    OK(chat_close(it));
    return 0;
}
