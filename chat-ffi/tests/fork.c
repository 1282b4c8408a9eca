/* A child of fork() that lives on: what the parent frees is free, and the child neither frees nor keeps anything of
 * it. The argument is a directory to use. */

#include "check.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child;
static int life;

static void end_child(void) {
    CHECK(kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, NULL, 0) == child);
    close(life);
}

/* Has a child look at what it inherits. It lives until end_child(), or until this process ends. */
static void fork_child(void (*look)(void *), void *inherited) {
    int reports[2], lives[2];
    char byte;
    CHECK(pipe(reports) == 0 && pipe(lives) == 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(lives[1]);
        look(inherited);
        CHECK(write(reports[1], "k", 1) == 1);
        _exit(read(lives[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(reports[1]);
    close(lives[0]);
    life = lives[1];
    CHECK(read(reports[0], &byte, 1) == 1);
    close(reports[0]);
}

struct data {
    chat_options options;
    chat *it;
};

static void look_at_data(void *inherited) {
    struct data *data = (struct data *)inherited;
    chat *own = NULL;
    chat_session *session = NULL;
    IS(CHAT_DATA_IN_USE, chat_open(&data->options, &own));
    OK(chat_open(NULL, &own));
    CHECK(own != data->it);
    OK(chat_add_demo_users(own));
    OK(chat_login(own, "messi", "surabaya", &session));
    OK(chat_session_free(session));
    IS(CHAT_INVALID_HANDLE, chat_login(data->it, "messi", "surabaya", &session));
    IS(CHAT_INVALID_HANDLE, chat_close(data->it));
    OK(chat_close(own));
    IS(CHAT_DATA_IN_USE, chat_open(&data->options, &own));
}

/* A directory that was closed could not be opened again while a child lived: the child kept the lock. */
static void the_lock(const char *directory) {
    struct data data = {CHAT_OPTIONS_INIT, NULL};
    chat_session *messi = NULL;
    chat_token token;
    data.options.directory = directory;
    OK(chat_open(&data.options, &data.it));
    OK(chat_add_demo_users(data.it));
    fork_child(look_at_data, &data);
    OK(chat_login(data.it, "messi", "surabaya", &messi));
    OK(chat_session_token(messi, &token));
    OK(chat_session_free(messi));
    OK(chat_close(data.it));
    OK(chat_open(&data.options, &data.it));
    OK(chat_find_session(data.it, &token, &messi));
    OK(chat_session_logout(messi));
    OK(chat_session_free(messi));
    OK(chat_close(data.it));
    end_child();
}

static int connect_to(uint16_t port) {
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        return fd;
    }
    close(fd);
    return -1;
}

static void look_at_server(void *inherited) {
    chat_server *server = (chat_server *)inherited;
    IS(CHAT_INVALID_HANDLE, chat_server_stop(server));
    IS(CHAT_INVALID_HANDLE, chat_server_join(server, 0));
    IS(CHAT_INVALID_HANDLE, chat_server_free(server));
}

/* A server that has stopped: its port is free, and its peers are told, though a child has all the descriptors. */
static void a_server(void) {
    chat *it = NULL;
    chat_server *server = NULL;
    chat_buffer address;
    uint16_t port;
    char answer[256];
    int peer;
    OK(chat_open(NULL, &it));
    OK(chat_server_start(it, "127.0.0.1:0", NULL, &server));
    OK(chat_server_address(server, &address));
    OK(chat_server_port(server, &port));
    peer = connect_to(port);
    CHECK(peer >= 0);
    CHECK(write(peer, "halo\n", 5) == 5);
    CHECK(read(peer, answer, sizeof answer) > 0);
    fork_child(look_at_server, server);
    OK(chat_server_stop(server));
    CHECK(read(peer, answer, sizeof answer) == 0);
    close(peer);
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
    CHECK(connect_to(port) == -1 && errno == ECONNREFUSED);
    OK(chat_server_start(it, (const char *)address.data, NULL, &server));
    peer = connect_to(port);
    CHECK(peer >= 0);
    close(peer);
    OK(chat_server_stop(server));
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
    chat_buffer_free(&address);
    OK(chat_close(it));
    end_child();
}

static void look_at_client(void *inherited) {
    IS(CHAT_INVALID_HANDLE, chat_client_free((chat_client *)inherited));
}

/* A client that was freed: its server is told, and not before. */
static void a_client(void) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    chat_client *client = NULL;
    char text[32], byte;
    int accepted, listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    snprintf(text, sizeof text, "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    OK(chat_client_connect(text, NULL, &client));
    accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
    fork_child(look_at_client, client);
    CHECK(recv(accepted, &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    OK(chat_client_free(client));
    CHECK(read(accepted, &byte, 1) == 0);
    close(accepted);
    close(listener);
    end_child();
}

struct stream {
    chat_events *events;
    chat_session *session;
};

static void look_at_events(void *inherited) {
    struct stream *stream = (struct stream *)inherited;
    chat_events *own = NULL;
    chat_event event;
    int fd;
    IS(CHAT_INVALID_HANDLE, chat_events_next(stream->events, 0, &event));
    IS(CHAT_INVALID_HANDLE, chat_events_fd(stream->events, &fd));
    IS(CHAT_INVALID_HANDLE, chat_events_stop(stream->events));
    IS(CHAT_INVALID_HANDLE, chat_events_free(stream->events));
    IS(CHAT_INVALID_HANDLE, chat_session_events(stream->session, &own));
}

/* Events go on in the parent, and those that it frees are over: on a server, the user is not online any more, though the child
 * has the descriptor of the connection. */
static void events(void) {
    struct stream stream = {NULL, NULL};
    chat *it = NULL;
    chat_server *server = NULL;
    chat_client *client = NULL;
    chat_session *henderson = NULL;
    chat_events *others = NULL;
    chat_event event;
    chat_buffer address;
    OK(chat_open(NULL, &it));
    OK(chat_add_demo_users(it));
    OK(chat_server_start(it, "127.0.0.1:0", NULL, &server));
    OK(chat_server_address(server, &address));
    OK(chat_client_connect((const char *)address.data, NULL, &client));
    chat_buffer_free(&address);
    OK(chat_client_login(client, "messi", "surabaya", &stream.session));
    OK(chat_open_session(it, "henderson", &henderson));
    OK(chat_session_send(henderson, "messi", "halo", NULL));
    OK(chat_session_events(henderson, &others));
    OK(chat_session_events_after(stream.session, 0, &stream.events));
    OK(chat_events_next(others, 30000, &event));
    CHECK(event.kind == CHAT_EVENT_PRESENCE && event.online == 1);
    fork_child(look_at_events, &stream);
    OK(chat_events_next(stream.events, 30000, &event));
    CHECK(event.kind == CHAT_EVENT_MESSAGE);
    OK(chat_events_free(stream.events));
    OK(chat_events_next(others, 30000, &event));
    CHECK(event.kind == CHAT_EVENT_PRESENCE && event.online == 0);
    OK(chat_events_free(others));
    OK(chat_session_free(henderson));
    OK(chat_session_free(stream.session));
    OK(chat_client_free(client));
    OK(chat_server_stop(server));
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
    OK(chat_close(it));
    end_child();
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    /* What hangs, fails. */
    alarm(300);
    a_client();
    the_lock(argv[1]);
    a_server();
    events();
    return 0;
}
