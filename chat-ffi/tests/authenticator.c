/* Logins that the program checks itself. */

#include "check.h"

#include <pthread.h>
#include <unistd.h>

/* A program's users, and the chat that it checks their logins for. */
typedef struct directory {
    chat *it;
    int began[2], go[2], calls_over_the_wire;
} directory;

static int32_t authenticate(
    void *user_data, const char *user, const char *password, const char *from, chat_identity *identity
) {
    directory *own = (directory *)user_data;
    chat_session *bot = NULL;
    char byte;
    CHECK(identity->full_name[0] == '\0' && identity->country[0] == '\0');
    if (from != NULL) {
        CHECK(strncmp(from, "127.0.0.1:", 10) == 0);
        own->calls_over_the_wire++;
    }
    if (strcmp(user, "fails") == 0) {
        return CHAT_LOGIN_FAILED;
    }
    if (strcmp(user, "odd") == 0) {
        return 77;
    }
    if (strcmp(user, "long") == 0) {
        memset(identity->full_name, 'x', sizeof identity->full_name);
        return CHAT_LOGIN_ACCEPTED;
    }
    if (strcmp(user, "latin") == 0) {
        strcpy(identity->country, "\xe9");
        return CHAT_LOGIN_ACCEPTED;
    }
    if (strcmp(user, "slow") == 0) {
        CHECK(write(own->began[1], "b", 1) == 1 && read(own->go[0], &byte, 1) == 1);
    }
    if (strcmp(user, "ana") == 0) {
        /* No lock is held. */
        OK(chat_login(own->it, "bot", "right", &bot));
        OK(chat_session_send(bot, "bot", "ana logs in", NULL));
        OK(chat_session_free(bot));
        strcpy(identity->full_name, "Ana Lima");
        strcpy(identity->country, "Brasil");
    }
    return strcmp(password, "right") == 0 ? CHAT_LOGIN_ACCEPTED : CHAT_LOGIN_REFUSED;
}

static void in_process(directory *own) {
    chat_session *ana = NULL, *none = NULL;
    chat_users *list = NULL;
    chat_user user;
    chat_buffer answer;
    IS(CHAT_WRONG_PASSWORD, chat_login(own->it, "ana", "wrong", &none));
    IS(CHAT_NO_SUCH_USER, chat_login(own->it, "-ana", "right", &none));
    OK(chat_login(own->it, "ana", "right", &ana));
    OK(chat_session_free(ana));
    OK(chat_list_users(own->it, &list));
    OK(chat_users_next(list, &user));
    CHECK(strcmp(user.full_name, "Ana Lima") == 0 && strcmp(user.country, "Brasil") == 0);
    OK(chat_users_next(list, &user));
    CHECK(strcmp(user.name, "bot") == 0 && strcmp(user.full_name, "bot") == 0);
    IS(CHAT_END, chat_users_next(list, &user));
    OK(chat_users_free(list));
    OK(chat_ban_user(own->it, "ana"));
    IS(CHAT_WRONG_PASSWORD, chat_login(own->it, "ana", "wrong", &none));
    IS(CHAT_BANNED, chat_login(own->it, "ana", "right", &none));
    OK(chat_unban_user(own->it, "ana"));
    IS(CHAT_STORAGE, chat_login(own->it, "fails", "right", &none));
    IS(CHAT_STORAGE, chat_login(own->it, "odd", "right", &none));
    CHECK(strstr(chat_last_error()->message, "77") != NULL);
    IS(CHAT_STORAGE, chat_login(own->it, "long", "right", &none));
    IS(CHAT_STORAGE, chat_login(own->it, "latin", "right", &none));
    IS(CHAT_REGISTRATION_CLOSED, chat_register(own->it, "eva", "right", "Eva", NULL, &none));
    /* A password is not cut at a NUL. */
    OK(chat_answer(own->it, (const uint8_t *)"auth bot right\0wrong", 20, &answer));
    CHECK(begins(&answer, "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}"));
    chat_buffer_free(&answer);
    CHECK(own->calls_over_the_wire == 0);
}

static void *log_in(void *address) {
    chat_client *client = NULL;
    chat_session *slow = NULL;
    OK(chat_client_connect((const char *)address, NULL, &client));
    OK(chat_client_login(client, "slow", "right", &slow));
    OK(chat_session_free(slow));
    OK(chat_client_free(client));
    return NULL;
}

static void over_the_wire(directory *own) {
    chat_server *server = NULL;
    chat_buffer address;
    chat_client *client = NULL;
    chat_session *ana = NULL;
    pthread_t thread;
    char byte, text[64];
    OK(chat_server_start(own->it, "127.0.0.1:0", NULL, &server));
    OK(chat_server_address(server, &address));
    CHECK(address.len < sizeof text);
    memcpy(text, address.data, address.len);
    text[address.len] = '\0';
    chat_buffer_free(&address);
    OK(chat_client_connect(text, NULL, &client));
    IS(CHAT_WRONG_PASSWORD, chat_client_login(client, "ana", "wrong", &ana));
    IS(CHAT_STORAGE, chat_client_login(client, "odd", "right", &ana));
    CHECK(strstr(chat_last_error()->message, "77") == NULL);
    OK(chat_client_login(client, "ana", "right", &ana));
    OK(chat_session_free(ana));
    OK(chat_client_free(client));
    CHECK(own->calls_over_the_wire == 3);

    /* A server that stops waits for a login that is being checked. */
    CHECK(pthread_create(&thread, NULL, log_in, text) == 0);
    CHECK(read(own->began[0], &byte, 1) == 1);
    OK(chat_server_stop(server));
    IS(CHAT_TIMED_OUT, chat_server_join(server, 0));
    OK(chat_close(own->it));
    CHECK(write(own->go[1], "g", 1) == 1);
    CHECK(pthread_join(thread, NULL) == 0);
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
}

int main(void) {
    directory own = {NULL, {0, 0}, {0, 0}, 0};
    chat_options options = CHAT_OPTIONS_INIT;
    CHECK(pipe(own.began) == 0 && pipe(own.go) == 0);
    options.authenticate = authenticate;
    options.authenticate_data = &own;
    OK(chat_open(&options, &own.it));
    in_process(&own);
    over_the_wire(&own);
    return 0;
}
