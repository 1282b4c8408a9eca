/* The server, the client and the log, and all of them from many threads. */

#include "check.h"

#include <poll.h>
#include <pthread.h>

enum { THREADS = 4, SENDS = 50 };

static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER;
static int lines, secrets;

static void count_lines(void *user_data, int32_t level, const char *line) {
    pthread_mutex_lock(&lines_lock);
    CHECK(strcmp((const char *)user_data, "mine") == 0);
    CHECK(level >= CHAT_LOG_ERROR && level <= CHAT_LOG_INFO && line[0] != '\0' && strchr(line, '\n') == NULL);
    lines++;
    secrets += strstr(line, "surabaya") != NULL;
    pthread_mutex_unlock(&lines_lock);
}

static void *send_many(void *address) {
    chat_client *client = NULL;
    chat_token token;
    int number;
    OK(chat_client_connect((const char *)address, 30000, &client));
    OK(chat_client_login(client, "messi", "surabaya", &token));
    for (number = 0; number < SENDS; number++) {
        OK(chat_client_send(client, &token, "henderson", "halo"));
    }
    IS(CHAT_NO_SUCH_RECIPIENT, chat_client_send(client, &token, "nobody", "halo"));
    IS(CHAT_INVALID_REQUEST, chat_client_send(client, &token, "hender son", "halo"));
    IS(CHAT_INVALID_REQUEST, chat_client_send(client, &token, "henderson", "two\r\nlines"));
    OK(chat_client_logout(client, &token));
    OK(chat_client_free(client));
    return NULL;
}

static void talk(const char *address, chat *it) {
    pthread_t threads[THREADS];
    chat_client *client = NULL;
    chat_token token, local;
    chat_inbox *inbox = NULL;
    chat_users *users = NULL;
    chat_message message;
    const char *name;
    int number, count = 0;
    for (number = 0; number < THREADS; number++) {
        CHECK(pthread_create(&threads[number], NULL, send_many, (void *)(size_t)address) == 0);
    }
    for (number = 0; number < THREADS; number++) {
        CHECK(pthread_join(threads[number], NULL) == 0);
    }
    OK(chat_client_connect(address, 0, &client));
    IS(CHAT_WRONG_PASSWORD, chat_client_login(client, "henderson", "malang", &token));
    CHECK(strcmp(chat_last_error()->code, "wrong_password") == 0);
    OK(chat_client_login(client, "henderson", "surabaya", &token));
    OK(chat_login(it, "lineker", "surabaya", &local));
    OK(chat_client_take_inbox(client, &token, &inbox));
    while (chat_inbox_next(inbox, &message) == CHAT_OK) {
        CHECK(strcmp(message.text, "halo") == 0 && strcmp(message.from, "messi") == 0);
        count++;
    }
    CHECK(count == THREADS * SENDS);
    OK(chat_inbox_free(inbox));
    OK(chat_client_active_users(client, &token, &users));
    OK(chat_users_next(users, &name));
    CHECK(strcmp(name, "henderson") == 0);
    OK(chat_users_next(users, &name));
    CHECK(strcmp(name, "lineker") == 0);
    IS(CHAT_END, chat_users_next(users, &name));
    OK(chat_users_free(users));
    OK(chat_client_free(client));
    IS(CHAT_INVALID_HANDLE, chat_client_logout(client, &token));
}

static void the_server_goes_away(chat *it) {
    chat_server *server = NULL;
    chat_client *client = NULL;
    chat_token token;
    chat_buffer address;
    struct pollfd polled;
    OK(chat_server_start(it, "127.0.0.1:0", &server));
    OK(chat_server_address(server, &address));
    OK(chat_client_connect((const char *)address.data, 30000, &client));
    OK(chat_client_login(client, "messi", "surabaya", &token));
    OK(chat_client_fd(client, &polled.fd));
    polled.events = POLLIN;
    CHECK(poll(&polled, 1, 0) == 0);
    OK(chat_server_stop(server));
    CHECK(poll(&polled, 1, 30000) == 1);
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
    IS(CHAT_DISCONNECTED, chat_client_logout(client, &token));
    IS(CHAT_DISCONNECTED, chat_client_logout(client, &token));
    OK(chat_client_free(client));
    IS(CHAT_IO, chat_client_connect((const char *)address.data, 1000, &client));
    chat_buffer_free(&address);
}

int main(void) {
    chat *it = NULL;
    chat_server *server = NULL, *second = NULL;
    chat_buffer address;
    char port_text[16];
    char mine[] = "mine";
    uint16_t port;
    OK(chat_set_log(CHAT_LOG_INFO, count_lines, mine));
    OK(chat_open(NULL, &it));
    OK(chat_add_demo_users(it));
    OK(chat_server_start(it, "127.0.0.1:0", &server));
    OK(chat_server_address(server, &address));
    OK(chat_server_port(server, &port));
    snprintf(port_text, sizeof port_text, ":%u", (unsigned)port);
    CHECK(port != 0 && strstr((const char *)address.data, port_text) != NULL);
    IS(CHAT_LISTEN, chat_server_start(it, (const char *)address.data, &second));
    IS(CHAT_IO, chat_server_start(it, "no address", &second));
    talk((const char *)address.data, it);
    OK(chat_server_stop(server));
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
    chat_buffer_free(&address);
    OK(chat_set_log(CHAT_LOG_OFF, NULL, NULL));
    CHECK(lines > THREADS * 2 && secrets == 0);
    lines = 0;
    the_server_goes_away(it);
    CHECK(lines == 0);
    OK(chat_close(it));
    return 0;
}
