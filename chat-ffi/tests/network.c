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
    chat_session *messi = NULL;
    const char *henderson = "henderson";
    int number;
    OK(chat_client_connect((const char *)address, NULL, &client));
    OK(chat_client_login(client, "messi", "surabaya", &messi));
    /* A session keeps its connection. */
    OK(chat_client_free(client));
    for (number = 0; number < SENDS; number++) {
        OK(chat_session_send(messi, "henderson", "halo", NULL));
    }
    IS(CHAT_NO_SUCH_RECIPIENT, chat_session_send(messi, "nobody", "halo", NULL));
    IS(CHAT_NO_SUCH_RECIPIENT, chat_session_send(messi, "hender son", "halo", NULL));
    IS(CHAT_INVALID_REQUEST, chat_session_send_to_all(messi, &henderson, 1, "two\r\nlines"));
    OK(chat_session_logout(messi));
    OK(chat_session_free(messi));
    return NULL;
}

static void talk(const char *address, chat *it) {
    pthread_t threads[THREADS];
    chat_client *client = NULL;
    chat_session *henderson = NULL, *lineker = NULL, *again = NULL;
    chat_token token;
    chat_inbox *inbox = NULL;
    chat_users *users = NULL;
    chat_message message;
    chat_user user;
    const char *name;
    int number, count = 0;
    for (number = 0; number < THREADS; number++) {
        CHECK(pthread_create(&threads[number], NULL, send_many, (void *)(size_t)address) == 0);
    }
    for (number = 0; number < THREADS; number++) {
        CHECK(pthread_join(threads[number], NULL) == 0);
    }
    OK(chat_client_connect(address, NULL, &client));
    IS(CHAT_WRONG_PASSWORD, chat_client_login(client, "henderson", "malang", &henderson));
    CHECK(strcmp(chat_last_error()->code, "wrong_password") == 0);
    OK(chat_client_login(client, "henderson", "surabaya", &henderson));
    OK(chat_login(it, "lineker", "surabaya", &lineker));
    OK(chat_session_take_inbox(henderson, &inbox));
    while (chat_inbox_next(inbox, &message) == CHAT_OK) {
        CHECK(strcmp(message.text, "halo") == 0 && strcmp(message.from, "messi") == 0);
        count++;
    }
    CHECK(count == THREADS * SENDS);
    OK(chat_inbox_free(inbox));
    OK(chat_session_active_users(henderson, &users));
    OK(chat_users_next(users, &user));
    CHECK(strcmp(user.name, "henderson") == 0);
    OK(chat_users_next(users, &user));
    CHECK(strcmp(user.name, "lineker") == 0);
    IS(CHAT_END, chat_users_next(users, &user));
    OK(chat_users_free(users));

    /* A session is bound neither to a connection nor to a place. */
    OK(chat_session_token(lineker, &token));
    OK(chat_client_session(client, "lineker", &token, &again));
    OK(chat_session_user(again, &name));
    CHECK(strcmp(name, "lineker") == 0);
    OK(chat_session_send(again, "lineker", "halo", NULL));
    OK(chat_session_logout(again));
    OK(chat_session_free(again));
    IS(CHAT_NO_SUCH_SESSION, chat_session_logout(lineker));
    OK(chat_session_free(lineker));
    memset(&token, 'x', sizeof token);
    IS(CHAT_NO_SUCH_SESSION, chat_client_session(client, "lineker", &token, &again));

    OK(chat_client_register(client, "eva", "secret", "Eva", NULL, &again));
    OK(chat_session_send(again, "eva", "halo", NULL));
    OK(chat_session_free(again));
    IS(CHAT_USER_EXISTS, chat_client_register(client, "eva", "secret", "Eva", NULL, &again));
    OK(chat_session_free(henderson));
    OK(chat_client_free(client));
    IS(CHAT_INVALID_HANDLE, chat_session_logout(henderson));
}

static void the_server_goes_away(chat *it) {
    chat_client_options options = CHAT_CLIENT_OPTIONS_INIT;
    chat_server *server = NULL;
    chat_client *client = NULL;
    chat_session *messi = NULL;
    chat_buffer address;
    struct pollfd polled;
    OK(chat_server_start(it, "127.0.0.1:0", NULL, &server));
    OK(chat_server_address(server, &address));
    OK(chat_client_connect((const char *)address.data, NULL, &client));
    OK(chat_client_login(client, "messi", "surabaya", &messi));
    OK(chat_client_fd(client, &polled.fd));
    polled.events = POLLIN;
    CHECK(poll(&polled, 1, 0) == 0);
    OK(chat_server_stop(server));
    CHECK(poll(&polled, 1, 30000) == 1);
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
    IS(CHAT_DISCONNECTED, chat_session_logout(messi));
    IS(CHAT_DISCONNECTED, chat_session_logout(messi));
    OK(chat_session_free(messi));
    OK(chat_client_free(client));
    options.timeout_millis = 1000;
    IS(CHAT_IO, chat_client_connect((const char *)address.data, &options, &client));
    chat_buffer_free(&address);
}

static chat_server *serve(chat *it, const char *host, char *address, size_t size) {
    chat_server *server = NULL;
    uint16_t port;
    OK(chat_server_start(it, host, NULL, &server));
    OK(chat_server_port(server, &port));
    snprintf(address, size, "%.*s:%u", (int)(strchr(host, ':') - host), host, (unsigned)port);
    return server;
}

static void stop(chat_server *server) {
    OK(chat_server_stop(server));
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
}

static void expect_message(chat_events *events, const char *text) {
    chat_event event;
    do {
        OK(chat_events_next(events, 30000, &event));
    } while (event.kind != CHAT_EVENT_MESSAGE);
    CHECK(strcmp(event.message.text, text) == 0);
}

/* One of two servers goes, and then the other one: sessions and events go on. */
static void the_other_server_stays(chat *it) {
    chat_server *one, *two;
    chat_client *client = NULL;
    chat_session *messi = NULL;
    chat_events *events = NULL;
    char first[64], second[64], again[64], both[160];
    one = serve(it, "127.0.0.95:0", first, sizeof first);
    two = serve(it, "127.0.0.96:0", second, sizeof second);
    snprintf(both, sizeof both, "chat://%s,%s", first, second);
    OK(chat_client_connect(both, NULL, &client));
    OK(chat_client_login(client, "messi", "surabaya", &messi));
    OK(chat_session_events(messi, &events));
    stop(one);
    OK(chat_session_send(messi, "messi", "one", NULL));
    expect_message(events, "one");
    one = serve(it, first, again, sizeof again);
    stop(two);
    OK(chat_session_send(messi, "messi", "two", NULL));
    expect_message(events, "two");
    OK(chat_session_logout(messi));
    OK(chat_events_free(events));
    OK(chat_session_free(messi));
    OK(chat_client_free(client));
    stop(one);
}

/* Addresses can be URLs; and where no TLS is spoken, an encrypted connection is refused. */
static void addresses(uint16_t port) {
    static const char *wrong[] = {"", ",", "127.0.0.1:1,", "127.0.0.1:1,127.0.0.2", "127.0.0.1", "http://127.0.0.1:1", "chats://", "chat://127.0.0.1:x"};
    chat_client_options options = CHAT_CLIENT_OPTIONS_INIT;
    chat_client *client = NULL;
    char url[64];
    size_t place;
    snprintf(url, sizeof url, "chat://127.0.0.1:%u/", (unsigned)port);
    OK(chat_client_connect(url, &options, &client));
    OK(chat_client_free(client));
    snprintf(url, sizeof url, "chats://127.0.0.1:%u", (unsigned)port);
    IS(CHAT_TLS, chat_client_connect(url, &options, &client));
    CHECK(strstr(chat_last_error()->message, "does not speak TLS") != NULL);
    options.ca_file = "/nowhere/ca.pem";
    IS(CHAT_IO, chat_client_connect(url, &options, &client));
    CHECK(strstr(chat_last_error()->message, "/nowhere/ca.pem: ") != NULL);
    for (place = 0; place < sizeof wrong / sizeof *wrong; place++)
        IS(CHAT_IO, chat_client_connect(wrong[place], NULL, &client));
    options.size = 1;
    IS(CHAT_INVALID_ARGUMENT, chat_client_connect(url, &options, &client));
}

int main(void) {
    chat *it = NULL;
    chat_server *server = NULL, *second = NULL;
    chat_buffer address;
    char port_text[16];
    char mine[] = "mine";
    uint16_t port;
    chat_options options = CHAT_OPTIONS_INIT;
    options.registration = CHAT_REGISTER_OPEN;
    OK(chat_set_log(CHAT_LOG_INFO, count_lines, mine));
    OK(chat_open(&options, &it));
    OK(chat_add_demo_users(it));
    OK(chat_server_start(it, "127.0.0.1:0", NULL, &server));
    OK(chat_server_address(server, &address));
    OK(chat_server_port(server, &port));
    snprintf(port_text, sizeof port_text, ":%u", (unsigned)port);
    CHECK(port != 0 && strstr((const char *)address.data, port_text) != NULL);
    IS(CHAT_LISTEN, chat_server_start(it, (const char *)address.data, NULL, &second));
    IS(CHAT_IO, chat_server_start(it, "no address", NULL, &second));
    talk((const char *)address.data, it);
    addresses(port);
    OK(chat_server_stop(server));
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
    chat_buffer_free(&address);
    OK(chat_set_log(CHAT_LOG_OFF, NULL, NULL));
    CHECK(lines > THREADS * 2 && secrets == 0);
    lines = 0;
    the_server_goes_away(it);
    the_other_server_stays(it);
    CHECK(lines == 0);
    OK(chat_close(it));
    return 0;
}
