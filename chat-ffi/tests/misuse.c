/* Handles that are freed twice, used after they were freed, or of another kind, and NULL everywhere. */

#include "check.h"

/* Each function with NULL in each place that must not be NULL. */
static void nulls(chat *it, chat_connection *connection, chat_server *server, chat_client *client,
                  chat_session *session) {
    chat *chat_out = it;
    chat_buffer buffer;
    chat_token token;
    chat_restored restored;
    chat_session *session_out;
    chat_inbox *inbox = NULL;
    chat_users *users = NULL;
    chat_sessions *sessions = NULL;
    chat_connection *connection_out;
    chat_server *server_out;
    chat_client *client_out;
    chat_message message;
    chat_user user;
    chat_session_info info;
    const char *name;
    const uint8_t *data;
    size_t size;
    uint16_t port;
    int number;

    memset(&buffer, 'x', sizeof buffer);
    OK(chat_session_token(session, &token));
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
    IS(CHAT_INVALID_ARGUMENT, chat_list_users(NULL, &users));
    IS(CHAT_INVALID_ARGUMENT, chat_list_users(it, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_edit_user(NULL, "messi", NULL, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_edit_user(it, NULL, "b", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_edit_user(it, "messi", "\xff", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_open_session(NULL, "messi", &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_open_session(it, NULL, &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_open_session(it, "messi", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_list_sessions(NULL, &sessions));
    IS(CHAT_INVALID_ARGUMENT, chat_list_sessions(it, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_end_sessions(NULL, "messi"));
    IS(CHAT_INVALID_ARGUMENT, chat_end_sessions(it, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_take_inbox_of(NULL, "messi", &inbox));
    IS(CHAT_INVALID_ARGUMENT, chat_take_inbox_of(it, NULL, &inbox));
    IS(CHAT_INVALID_ARGUMENT, chat_take_inbox_of(it, "messi", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_may_listen(NULL, "127.0.0.1:1"));
    IS(CHAT_INVALID_ARGUMENT, chat_may_listen(it, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_dump(NULL, 1, 0));
    IS(CHAT_INVALID_ARGUMENT, chat_restore(NULL, 0, &restored));
    IS(CHAT_INVALID_ARGUMENT, chat_restore(it, 0, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_restore(it, -1, &restored));
    IS(CHAT_INVALID_ARGUMENT, chat_check(NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_tidy(NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_login(NULL, "messi", "surabaya", &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_login(it, NULL, "surabaya", &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_login(it, "messi", NULL, &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_login(it, "messi", "surabaya", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_register(NULL, "a", "b", "c", &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_register(it, NULL, "b", "c", &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_register(it, "a", NULL, "c", &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_register(it, "a", "b", NULL, &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_register(it, "a", "b", "c", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_find_session(NULL, &token, &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_find_session(it, NULL, &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_find_session(it, &token, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_session_user(NULL, &name));
    IS(CHAT_INVALID_ARGUMENT, chat_session_user(session, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_session_token(NULL, &token));
    IS(CHAT_INVALID_ARGUMENT, chat_session_token(session, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_session_send(NULL, "messi", "x"));
    IS(CHAT_INVALID_ARGUMENT, chat_session_send(session, NULL, "x"));
    IS(CHAT_INVALID_ARGUMENT, chat_session_send(session, "messi", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_session_take_inbox(NULL, &inbox));
    IS(CHAT_INVALID_ARGUMENT, chat_session_take_inbox(session, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_session_active_users(NULL, &users));
    IS(CHAT_INVALID_ARGUMENT, chat_session_active_users(session, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_session_logout(NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_inbox_count(NULL, &size));
    IS(CHAT_INVALID_ARGUMENT, chat_inbox_next(NULL, &message));
    OK(chat_session_take_inbox(session, &inbox));
    IS(CHAT_INVALID_ARGUMENT, chat_inbox_count(inbox, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_inbox_next(inbox, NULL));
    OK(chat_inbox_free(inbox));
    IS(CHAT_INVALID_ARGUMENT, chat_users_next(NULL, &user));
    OK(chat_session_active_users(session, &users));
    IS(CHAT_INVALID_ARGUMENT, chat_users_next(users, NULL));
    OK(chat_users_free(users));
    IS(CHAT_INVALID_ARGUMENT, chat_sessions_next(NULL, &info));
    OK(chat_list_sessions(it, &sessions));
    IS(CHAT_INVALID_ARGUMENT, chat_sessions_next(sessions, NULL));
    OK(chat_sessions_free(sessions));
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
    IS(CHAT_INVALID_ARGUMENT, chat_client_connect(NULL, 0, &client_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_connect("127.0.0.1:1", 0, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_client_login(NULL, "messi", "surabaya", &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_login(client, NULL, "surabaya", &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_login(client, "messi", NULL, &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_login(client, "messi", "surabaya", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_client_register(NULL, "a", "b", "c", &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_register(client, NULL, "b", "c", &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_register(client, "a", NULL, "c", &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_register(client, "a", "b", NULL, &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_register(client, "a", "b", "c", NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_client_session(NULL, "messi", &token, &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_session(client, NULL, &token, &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_session(client, "messi", NULL, &session_out));
    IS(CHAT_INVALID_ARGUMENT, chat_client_session(client, "messi", &token, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_client_fd(NULL, &number));
    IS(CHAT_INVALID_ARGUMENT, chat_client_fd(client, NULL));
    IS(CHAT_INVALID_ARGUMENT, chat_set_log(6, NULL, NULL));
    CHECK(chat_out == it && ((const char *)&buffer)[0] == 'x');

    /* What frees leaves NULL alone, as free() does. */
    OK(chat_close(NULL));
    OK(chat_connection_free(NULL));
    OK(chat_server_free(NULL));
    OK(chat_client_free(NULL));
    OK(chat_inbox_free(NULL));
    OK(chat_users_free(NULL));
    OK(chat_sessions_free(NULL));
    OK(chat_session_free(NULL));
    chat_buffer_free(NULL);
}

static void wrong_kinds(chat *it, chat_connection *connection, chat_server *server, chat_session *session) {
    chat_buffer buffer;
    size_t size;
    int local = 0;
    IS(CHAT_INVALID_HANDLE, chat_answer((chat *)connection, NULL, 0, &buffer));
    IS(CHAT_INVALID_HANDLE, chat_close((chat *)server));
    IS(CHAT_INVALID_HANDLE, chat_connection_receive((chat_connection *)it, NULL, 0, &size));
    IS(CHAT_INVALID_HANDLE, chat_connection_free((chat_connection *)it));
    IS(CHAT_INVALID_HANDLE, chat_inbox_free((chat_inbox *)it));
    IS(CHAT_INVALID_HANDLE, chat_users_free((chat_users *)it));
    IS(CHAT_INVALID_HANDLE, chat_sessions_free((chat_sessions *)session));
    IS(CHAT_INVALID_HANDLE, chat_session_free((chat_session *)it));
    IS(CHAT_INVALID_HANDLE, chat_session_logout((chat_session *)it));
    IS(CHAT_INVALID_HANDLE, chat_check((chat *)session));
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
    chat_client *client = NULL;
    chat_session *session = NULL;
    chat_buffer buffer, text, address;
    size_t size;

    CHECK(chat_last_error() == NULL);
    OK(chat_open(NULL, &it));
    OK(chat_add_demo_users(it));
    OK(chat_login(it, "messi", "surabaya", &session));
    OK(chat_connection_new(it, "192.0.2.7:50000", &connection));
    OK(chat_server_start(it, "127.0.0.1:0", &server));

    OK(chat_server_address(server, &address));
    OK(chat_client_connect((const char *)address.data, 30000, &client));
    chat_buffer_free(&address);

    nulls(it, connection, server, client, session);
    wrong_kinds(it, connection, server, session);
    OK(chat_client_free(client));
    IS(CHAT_INVALID_HANDLE, chat_client_free(client));

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
    IS(CHAT_INVALID_HANDLE, chat_check(it));
    OK(chat_open(NULL, &other));
    CHECK(other != it);
    IS(CHAT_INVALID_HANDLE, chat_answer(it, NULL, 0, &buffer));
    OK(chat_close(other));

    /* What was made of it goes on. */
    OK(chat_session_send(session, "messi", "halo"));
    OK(chat_session_free(session));
    IS(CHAT_INVALID_HANDLE, chat_session_free(session));
    IS(CHAT_INVALID_HANDLE, chat_session_send(session, "messi", "halo"));
    OK(chat_connection_receive(connection, (const uint8_t *)"halo\n", 5, &size));
    OK(chat_connection_free(connection));
    IS(CHAT_INVALID_HANDLE, chat_connection_receive(connection, NULL, 0, &size));
    return 0;
}
