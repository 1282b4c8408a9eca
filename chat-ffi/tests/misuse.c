/* Handles that are freed twice, used after they were freed, or of another kind, and NULL everywhere. */

#include "check.h"

/* Each function with NULL in each place that must not be NULL. */
static void nulls(chat *it, chat_connection *connection, chat_server *server, const chat_token *token) {
    chat *chat_out = it;
    chat_buffer buffer;
    chat_token token_out;
    chat_inbox *inbox = NULL;
    chat_users *users = NULL;
    chat_connection *connection_out;
    chat_server *server_out;
    chat_client *client;
    chat_message message;
    const char *name;
    const uint8_t *data;
    size_t size;
    uint16_t port;
    int number;

    memset(&buffer, 'x', sizeof buffer);
    IS(CHAT_INVALID_ARGUMENT, chat_open(NULL, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_answer(NULL, NULL, 0, &buffer));
    IS(CHAT_INVALID_ARGUMENT, chat_answer(it, NULL, 1, &buffer));
    IS(CHAT_INVALID_ARGUMENT, chat_answer(it, NULL, 0, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_answer(it, (const uint8_t *)"x", (size_t)-1, &buffer));
    IS(CHAT_INVALID_ARGUMENT, chat_add_user(NULL, "a", "b", "c", "d"));
    IS(CHAT_INVALID_ARGUMENT, chat_add_user(it, NULL, "b", "c", "d"));
    IS(CHAT_INVALID_ARGUMENT, chat_add_user(it, "a", NULL, "c", "d"));
    IS(CHAT_INVALID_ARGUMENT, chat_add_user(it, "a", "b", NULL, "d"));
    IS(CHAT_INVALID_ARGUMENT, chat_add_user(it, "a", "b", "c", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_add_user(it, "\xff", "b", "c", "d"));
    IS(CHAT_INVALID_ARGUMENT, chat_set_password(NULL, "messi", "b"));
    IS(CHAT_INVALID_ARGUMENT, chat_set_password(it, NULL, "b"));
    IS(CHAT_INVALID_ARGUMENT, chat_set_password(it, "messi", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_remove_user(NULL, "messi"));
    IS(CHAT_INVALID_ARGUMENT, chat_remove_user(it, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_add_demo_users(NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_login(NULL, "messi", "surabaya", &token_out));
    IS(CHAT_INVALID_ARGUMENT, chat_login(it, NULL, "surabaya", &token_out));
    IS(CHAT_INVALID_ARGUMENT, chat_login(it, "messi", NULL, &token_out));
    IS(CHAT_INVALID_ARGUMENT, chat_login(it, "messi", "surabaya", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_send(NULL, token, "messi", "x"));
    IS(CHAT_INVALID_ARGUMENT, chat_send(it, NULL, "messi", "x"));
    IS(CHAT_INVALID_ARGUMENT, chat_send(it, token, NULL, "x"));
    IS(CHAT_INVALID_ARGUMENT, chat_send(it, token, "messi", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_take_inbox(NULL, token, &inbox));
    IS(CHAT_INVALID_ARGUMENT, chat_take_inbox(it, NULL, &inbox));
    IS(CHAT_INVALID_ARGUMENT, chat_take_inbox(it, token, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_active_users(NULL, token, &users));
    IS(CHAT_INVALID_ARGUMENT, chat_active_users(it, NULL, &users));
    IS(CHAT_INVALID_ARGUMENT, chat_active_users(it, token, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_logout(NULL, token));
    IS(CHAT_INVALID_ARGUMENT, chat_logout(it, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_inbox_count(NULL, &size));
    IS(CHAT_INVALID_ARGUMENT, chat_inbox_next(NULL, &message));
    OK(chat_take_inbox(it, token, &inbox));
    IS(CHAT_INVALID_ARGUMENT, chat_inbox_count(inbox, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_inbox_next(inbox, NULL));
    OK(chat_inbox_free(inbox));
    IS(CHAT_INVALID_ARGUMENT, chat_users_next(NULL, &name));
    OK(chat_active_users(it, token, &users));
    IS(CHAT_INVALID_ARGUMENT, chat_users_next(users, NULL));
    OK(chat_users_free(users));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_new(NULL, NULL, &connection_out));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_new(it, "nonsense", &connection_out));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_new(it, NULL, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_receive(NULL, NULL, 0, &size));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_receive(connection, NULL, 1, &size));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_receive(connection, NULL, 0, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_output(NULL, &data, &size));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_output(connection, NULL, &size));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_output(connection, &data, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_sent(NULL, 0));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_sent(connection, 1));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_mid_line(NULL, &number));
    IS(CHAT_INVALID_ARGUMENT, chat_connection_mid_line(connection, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_server_start(NULL, "127.0.0.1:0", &server_out));
    IS(CHAT_INVALID_ARGUMENT, chat_server_start(it, NULL, &server_out));
    IS(CHAT_INVALID_ARGUMENT, chat_server_start(it, "127.0.0.1:0", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_server_address(NULL, &buffer));
    IS(CHAT_INVALID_ARGUMENT, chat_server_address(server, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_server_port(NULL, &port));
    IS(CHAT_INVALID_ARGUMENT, chat_server_port(server, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_server_stop(NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_server_join(NULL, 0));
    IS(CHAT_INVALID_ARGUMENT, chat_client_connect(NULL, 0, &client));
    IS(CHAT_INVALID_ARGUMENT, chat_client_connect("127.0.0.1:1", 0, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_client_login(NULL, "messi", "surabaya", &token_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_send(NULL, token, "messi", "x"));
    IS(CHAT_INVALID_ARGUMENT, chat_client_take_inbox(NULL, token, &inbox));
    IS(CHAT_INVALID_ARGUMENT, chat_client_active_users(NULL, token, &users));
    IS(CHAT_INVALID_ARGUMENT, chat_client_logout(NULL, token));
    IS(CHAT_INVALID_ARGUMENT, chat_client_fd(NULL, &number));
    IS(CHAT_INVALID_ARGUMENT, chat_set_log(6, NULL, NULL));
    CHECK(chat_out == it && ((const char *)&buffer)[0] == 'x');

    /* What frees leaves NULL alone, as free() does. */
    OK(chat_close(NULL));
    OK(chat_connection_free(NULL));
    OK(chat_server_free(NULL));
    OK(chat_client_free(NULL));
    OK(chat_inbox_free(NULL));
    OK(chat_users_free(NULL));
    chat_buffer_free(NULL);
}

static void wrong_kinds(chat *it, chat_connection *connection, chat_server *server) {
    chat_buffer buffer;
    size_t size;
    int local = 0;
    IS(CHAT_INVALID_HANDLE, chat_answer((chat *)connection, NULL, 0, &buffer));
    IS(CHAT_INVALID_HANDLE, chat_close((chat *)server));
    IS(CHAT_INVALID_HANDLE, chat_connection_receive((chat_connection *)it, NULL, 0, &size));
    IS(CHAT_INVALID_HANDLE, chat_connection_free((chat_connection *)it));
    IS(CHAT_INVALID_HANDLE, chat_inbox_free((chat_inbox *)it));
    IS(CHAT_INVALID_HANDLE, chat_users_free((chat_users *)it));
    IS(CHAT_INVALID_HANDLE, chat_client_free((chat_client *)it));
    IS(CHAT_INVALID_HANDLE, chat_server_free((chat_server *)it));
    IS(CHAT_INVALID_HANDLE, chat_close((chat *)(void *)&local));
    IS(CHAT_INVALID_HANDLE, chat_close((chat *)1));
    IS(CHAT_INVALID_HANDLE, chat_close((chat *)~(size_t)0));
}

int main(void) {
    chat *it = NULL, *other = NULL;
    chat_connection *connection = NULL;
    chat_server *server = NULL;
    chat_token token, bad;
    chat_buffer buffer, text;
    size_t size;

    CHECK(chat_last_error() == NULL);
    OK(chat_open(NULL, &it));
    OK(chat_add_demo_users(it));
    OK(chat_login(it, "messi", "surabaya", &token));
    OK(chat_connection_new(it, "192.0.2.7:50000", &connection));
    OK(chat_server_start(it, "127.0.0.1:0", &server));

    nulls(it, connection, server, &token);
    wrong_kinds(it, connection, server);

    memset(&bad, 'x', sizeof bad);
    IS(CHAT_NO_SUCH_SESSION, chat_send(it, &bad, "messi", "no NUL, no token"));
    memset(&bad, 0, sizeof bad);
    IS(CHAT_NO_SUCH_SESSION, chat_logout(it, &bad));

    IS(CHAT_PUBLIC_PASSWORD, chat_server_start(it, "0.0.0.0:0", &server));
    IS(CHAT_STILL_RUNNING, chat_server_free(server));
    IS(CHAT_TIMED_OUT, chat_server_join(server, 1));
    OK(chat_server_stop(server));
    OK(chat_server_join(server, 30000));
    OK(chat_server_join(server, 0));
    OK(chat_server_stop(server));
    OK(chat_server_free(server));
    IS(CHAT_INVALID_HANDLE, chat_server_free(server));
    IS(CHAT_INVALID_HANDLE, chat_server_stop(server));

    OK(chat_answer(it, NULL, 0, &buffer));
    text = buffer;
    CHECK(text.data != NULL);
    chat_buffer_free(&buffer);
    chat_buffer_free(&buffer);

    OK(chat_close(it));
    IS(CHAT_INVALID_HANDLE, chat_close(it));
    IS(CHAT_INVALID_HANDLE, chat_logout(it, &token));
    OK(chat_open(NULL, &other));
    CHECK(other != it);
    IS(CHAT_INVALID_HANDLE, chat_answer(it, NULL, 0, &buffer));
    OK(chat_close(other));

    /* What was made of it goes on. */
    OK(chat_connection_receive(connection, (const uint8_t *)"halo\n", 5, &size));
    OK(chat_connection_free(connection));
    IS(CHAT_INVALID_HANDLE, chat_connection_receive(connection, NULL, 0, &size));
    return 0;
}
