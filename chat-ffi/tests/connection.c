/* A connection without I/O: any pieces, output that is sent in part, a peer that does not read. */

#include "check.h"

static const char refused[] = "{\"status\": \"ERROR\", \"message\": \"Command tidak benar\"}\r\n\r\n";

static void in_pieces(chat *it) {
    chat_connection *connection = NULL;
    const uint8_t *data = NULL;
    const char *line = "halo\r\nhalo\r\n";
    size_t place, taken, len;
    int mid_line;
    OK(chat_connection_new(it, NULL, &connection));
    for (place = 0; place < strlen(line); place++) {
        OK(chat_connection_receive(connection, (const uint8_t *)line + place, 1, &taken));
        CHECK(taken == 1);
        OK(chat_connection_mid_line(connection, &mid_line));
        CHECK(mid_line == (line[place] != '\n'));
    }
    OK(chat_connection_output(connection, &data, &len));
    CHECK(len == 2 * strlen(refused) && memcmp(data, refused, strlen(refused)) == 0);
    OK(chat_connection_sent(connection, 10));
    OK(chat_connection_output(connection, &data, &len));
    CHECK(len == 2 * strlen(refused) - 10 && memcmp(data, refused + 10, strlen(refused) - 10) == 0);
    OK(chat_connection_receive(connection, NULL, 0, &taken));
    OK(chat_connection_output(connection, &data, &len));
    CHECK(len == 2 * strlen(refused) - 10);
    OK(chat_connection_sent(connection, len));
    OK(chat_connection_output(connection, &data, &len));
    CHECK(len == 0);
    OK(chat_connection_free(connection));
}

/* A web page can have a browser post lines to any port. */
static void a_browser(void) {
    static const char request[] = "POST / HTTP/1.1\r\nauth messi surabaya\r\n";
    chat *it = NULL;
    chat_connection *connection = NULL;
    const uint8_t *data = NULL;
    size_t taken, len;
    int over = 1;
    OK(chat_open(NULL, &it));
    OK(chat_connection_new(it, NULL, &connection));
    OK(chat_connection_is_over(connection, &over));
    CHECK(over == 0);
    OK(chat_connection_receive(connection, (const uint8_t *)request, strlen(request), &taken));
    CHECK(taken == strlen(request));
    OK(chat_connection_output(connection, &data, &len));
    CHECK(len == strlen(refused) && memcmp(data, refused, len) == 0);
    OK(chat_connection_is_over(connection, &over));
    CHECK(over == 1);
    OK(chat_connection_free(connection));
    OK(chat_close(it));
}

static void a_peer_that_does_not_read(void) {
    chat *it = NULL;
    chat_connection *connection = NULL;
    const uint8_t *data = NULL;
    chat_options options = CHAT_OPTIONS_INIT;
    size_t taken, len;
    options.reply_bytes = 1;
    OK(chat_open(&options, &it));
    OK(chat_connection_new(it, "[2001:db8::1]:50000", &connection));
    OK(chat_connection_receive(connection, (const uint8_t *)"a\nb\n", 4, &taken));
    CHECK(taken == 2);
    OK(chat_connection_receive(connection, (const uint8_t *)"b\n", 2, &taken));
    CHECK(taken == 0);
    OK(chat_connection_output(connection, &data, &len));
    OK(chat_connection_sent(connection, len));
    OK(chat_connection_receive(connection, (const uint8_t *)"b\n", 2, &taken));
    CHECK(taken == 2);
    OK(chat_connection_free(connection));
    OK(chat_close(it));
}

static void count_calls(void *user_data) {
    ++*(int *)user_data;
}

static int wants_turn(const chat_connection *connection) {
    int wants = 9;
    OK(chat_connection_wants_turn(connection, &wants));
    return wants;
}

static void take_output(chat_connection *connection, char *text, size_t size) {
    const uint8_t *data = NULL;
    size_t len;
    OK(chat_connection_output(connection, &data, &len));
    CHECK(len < size);
    memcpy(text, data, len);
    text[len] = '\0';
    OK(chat_connection_sent(connection, len));
}

/* A peer that has subscribed is told what another session does. */
static void events(void) {
    static const char requests[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"login\",\"params\":{\"user\":\"messi\",\"password\":\"surabaya\"}}\n"
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"subscribe\"}\n";
    chat *it = NULL;
    chat_connection *connection = NULL;
    chat_session *henderson = NULL;
    size_t taken;
    int calls = 0, other_calls = 0;
    char text[4096];
    OK(chat_open(NULL, &it));
    OK(chat_add_demo_users(it));
    OK(chat_open_session(it, "henderson", &henderson));
    OK(chat_connection_new(it, NULL, &connection));
    OK(chat_connection_set_waker(connection, count_calls, &calls));
    CHECK(calls == 1 && wants_turn(connection) == 0);
    OK(chat_connection_receive(connection, (const uint8_t *)requests, strlen(requests), &taken));
    CHECK(taken == strlen(requests));
    take_output(connection, text, sizeof text);
    CHECK(strstr(text, "\"id\":2,\"result\":{\"next\":0}}") != NULL && wants_turn(connection) == 0);

    calls = 0;
    OK(chat_session_send(henderson, "messi", "halo", NULL));
    CHECK(calls == 1 && wants_turn(connection) == 1);
    OK(chat_connection_receive(connection, NULL, 0, &taken));
    CHECK(wants_turn(connection) == 0);
    take_output(connection, text, sizeof text);
    CHECK(strstr(text, "\"method\":\"message\"") != NULL && strstr(text, "\"text\":\"halo\"") != NULL);

    OK(chat_connection_set_waker(connection, count_calls, &other_calls));
    OK(chat_session_send(henderson, "messi", "halo", NULL));
    CHECK(calls == 1 && other_calls == 2);
    OK(chat_connection_free(connection));
    OK(chat_session_send(henderson, "messi", "halo", NULL));
    CHECK(other_calls == 2);
    OK(chat_session_free(henderson));
    OK(chat_close(it));
}

int main(void) {
    chat *it = NULL;
    events();
    OK(chat_open(NULL, &it));
    in_pieces(it);
    OK(chat_close(it));
    a_browser();
    a_peer_that_does_not_read();
    return 0;
}
