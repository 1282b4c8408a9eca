/* A server for browsers: a page of the program's own, and the WebSocket. The argument is an empty folder. */

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE "<!doctype html><title>a page</title>"
#define HANDSHAKE                                                                          \
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ACCEPTED "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

static char answer[65536];

static int connect_to(uint16_t port) {
    struct sockaddr_in address;
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(peer >= 0 && connect(peer, (struct sockaddr *)&address, sizeof address) == 0);
    return peer;
}

static void send_all(int peer, const char *bytes, size_t length) {
    CHECK(send(peer, bytes, length, 0) == (ssize_t)length);
}

/* Reads into `answer` until it ends with `end`, or if that is NULL, to the end of the connection. */
static void receive_until(int peer, const char *end) {
    size_t length = 0;
    answer[0] = '\0';
    while (end == NULL || length < strlen(end) || strcmp(answer + length - strlen(end), end) != 0) {
        ssize_t count = recv(peer, answer + length, end == NULL ? sizeof answer - 1 - length : 1, 0);
        CHECK(count >= 0 && length + (size_t)count < sizeof answer - 1);
        if (count == 0) {
            CHECK(end == NULL);
            return;
        }
        length += (size_t)count;
        answer[length] = '\0';
    }
}

/* Asks for a page, and has the answer in `answer`. */
static void fetch(uint16_t port, const char *path) {
    char request[256];
    int peer = connect_to(port);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", path);
    send_all(peer, request, strlen(request));
    receive_until(peer, NULL);
    close(peer);
}

/* Opens a WebSocket with headers of one's own, and has the answer in `answer`. */
static int open_websocket(uint16_t port, const char *headers) {
    int peer = connect_to(port);
    send_all(peer, HANDSHAKE, strlen(HANDSHAKE));
    send_all(peer, headers, strlen(headers));
    send_all(peer, "\r\n", 2);
    receive_until(peer, "\r\n\r\n");
    return peer;
}

static int is_status(const char *status) {
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 && strncmp(answer + 9, status, strlen(status)) == 0;
}

static void talk(uint16_t port) {
    static const char ping[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}";
    /* A final frame of text, its length, and a mask that changes nothing. */
    char head[6] = {(char)0x81, (char)(0x80 | (sizeof ping - 1)), 0, 0, 0, 0};
    int peer = open_websocket(port, "");
    CHECK(is_status("101 ") && strstr(answer, ACCEPTED) != NULL);
    send_all(peer, head, sizeof head);
    send_all(peer, ping, sizeof ping - 1);
    receive_until(peer, "}");
    CHECK((unsigned char)answer[0] == 0x81 && strstr(answer, "\"id\":7,\"result\":{}") != NULL);
    close(peer);
}

static chat_server *start(chat *it, const chat_server_options *options, uint16_t *port) {
    chat_server *server = NULL;
    chat_buffer address;
    char wanted[32];
    OK(chat_server_start(it, "127.0.0.1:0", options, &server));
    OK(chat_server_web_port(server, port));
    OK(chat_server_web_address(server, &address));
    snprintf(wanted, sizeof wanted, "127.0.0.1:%u", (unsigned)*port);
    CHECK(*port != 0 && strcmp((const char *)address.data, wanted) == 0);
    chat_buffer_free(&address);
    return server;
}

static void stop(chat_server *server) {
    OK(chat_server_stop(server));
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
}

static void a_page_of_ones_own(chat *it, const char *folder) {
    static const char *origins[] = {"https://example.org", "http://localhost:3000"};
    chat_server_options options = CHAT_SERVER_OPTIONS_INIT;
    chat_server *server;
    uint16_t port, lines;
    options.web_address = "127.0.0.1:0";
    options.web_page = folder;
    options.web_origins = origins;
    options.web_origins_count = 2;
    server = start(it, &options, &port);
    OK(chat_server_port(server, &lines));
    CHECK(lines != port);
    fetch(port, "/");
    CHECK(is_status("200 ") && strstr(answer, "\r\n\r\n" PAGE) != NULL);
    fetch(port, "/missing");
    CHECK(is_status("404 "));
    talk(port);
    close(open_websocket(port, "Origin: http://localhost:3000\r\n"));
    CHECK(is_status("101 "));
    close(open_websocket(port, "Origin: https://example.net\r\n"));
    CHECK(is_status("403 "));
    stop(server);
}

static void the_librarys_page(chat *it) {
    chat_server_options options = CHAT_SERVER_OPTIONS_INIT;
    chat_server *server;
    uint16_t port;
    options.web_address = "127.0.0.1:0";
    server = start(it, &options, &port);
    fetch(port, "/");
    CHECK(is_status("200 ") && strstr(answer, "<title>Chat</title>") != NULL);
    stop(server);
}

static void no_page(chat *it) {
    chat_server_options options = CHAT_SERVER_OPTIONS_INIT;
    chat_server *server;
    uint16_t port;
    options.web_address = "127.0.0.1:0";
    options.web_page = "none";
    server = start(it, &options, &port);
    fetch(port, "/");
    CHECK(is_status("404 "));
    talk(port);
    stop(server);
}

static void no_browsers(chat *it) {
    chat_server *server = NULL;
    chat_buffer address;
    uint16_t port;
    OK(chat_server_start(it, "127.0.0.1:0", NULL, &server));
    IS(CHAT_INVALID_ARGUMENT, chat_server_web_port(server, &port));
    CHECK(strstr(chat_last_error()->message, "web_address") != NULL);
    IS(CHAT_INVALID_ARGUMENT, chat_server_web_address(server, &address));
    stop(server);
}

static void refuse(chat *it, chat_server_options options, chat_status wanted, const char *reason) {
    chat_server *server = NULL;
    IS(wanted, chat_server_start(it, "127.0.0.1:0", &options, &server));
    CHECK(strstr(chat_last_error()->message, reason) != NULL);
}

static void mistakes(chat *it) {
    static const char *origin = "example.org";
    chat_server_options options = CHAT_SERVER_OPTIONS_INIT;
    options.web_page = "none";
    refuse(it, options, CHAT_INVALID_ARGUMENT, "options.web_address is NULL");
    options.web_page = NULL;
    options.web_origins = &origin;
    options.web_origins_count = 1;
    refuse(it, options, CHAT_INVALID_ARGUMENT, "options.web_address is NULL");
    options.web_address = "127.0.0.1:0";
    refuse(it, options, CHAT_INVALID_ARGUMENT, "\"example.org\": expected an origin");
    options.web_origins = NULL;
    refuse(it, options, CHAT_INVALID_ARGUMENT, "options.web_origins is NULL");
    options.web_origins_count = 0;
    options.web_page = "";
    refuse(it, options, CHAT_INVALID_ARGUMENT, "options.web_page is empty");
    options.web_page = "/nowhere/page";
    refuse(it, options, CHAT_IO, "/nowhere/page: ");
    options.web_page = NULL;
    options.web_address = "no address";
    refuse(it, options, CHAT_IO, "");
    options.web_address = "0.0.0.0:0";
    refuse(it, options, CHAT_CLEARTEXT, "");
}

/* A program that was compiled before there was a web page passes a smaller struct. */
static void an_older_program(chat *it) {
    chat_server_options options = CHAT_SERVER_OPTIONS_INIT;
    chat_server *server = NULL;
    uint16_t port;
    options.size = offsetof(chat_server_options, web_address);
    options.web_address = "127.0.0.1:0";
    OK(chat_server_start(it, "127.0.0.1:0", &options, &server));
    IS(CHAT_INVALID_ARGUMENT, chat_server_web_port(server, &port));
    stop(server);
}

int main(int count, char **arguments) {
    chat *it = NULL;
    char path[4096];
    FILE *page;
    CHECK(count == 2 && snprintf(path, sizeof path, "%s/index.html", arguments[1]) < (int)sizeof path);
    page = fopen(path, "w");
    CHECK(page != NULL && fputs(PAGE, page) >= 0 && fclose(page) == 0);
    OK(chat_open(NULL, &it));
    a_page_of_ones_own(it, arguments[1]);
    the_librarys_page(it);
    no_page(it);
    no_browsers(it);
    mistakes(it);
    an_older_program(it);
    OK(chat_close(it));
    return 0;
}
