/* Events: each kind, in the process and over a connection; the descriptor, the callback, and ends. */

#include "check.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

enum { PATIENCE = 30000 };

/* The next event, which must be of a kind. */
static chat_event next(chat_events *events, int kind) {
    chat_event event;
    OK(chat_events_next(events, PATIENCE, &event));
    if (event.kind != kind) {
        fprintf(stderr, "an event of kind %d, not %d\n", (int)event.kind, kind);
        exit(1);
    }
    return event;
}

static void nothing(chat_events *events) {
    chat_event event;
    memset(&event, 'x', sizeof event);
    IS(CHAT_TIMED_OUT, chat_events_next(events, 0, &event));
    CHECK(((const char *)&event)[0] == 'x');
}

/* `theirs` and `mine` are of henderson and messi, who have no conversation yet. `events` are henderson's. */
static void each_kind(chat_session *theirs, chat_session *mine, chat_events *events) {
    chat_event event;
    chat_sent sent;
    chat_events *own = NULL;
    uint64_t position = 0;

    OK(chat_session_send_with_key(mine, "henderson", "halo\n", "k", &sent));
    event = next(events, CHAT_EVENT_MESSAGE);
    CHECK(event.id == sent.id && event.message.id == sent.id && event.message.time == sent.time);
    CHECK(strcmp(event.with, "messi") == 0 && strcmp(event.message.with, "messi") == 0);
    CHECK(strcmp(event.message.from, "messi") == 0 && strcmp(event.message.from_name, "Lionel Messi") == 0);
    CHECK(strcmp(event.message.text, "halo\n") == 0 && event.message.text_len == 5 && event.message.key == NULL);
    CHECK(event.user == NULL && event.by == NULL && event.reason == CHAT_CLOSED_OTHER);
    OK(chat_events_position(events, &position));
    CHECK(position == sent.id);

    OK(chat_session_events_after(mine, 0, &own));
    event = next(own, CHAT_EVENT_MESSAGE);
    CHECK(strcmp(event.with, "henderson") == 0 && strcmp(event.message.key, "k") == 0);
    event = next(events, CHAT_EVENT_PRESENCE);
    CHECK(strcmp(event.user, "messi") == 0 && event.online == 1 && event.message.text == NULL);
    OK(chat_session_read(theirs, "messi", sent.id, NULL));
    event = next(own, CHAT_EVENT_READ);
    CHECK(strcmp(event.with, "henderson") == 0 && strcmp(event.user, "henderson") == 0 && event.id == sent.id);
    OK(chat_events_free(own));
    /* One's own other connections are told, too. */
    next(events, CHAT_EVENT_READ);
    event = next(events, CHAT_EVENT_PRESENCE);
    CHECK(strcmp(event.user, "messi") == 0 && event.online == 0 && event.last_seen > 0);

    OK(chat_session_typing(mine, "henderson"));
    event = next(events, CHAT_EVENT_TYPING);
    CHECK(strcmp(event.with, "messi") == 0 && strcmp(event.user, "messi") == 0);
    OK(chat_session_delete(mine, sent.id));
    event = next(events, CHAT_EVENT_DELETED);
    CHECK(strcmp(event.with, "messi") == 0 && event.id == sent.id && event.change == CHAT_ROOM_OTHER);

    OK(chat_session_create_room(mine, "#bench", "", 0));
    OK(chat_session_invite(mine, "#bench", "henderson"));
    event = next(events, CHAT_EVENT_ROOM);
    CHECK(event.change == CHAT_ROOM_INVITED && strcmp(event.with, "#bench") == 0);
    CHECK(strcmp(event.user, "henderson") == 0 && strcmp(event.by, "messi") == 0);
    OK(chat_session_join_room(theirs, "#bench"));
    event = next(events, CHAT_EVENT_ROOM);
    CHECK(event.change == CHAT_ROOM_JOINED);
    OK(chat_session_set_room(mine, "#bench", "Bench", -1, NULL, 0));
    event = next(events, CHAT_EVENT_ROOM);
    CHECK(event.change == CHAT_ROOM_SET);
    OK(chat_session_delete_room(mine, "#bench"));
    event = next(events, CHAT_EVENT_ROOM);
    CHECK(event.change == CHAT_ROOM_DELETED);
    nothing(events);

    OK(chat_session_logout(theirs));
    event = next(events, CHAT_EVENT_CLOSED);
    CHECK(event.reason == CHAT_CLOSED_ENDED && event.with == NULL);
    IS(CHAT_END, chat_events_next(events, -1, &event));
}

static int readable(int fd, int timeout) {
    struct pollfd polled;
    polled.fd = fd;
    polled.events = POLLIN;
    return poll(&polled, 1, timeout);
}

static void drain(chat_events *events) {
    chat_event event;
    chat_status status;
    do {
        status = chat_events_next(events, 0, &event);
    } while (status == CHAT_OK);
    IS(CHAT_TIMED_OUT, status);
}

static void the_descriptor(chat_session *session, chat_events *events) {
    const char *user = NULL;
    chat_event event;
    int fd = -1, again = -1, rounds;
    OK(chat_session_user(session, &user));
    OK(chat_events_fd(events, &fd));
    OK(chat_events_fd(events, &again));
    CHECK(fd >= 0 && fd == again);
    for (rounds = 0; rounds < 3; rounds++) {
        drain(events);
        CHECK(readable(fd, 0) == 0);
        OK(chat_session_send(session, user, "halo", NULL));
        /* What wakes a connection need not be the event yet. */
        do {
            CHECK(readable(fd, PATIENCE) == 1);
        } while (chat_events_next(events, 0, &event) != CHAT_OK);
        CHECK(event.kind == CHAT_EVENT_MESSAGE);
    }
    drain(events);
}

static void signal_loop(void *user_data) {
    CHECK(write(*(const int *)user_data, "w", 1) == 1);
}

static int taken(int fd) {
    char bytes[64];
    return readable(fd, 0) == 1 ? (int)read(fd, bytes, sizeof bytes) : 0;
}

static void the_callback(chat_session *session, chat_events *events) {
    const char *user = NULL;
    int ends[2], others[2];
    OK(chat_session_user(session, &user));
    CHECK(pipe(ends) == 0 && pipe(others) == 0);
    drain(events);
    OK(chat_events_set_waker(events, signal_loop, &ends[1]));
    CHECK(taken(ends[0]) == 1);
    OK(chat_session_send(session, user, "halo", NULL));
    CHECK(taken(ends[0]) >= 1);
    drain(events);
    OK(chat_events_set_waker(events, signal_loop, &others[1]));
    CHECK(taken(ends[0]) == 0 && taken(others[0]) == 1);
    OK(chat_session_send(session, user, "halo", NULL));
    CHECK(taken(ends[0]) == 0 && taken(others[0]) >= 1);
    drain(events);
    OK(chat_events_set_waker(events, NULL, NULL));
    OK(chat_session_send(session, user, "halo", NULL));
    CHECK(taken(others[0]) == 0);
    drain(events);
    /* It is not called for what ends because it is freed. */
    OK(chat_events_set_waker(events, signal_loop, &ends[1]));
    CHECK(taken(ends[0]) == 1);
    OK(chat_events_free(events));
    CHECK(taken(ends[0]) == 0);
    close(ends[0]);
    close(ends[1]);
    close(others[0]);
    close(others[1]);
}

static void *wait_for_the_end(void *events) {
    chat_event event;
    chat_status status;
    do {
        status = chat_events_next((chat_events *)events, -1, &event);
    } while (status == CHAT_OK);
    IS(CHAT_END, status);
    return NULL;
}

/* A thread that waits is told when another one stops the events. */
static void stopping(chat_session *session) {
    pthread_t thread;
    chat_events *events = NULL;
    chat_event event;
    OK(chat_session_events(session, &events));
    CHECK(pthread_create(&thread, NULL, wait_for_the_end, events) == 0);
    OK(chat_events_stop(events));
    CHECK(pthread_join(thread, NULL) == 0);
    IS(CHAT_END, chat_events_next(events, -1, &event));
    OK(chat_events_stop(events));
    OK(chat_events_free(events));
    IS(CHAT_INVALID_HANDLE, chat_events_next(events, 0, &event));
    IS(CHAT_INVALID_HANDLE, chat_events_stop(events));
    IS(CHAT_INVALID_HANDLE, chat_events_free(events));
}

static chat *cheap(uint64_t events_bytes) {
    chat *it = NULL;
    chat_options options = CHAT_OPTIONS_INIT;
    options.events_bytes = events_bytes;
    options.password_memory_kib = 8;
    options.password_passes = 1;
    options.password_lanes = 1;
    OK(chat_open(&options, &it));
    OK(chat_add_demo_users(it));
    return it;
}

/* What came while nobody took events is not lost. */
static void lagging(void) {
    chat *it = cheap(1);
    chat_session *messi = NULL;
    chat_events *events = NULL;
    chat_event event;
    char text[2] = "0";
    OK(chat_open_session(it, "messi", &messi));
    OK(chat_session_events(messi, &events));
    for (; text[0] < '3'; text[0]++) {
        OK(chat_session_send(messi, "messi", text, NULL));
    }
    next(events, CHAT_EVENT_LAGGED);
    for (text[0] = '0'; text[0] < '3'; text[0]++) {
        event = next(events, CHAT_EVENT_MESSAGE);
        CHECK(strcmp(event.message.text, text) == 0);
    }
    nothing(events);
    OK(chat_events_free(events));
    OK(chat_session_free(messi));
    OK(chat_close(it));
}

static int threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    int count = -2; /* "." and ".." */
    CHECK(tasks != NULL);
    while (readdir(tasks) != NULL) {
        count++;
    }
    CHECK(closedir(tasks) == 0);
    return count;
}

static void in_the_process(void) {
    chat *it = cheap(0);
    chat_session *messi = NULL, *henderson = NULL;
    chat_events *events = NULL;
    OK(chat_open_session(it, "messi", &messi));
    OK(chat_open_session(it, "henderson", &henderson));
    OK(chat_session_events(henderson, &events));
    nothing(events);
    each_kind(henderson, messi, events);
    OK(chat_events_free(events));
    IS(CHAT_NO_SUCH_SESSION, chat_session_events(henderson, &events));
    OK(chat_session_free(henderson));

    OK(chat_session_events(messi, &events));
    the_descriptor(messi, events);
    the_callback(messi, events);
    CHECK(threads() == 1);
    stopping(messi);
    /* Events outlive the handles of their session and chat. */
    OK(chat_session_events_after(messi, 0, &events));
    OK(chat_close(it));
    OK(chat_session_free(messi));
    next(events, CHAT_EVENT_MESSAGE);
    OK(chat_events_free(events));
}

static void over_a_connection(void) {
    chat *it = cheap(0);
    chat_server *server = NULL;
    chat_client *client = NULL;
    chat_session *messi = NULL, *henderson = NULL;
    chat_events *events = NULL;
    chat_event event;
    chat_buffer address;
    OK(chat_server_start(it, "127.0.0.1:0", NULL, &server));
    OK(chat_server_address(server, &address));
    OK(chat_client_connect((const char *)address.data, NULL, &client));
    chat_buffer_free(&address);
    OK(chat_client_login(client, "messi", "surabaya", &messi));
    OK(chat_client_login(client, "henderson", "surabaya", &henderson));
    OK(chat_session_events(henderson, &events));
    each_kind(henderson, messi, events);
    OK(chat_events_free(events));
    IS(CHAT_NO_SUCH_SESSION, chat_session_events(henderson, &events));
    OK(chat_session_free(henderson));

    OK(chat_session_events(messi, &events));
    the_descriptor(messi, events);
    IS(CHAT_INVALID_ARGUMENT, chat_events_set_waker(events, signal_loop, NULL));
    stopping(messi);
    OK(chat_server_stop(server));
    OK(chat_server_join(server, PATIENCE));
    OK(chat_server_free(server));
    /* They go on looking for a server, until they are stopped. */
    IS(CHAT_TIMED_OUT, chat_events_next(events, 1, &event));
    OK(chat_events_stop(events));
    IS(CHAT_END, chat_events_next(events, -1, &event));
    OK(chat_events_free(events));
    OK(chat_session_free(messi));
    OK(chat_client_free(client));
    OK(chat_close(it));
}

int main(void) {
    alarm(300);
    in_the_process();
    lagging();
    over_a_connection();
    return 0;
}
