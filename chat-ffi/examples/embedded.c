/* The whole chat inside a program, with no socket at all.
 *
 *     cc embedded.c $(pkg-config --cflags --libs chat) -o embedded && ./embedded
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

int main(void) {
    chat *room = NULL;
    chat_session *ana = NULL, *budi = NULL;
    chat_inbox *inbox = NULL;
    chat_message message;
    chat_options options = CHAT_OPTIONS_INIT;

    done(CHAT_VERSION_CHECK());
    options.directory = NULL; /* or a path, to keep it */
    done(chat_open(&options, &room));
    done(chat_add_user(room, "ana", "secret-1", "Ana Lima", "Brasil"));
    done(chat_add_user(room, "budi", "secret-2", "Budi Santoso", "Indonesia"));

    done(chat_login(room, "ana", "secret-1", &ana));
    done(chat_session_send(ana, "budi", "Halo Budi!", NULL));

    done(chat_login(room, "budi", "secret-2", &budi));
    done(chat_session_take_inbox(budi, &inbox));
    while (chat_inbox_next(inbox, &message) == CHAT_OK) {
        printf("%s wrote: %s\n", message.from_name, message.text);
    }
    chat_inbox_free(inbox);

    if (chat_session_send(ana, "nobody", "?", NULL) != CHAT_OK) {
        printf("refused: %s\n", chat_last_error()->code);
    }
    chat_session_free(ana);
    chat_session_free(budi);
    done(chat_close(room));
    return 0;
}
