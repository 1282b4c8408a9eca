/* The chat in the program: opened, asked, its calls, its errors. The argument is a directory to use. */

#include "check.h"

static const char halo[] = "halo";

static void answers(chat *it) {
    chat_buffer answer;
    OK(chat_answer(it, (const uint8_t *)halo, 4, &answer));
    CHECK(answer.len == strlen("{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n"));
    CHECK(strcmp((const char *)answer.data, "{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n") == 0);
    chat_buffer_free(&answer);
    CHECK(answer.data == NULL && answer.len == 0);
    OK(chat_answer(it, NULL, 0, &answer));
    CHECK(begins(&answer, "{\"status\": \"ERROR\""));
    chat_buffer_free(&answer);
    OK(chat_answer(it, (const uint8_t *)"auth messi surabaya\r\n", 21, &answer));
    CHECK(begins(&answer, "{\"status\": \"OK\", \"tokenid\": \""));
    chat_buffer_free(&answer);
}

static void a_session(chat *it) {
    chat_session *messi = NULL, *henderson = NULL, *again = NULL;
    chat_token token;
    chat_inbox *inbox = NULL;
    chat_users *users = NULL;
    chat_message message;
    chat_user user;
    const char *name;
    size_t count;

    IS(CHAT_NO_SUCH_USER, chat_login(it, "nobody", "surabaya", &messi));
    IS(CHAT_WRONG_PASSWORD, chat_login(it, "messi", "malang", &messi));
    CHECK(messi == NULL);
    OK(chat_login(it, "messi", "surabaya", &messi));
    OK(chat_session_user(messi, &name));
    CHECK(strcmp(name, "messi") == 0);
    OK(chat_login(it, "henderson", "surabaya", &henderson));
    OK(chat_session_send(messi, "henderson", "Halo Henderson, apa kabar?", NULL));
    OK(chat_session_send(messi, "henderson", "", NULL));
    OK(chat_session_send(henderson, "henderson", "caf\xc3\xa9", NULL));
    IS(CHAT_NO_SUCH_RECIPIENT, chat_session_send(messi, "nobody", "?", NULL));
    OK(chat_session_send(messi, "henderson", "two\nlines\n", NULL));

    OK(chat_session_take_inbox(henderson, &inbox));
    OK(chat_inbox_count(inbox, &count));
    CHECK(count == 4);
    OK(chat_inbox_next(inbox, &message));
    CHECK(strcmp(message.from, "messi") == 0 && strcmp(message.from_name, "Lionel Messi") == 0);
    CHECK(strcmp(message.to_name, "Jordan Henderson") == 0);
    CHECK(strcmp(message.text, "Halo Henderson, apa kabar?") == 0 && message.text_len == 26);
    OK(chat_inbox_next(inbox, &message));
    CHECK(message.text_len == 0 && message.text[0] == '\0');
    OK(chat_inbox_next(inbox, &message));
    CHECK(strcmp(message.text, "caf\xc3\xa9") == 0);
    OK(chat_inbox_next(inbox, &message));
    CHECK(strcmp(message.text, "two\nlines\n") == 0);
    IS(CHAT_END, chat_inbox_next(inbox, &message));
    OK(chat_inbox_count(inbox, &count));
    CHECK(count == 0);
    OK(chat_inbox_free(inbox));
    OK(chat_session_take_inbox(henderson, &inbox));
    IS(CHAT_END, chat_inbox_next(inbox, &message));
    OK(chat_inbox_free(inbox));

    OK(chat_session_active_users(messi, &users));
    OK(chat_users_next(users, &user));
    CHECK(strcmp(user.name, "messi") == 0 && strcmp(user.full_name, "") == 0);
    OK(chat_users_next(users, &user));
    CHECK(strcmp(user.name, "henderson") == 0);
    IS(CHAT_END, chat_users_next(users, &user));
    OK(chat_users_free(users));

    /* A session goes on without its handle, until it is logged out. */
    OK(chat_session_token(messi, &token));
    CHECK(strlen(token.text) == 36);
    OK(chat_session_free(messi));
    OK(chat_find_session(it, &token, &again));
    OK(chat_session_user(again, &name));
    CHECK(strcmp(name, "messi") == 0);
    OK(chat_session_send(again, "messi", "still here", NULL));
    OK(chat_session_logout(again));
    IS(CHAT_NO_SUCH_SESSION, chat_session_logout(again));
    OK(chat_session_free(again));
    IS(CHAT_NO_SUCH_SESSION, chat_find_session(it, &token, &again));
    memset(&token, 'x', sizeof token);
    IS(CHAT_NO_SUCH_SESSION, chat_find_session(it, &token, &again));

    OK(chat_remove_user(it, "henderson"));
    IS(CHAT_NO_SUCH_SESSION, chat_session_take_inbox(henderson, &inbox));
    IS(CHAT_NO_SUCH_USER, chat_remove_user(it, "henderson"));
    OK(chat_session_free(henderson));
    IS(CHAT_REGISTRATION_CLOSED, chat_register(it, "eva", "secret", "Eva", NULL, &again));
}

static void errors(chat *it) {
    chat_session *session = NULL;
    const chat_error *error;
    IS(CHAT_NO_SUCH_USER, chat_login(it, "nobody", "x", &session));
    error = chat_last_error();
    CHECK(error->status == CHAT_NO_SUCH_USER && strcmp(error->code, "no_such_user") == 0);
    CHECK(strcmp(error->message, "there is no such user") == 0);
    CHECK(strcmp(chat_status_name((int32_t)error->status), "CHAT_NO_SUCH_USER") == 0);
    CHECK(strcmp(chat_status_sentence(CHAT_OK), "the call succeeded") == 0);
    CHECK(strcmp(chat_status_name(-1), "CHAT_?") == 0);
    CHECK(strlen(chat_status_sentence(9999)) > 0);
}

static void options(void) {
    chat *it = NULL;
    chat_session *messi = NULL, *eva = NULL;
    chat_options options = CHAT_OPTIONS_INIT;
    struct {
        chat_options known;
        uint64_t later;
    } newer = {CHAT_OPTIONS_INIT, 0};
    options.mailbox_messages = 1;
    options.line_bytes = 100;
    options.registration = CHAT_REGISTER_OPEN;
    options.password_memory_kib = 8;
    options.password_passes = 1;
    options.password_lanes = 1;
    OK(chat_open(&options, &it));
    OK(chat_add_demo_users(it));
    OK(chat_login(it, "messi", "surabaya", &messi));
    OK(chat_session_send(messi, "messi", "one", NULL));
    IS(CHAT_MAILBOX_FULL, chat_session_send(messi, "messi", "two", NULL));
    CHECK(strcmp(chat_last_error()->code, "mailbox_full") == 0);
    OK(chat_register(it, "eva", "secret", "Eva", NULL, &eva));
    OK(chat_session_send(eva, "eva", "one", NULL));
    IS(CHAT_USER_EXISTS, chat_register(it, "eva", "secret", "Eva", NULL, &eva));
    OK(chat_session_free(eva));
    OK(chat_session_free(messi));
    OK(chat_close(it));

    it = NULL;
    options.registration = 3;
    IS(CHAT_INVALID_ARGUMENT, chat_open(&options, &it));
    options.registration = CHAT_REGISTER_NOBODY;
    options.sync = 3;
    IS(CHAT_INVALID_ARGUMENT, chat_open(&options, &it));
    options.sync = CHAT_SYNC_NEVER;
    options.password_memory_kib = 1;
    IS(CHAT_INVALID_ARGUMENT, chat_open(&options, &it));
    options.size = 0;
    IS(CHAT_INVALID_ARGUMENT, chat_open(&options, &it));
    newer.known.size = sizeof newer;
    OK(chat_open(&newer.known, &it));
    OK(chat_close(it));
    newer.later = 1;
    it = NULL;
    IS(CHAT_INVALID_ARGUMENT, chat_open(&newer.known, &it));
    CHECK(it == NULL);
}

static void kept(const char *directory) {
    chat *it = NULL, *again = NULL;
    chat_token token;
    chat_session *messi = NULL;
    chat_inbox *inbox = NULL;
    chat_message message;
    chat_options options = CHAT_OPTIONS_INIT;
    options.directory = directory;
    OK(chat_open(&options, &it));
    OK(chat_add_demo_users(it));
    OK(chat_login(it, "messi", "surabaya", &messi));
    OK(chat_session_token(messi, &token));
    IS(CHAT_DATA_IN_USE, chat_open(&options, &again));
    OK(chat_close(it));
    /* Sessions go on when their chat is closed. */
    OK(chat_session_send(messi, "messi", "a note to myself", NULL));
    IS(CHAT_DATA_IN_USE, chat_open(&options, &again));
    OK(chat_session_free(messi));
    OK(chat_open(&options, &again));
    OK(chat_find_session(again, &token, &messi));
    OK(chat_session_take_inbox(messi, &inbox));
    OK(chat_session_free(messi));
    OK(chat_inbox_next(inbox, &message));
    CHECK(strcmp(message.text, "a note to myself") == 0);
    OK(chat_inbox_free(inbox));
    OK(chat_close(again));
    options.directory = "/proc/nowhere";
    IS(CHAT_STORAGE, chat_open(&options, &again));
    CHECK(strstr(chat_last_error()->message, "/proc/nowhere") != NULL);
}

int main(int argc, char **argv) {
    chat *it = NULL;
    CHECK(argc == 2);
    OK(CHAT_VERSION_CHECK());
    IS(CHAT_WRONG_VERSION, chat_version_check(CHAT_VERSION_NUMBER + 1000));
    CHECK(chat_version_number() == CHAT_VERSION_NUMBER && strcmp(chat_version(), CHAT_VERSION) == 0);
    CHECK(chat_last_error() != NULL);
    OK(chat_open(NULL, &it));
    OK(chat_add_demo_users(it));
    answers(it);
    a_session(it);
    errors(it);
    OK(chat_close(it));
    options();
    kept(argv[1]);
    return 0;
}
