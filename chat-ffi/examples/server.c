/* A server in threads of the program, and a client that speaks to it.
 *
 *     cc server.c $(pkg-config --cflags --libs chat) -o server && ./server
 */

#include <chat.h>
#include <stdio.h>
#include <stdlib.h>

static void done(chat_status status) {
    if (status != CHAT_OK) {
        fprintf(stderr, "%s: %s\n", chat_status_name((int32_t)status), chat_last_error()->message);
        exit(1);
    }
}

static void log_line(void *user_data, int32_t level, const char *line) {
    if (level <= CHAT_LOG_INFO) {
        fprintf((FILE *)user_data, "chat: %s\n", line);
    }
}

int main(void) {
    chat *room = NULL;
    chat_server *server = NULL;
    chat_client *client = NULL;
    chat_session *messi = NULL;
    chat_buffer address;

    done(chat_set_log(CHAT_LOG_INFO, log_line, stderr));
    done(chat_open(NULL, &room));
    done(chat_add_demo_users(room));
    done(chat_server_start(room, "127.0.0.1:0", NULL, &server));
    done(chat_server_address(server, &address));
    printf("listening on %s\n", (const char *)address.data);

    done(chat_client_connect((const char *)address.data, NULL, &client));
    done(chat_client_login(client, "messi", "surabaya", &messi));
    done(chat_session_send(messi, "henderson", "Halo Henderson, apa kabar?", NULL));
    done(chat_session_free(messi));
    done(chat_client_free(client));

    done(chat_server_stop(server));
    done(chat_server_join(server, 10000));
    done(chat_server_free(server));
    done(chat_close(room));
    chat_buffer_free(&address);
    return 0;
}
