/* All that a user can do, on a chat in the process and on a server. */

#include "check.h"

/* Where the test is. */
typedef struct place {
    chat *it;
    chat_client *client; /* NULL in the process */
} place;

static chat_session *log_in(const place *here, const char *user) {
    chat_session *session = NULL;
    if (here->client != NULL) {
        OK(chat_client_login(here->client, user, "surabaya", &session));
    } else {
        OK(chat_login(here->it, user, "surabaya", &session));
    }
    return session;
}

static void sending(chat_session *messi, chat_session *henderson, chat_session *lineker) {
    chat_sent sent = {0, 0}, again = {0, 0};
    const char *both[] = {"henderson", "lineker"}, *odd[] = {"henderson", NULL};
    chat_inbox *inbox = NULL;
    chat_message message;
    OK(chat_session_send(messi, "henderson", "one", &sent));
    CHECK(sent.id > 0 && sent.time > 1600000000000u);
    OK(chat_session_send_with_key(messi, "henderson", "two", "order 17", &again));
    CHECK(again.id > sent.id);
    OK(chat_session_send_with_key(messi, "henderson", "two", "order 17", &sent));
    CHECK(again.id == sent.id && again.time == sent.time);
    OK(chat_session_send_with_key(messi, "henderson", "two", "order 17", NULL));
    IS(CHAT_KEY_REUSED, chat_session_send_with_key(messi, "lineker", "two", "order 17", &sent));
    IS(CHAT_INVALID_KEY, chat_session_send_with_key(messi, "lineker", "two", "", &sent));
    OK(chat_session_send_to_all(messi, both, 2, "three"));
    IS(CHAT_NO_SUCH_RECIPIENT, chat_session_send_to_all(messi, NULL, 0, "three"));
    IS(CHAT_INVALID_ARGUMENT, chat_session_send_to_all(messi, odd, 2, "three"));
    IS(CHAT_INVALID_ARGUMENT, chat_session_send_to_all(messi, both, (size_t)-1, "three"));
    OK(chat_session_take_inbox(lineker, &inbox));
    OK(chat_inbox_next(inbox, &message));
    CHECK(strcmp(message.text, "three") == 0);
    IS(CHAT_END, chat_inbox_next(inbox, &message));
    OK(chat_inbox_free(inbox));

    OK(chat_session_send(messi, "henderson", "I did not mean it", &sent));
    IS(CHAT_NOT_YOUR_MESSAGE, chat_session_delete(henderson, sent.id));
    OK(chat_session_delete(messi, sent.id));
    IS(CHAT_NO_SUCH_MESSAGE, chat_session_delete(messi, sent.id));
    IS(CHAT_NO_SUCH_MESSAGE, chat_session_delete(messi, UINT64_MAX));
    OK(chat_session_typing(messi, "henderson"));
    IS(CHAT_NO_SUCH_ROOM, chat_session_typing(messi, "#nowhere"));
}

/* After `sending`. */
static void reading(chat_session *messi, chat_session *henderson) {
    chat_history *history = NULL;
    chat_history_message message;
    chat_conversations *conversations = NULL;
    chat_conversation conversation;
    uint64_t second, next = 0;
    size_t unread;
    int more = 9, pages = 0, count = 0;
    OK(chat_session_history(messi, "henderson", CHAT_MAX_ID, 1, &history, &more));
    OK(chat_history_next(history, &message));
    CHECK(message.deleted && message.text_len == 0 && more == 1);
    IS(CHAT_END, chat_history_next(history, &message));
    OK(chat_history_free(history));
    OK(chat_session_history_after(messi, "henderson", 0, 2, &history, NULL));
    OK(chat_history_next(history, &message));
    CHECK(strcmp(message.text, "one") == 0 && message.text_len == 3 && message.key == NULL && !message.deleted);
    CHECK(strcmp(message.with, "henderson") == 0 && strcmp(message.from, "messi") == 0);
    CHECK(strcmp(message.from_name, "Lionel Messi") == 0 && message.time > 0);
    OK(chat_history_next(history, &message));
    CHECK(strcmp(message.text, "two") == 0 && strcmp(message.key, "order 17") == 0);
    second = message.id;
    OK(chat_history_free(history));
    OK(chat_session_history(henderson, "messi", second, 10, &history, &more));
    OK(chat_history_next(history, &message));
    CHECK(strcmp(message.text, "one") == 0 && strcmp(message.with, "messi") == 0 && more == 0);
    IS(CHAT_END, chat_history_next(history, &message));
    OK(chat_history_free(history));
    IS(CHAT_NO_SUCH_CONVERSATION, chat_session_history(messi, "nobody", CHAT_MAX_ID, 10, &history, NULL));

    do {
        OK(chat_session_sync(henderson, next, 2, &history, &next, &more));
        while (chat_history_next(history, &message) == CHAT_OK) {
            count++;
        }
        OK(chat_history_free(history));
        pages++;
    } while (more);
    CHECK(pages == 2 && count == 4 && next >= second);

    OK(chat_session_read(henderson, "messi", second, &unread));
    CHECK(unread == 1);
    OK(chat_session_conversations(messi, CHAT_MAX_ID, 10, &conversations, &more));
    CHECK(more == 0);
    OK(chat_conversations_next(conversations, &conversation));
    CHECK(strcmp(conversation.with, "henderson") == 0 && conversation.unread == 0);
    CHECK(conversation.read_by_other == second && conversation.last.id > second && conversation.last.deleted);
    OK(chat_conversations_next(conversations, &conversation));
    CHECK(strcmp(conversation.with, "lineker") == 0 && strcmp(conversation.last.text, "three") == 0);
    IS(CHAT_END, chat_conversations_next(conversations, &conversation));
    OK(chat_conversations_free(conversations));
    OK(chat_session_conversations(henderson, CHAT_MAX_ID, 10, &conversations, NULL));
    OK(chat_conversations_next(conversations, &conversation));
    CHECK(strcmp(conversation.with, "messi") == 0 && conversation.unread == 1 && conversation.read == second);
    OK(chat_conversations_free(conversations));
    OK(chat_session_read(henderson, "messi", CHAT_MAX_ID, &unread));
    CHECK(unread == 0);
    OK(chat_session_read(henderson, "messi", 0, NULL));
}

static void people(const place *here, chat_session *messi, chat_session *lineker) {
    chat_users *users = NULL;
    chat_user user;
    chat_sessions *sessions = NULL;
    chat_session_info info;
    chat_session *other = NULL;
    char id[128];
    int more, current = 0;
    OK(chat_session_users(messi, "", 2, &users, &more));
    CHECK(more == 1);
    OK(chat_users_next(users, &user));
    CHECK(strcmp(user.name, "henderson") == 0 && strcmp(user.full_name, "Jordan Henderson") == 0);
    CHECK(user.online == 0 && user.owner == 0 && user.banned == 0);
    OK(chat_users_next(users, &user));
    IS(CHAT_END, chat_users_next(users, &user));
    OK(chat_users_free(users));
    OK(chat_session_users(messi, "lineker", 10, &users, NULL));
    OK(chat_users_next(users, &user));
    CHECK(strcmp(user.name, "messi") == 0);
    IS(CHAT_END, chat_users_next(users, &user));
    OK(chat_users_free(users));
    OK(chat_list_users(here->it, &users));
    OK(chat_users_next(users, &user));
    CHECK(user.online == -1);
    OK(chat_users_free(users));

    OK(chat_session_block(messi, "lineker"));
    IS(CHAT_NO_SUCH_USER, chat_session_block(messi, "nobody"));
    IS(CHAT_BLOCKED, chat_session_send(lineker, "messi", "halo", NULL));
    OK(chat_session_blocks(messi, &users));
    OK(chat_users_next(users, &user));
    CHECK(strcmp(user.name, "lineker") == 0 && strcmp(user.full_name, "Gary Lineker") == 0);
    IS(CHAT_END, chat_users_next(users, &user));
    OK(chat_users_free(users));
    OK(chat_session_unblock(messi, "lineker"));
    OK(chat_session_send(lineker, "messi", "halo", NULL));

    OK(chat_session_set_profile(lineker, "Gary Winston Lineker", NULL));
    IS(CHAT_INVALID_FULL_NAME, chat_session_set_profile(lineker, "", NULL));
    OK(chat_session_users(messi, "henderson", 1, &users, NULL));
    OK(chat_users_next(users, &user));
    CHECK(strcmp(user.full_name, "Gary Winston Lineker") == 0 && strcmp(user.country, "") != 0);
    OK(chat_users_free(users));
    OK(chat_session_set_profile(lineker, "Gary Lineker", "England"));

    other = log_in(here, "lineker");
    OK(chat_session_sessions(lineker, &sessions));
    while (chat_sessions_next(sessions, &info) == CHAT_OK) {
        CHECK(strcmp(info.user, "lineker") == 0 && info.opened > 0 && info.last_used >= info.opened);
        CHECK((info.from != NULL) == (here->client != NULL));
        current += info.current;
        if (!info.current) {
            CHECK(strlen(info.id) < sizeof id);
            strcpy(id, info.id);
        }
    }
    CHECK(current == 1);
    OK(chat_sessions_free(sessions));
    OK(chat_session_end_session(lineker, id));
    IS(CHAT_NO_SUCH_SESSION, chat_session_end_session(lineker, id));
    IS(CHAT_NO_SUCH_SESSION, chat_session_typing(other, "messi"));
    OK(chat_session_free(other));

    other = log_in(here, "lineker");
    IS(CHAT_WRONG_PASSWORD, chat_session_set_password(lineker, "malang", "jakarta"));
    OK(chat_session_set_password(lineker, "surabaya", "jakarta"));
    IS(CHAT_NO_SUCH_SESSION, chat_session_typing(other, "messi"));
    OK(chat_session_free(other));
    OK(chat_session_set_password(lineker, "jakarta", "surabaya"));
}

static void rooms(chat_session *messi, chat_session *henderson, chat_session *lineker) {
    const char *owners[] = {"henderson", "messi"};
    chat_rooms *rooms = NULL;
    chat_room room;
    chat_users *members = NULL;
    chat_user member;
    chat_inbox *inbox = NULL;
    chat_message message;
    int more;
    OK(chat_session_create_room(messi, "#bench", "The bench", 0));
    IS(CHAT_ROOM_EXISTS, chat_session_create_room(lineker, "#bench", "", 1));
    IS(CHAT_INVALID_ROOM_NAME, chat_session_create_room(lineker, "bench", "", 1));
    IS(CHAT_NO_SUCH_ROOM, chat_session_join_room(henderson, "#bench"));
    OK(chat_session_invite(messi, "#bench", "henderson"));
    OK(chat_session_rooms(henderson, "", 10, &rooms, &more));
    OK(chat_rooms_next(rooms, &room));
    CHECK(strcmp(room.name, "#bench") == 0 && strcmp(room.title, "The bench") == 0);
    CHECK(room.open == 0 && room.members == 1 && room.standing == CHAT_INVITED && more == 0);
    IS(CHAT_END, chat_rooms_next(rooms, &room));
    OK(chat_rooms_free(rooms));
    OK(chat_session_join_room(henderson, "#bench"));
    OK(chat_session_send(messi, "#bench", "halo", NULL));
    IS(CHAT_NO_SUCH_ROOM, chat_session_send(lineker, "#bench", "halo", NULL));
    OK(chat_session_take_room_inbox(henderson, "#bench", &inbox));
    OK(chat_inbox_next(inbox, &message));
    CHECK(strcmp(message.text, "halo") == 0 && strcmp(message.from_name, "Lionel Messi") == 0);
    IS(CHAT_END, chat_inbox_next(inbox, &message));
    OK(chat_inbox_free(inbox));

    OK(chat_session_set_room(messi, "#bench", NULL, 1, owners, 2));
    IS(CHAT_LAST_OWNER, chat_session_set_room(messi, "#bench", NULL, -1, owners, 0));
    IS(CHAT_INVALID_ARGUMENT, chat_session_set_room(messi, "#bench", NULL, 2, NULL, 0));
    OK(chat_session_set_room(messi, "#bench", "A bench", -1, NULL, 0));
    OK(chat_session_members(messi, "#bench", "", 1, &members, &more));
    OK(chat_users_next(members, &member));
    CHECK(strcmp(member.name, "henderson") == 0 && member.owner == 1 && more == 1);
    OK(chat_users_free(members));
    OK(chat_session_join_room(lineker, "#bench"));
    OK(chat_session_members(messi, "#bench", "henderson", 1, &members, NULL));
    OK(chat_users_next(members, &member));
    CHECK(strcmp(member.name, "lineker") == 0 && member.owner == 0);
    OK(chat_users_free(members));
    OK(chat_session_rooms(lineker, "", 10, &rooms, NULL));
    OK(chat_rooms_next(rooms, &room));
    CHECK(strcmp(room.title, "A bench") == 0 && room.open == 1 && room.members == 3 && room.standing == CHAT_MEMBER);
    OK(chat_rooms_free(rooms));
    IS(CHAT_NOT_AN_OWNER, chat_session_remove_from_room(lineker, "#bench", "messi"));
    OK(chat_session_remove_from_room(henderson, "#bench", "lineker"));
    OK(chat_session_leave_room(henderson, "#bench"));
    IS(CHAT_LAST_OWNER, chat_session_leave_room(messi, "#bench"));
    IS(CHAT_NOT_A_MEMBER, chat_session_leave_room(lineker, "#bench"));
    OK(chat_session_rooms(lineker, "", 10, &rooms, NULL));
    OK(chat_rooms_next(rooms, &room));
    CHECK(room.standing == CHAT_OUTSIDE && room.members == 1);
    OK(chat_rooms_free(rooms));
    OK(chat_session_delete_room(messi, "#bench"));
    IS(CHAT_NO_SUCH_ROOM, chat_session_delete_room(messi, "#bench"));
}

static void everything(const place *here) {
    chat_session *messi = log_in(here, "messi"), *henderson = log_in(here, "henderson");
    chat_session *lineker = log_in(here, "lineker");
    sending(messi, henderson, lineker);
    reading(messi, henderson);
    people(here, messi, lineker);
    rooms(messi, henderson, lineker);
    OK(chat_session_free(messi));
    OK(chat_session_free(henderson));
    OK(chat_session_free(lineker));
}

static chat *cheap(void) {
    chat *it = NULL;
    chat_options options = CHAT_OPTIONS_INIT;
    options.password_memory_kib = 8;
    options.password_passes = 1;
    options.password_lanes = 1;
    OK(chat_open(&options, &it));
    OK(chat_add_demo_users(it));
    return it;
}

int main(void) {
    place here = {NULL, NULL};
    chat_server *server = NULL;
    chat_buffer address;
    here.it = cheap();
    everything(&here);
    OK(chat_close(here.it));

    here.it = cheap();
    OK(chat_server_start(here.it, "127.0.0.1:0", NULL, &server));
    OK(chat_server_address(server, &address));
    OK(chat_client_connect((const char *)address.data, NULL, &here.client));
    chat_buffer_free(&address);
    everything(&here);
    OK(chat_client_free(here.client));
    OK(chat_server_stop(server));
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
    OK(chat_close(here.it));
    return 0;
}
