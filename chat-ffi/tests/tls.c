/* A server that encrypts, with the certificate in the folder that is the argument, and one that does not and should. */

#include "check.h"

static char ca[4096], certificate[4096], key[4096];

static void path(char *out, const char *folder, const char *name) {
    CHECK(snprintf(out, 4096, "%s/%s", folder, name) < 4096);
}

/* Where browsers are served, TLS is all that this client finds. A server that wrote to a peer that is gone raised SIGPIPE. */
static void shake_hands(uint16_t port) {
    chat_client_options options = CHAT_CLIENT_OPTIONS_INIT;
    chat_client *client = NULL;
    char url[64];
    snprintf(url, sizeof url, "chats://localhost:%u", (unsigned)port);
    options.ca_file = ca;
    OK(chat_client_connect(url, &options, &client));
    OK(chat_client_free(client));
}

static void talk(uint16_t port, chat_status wanted) {
    chat_client_options options = CHAT_CLIENT_OPTIONS_INIT;
    chat_client *client = NULL;
    chat_session *messi = NULL;
    char url[64];
    snprintf(url, sizeof url, "chats://localhost:%u", (unsigned)port);
    options.ca_file = wanted == CHAT_OK ? ca : NULL;
    IS(wanted, chat_client_connect(url, &options, &client));
    if (wanted == CHAT_OK) {
        OK(chat_client_login(client, "messi", "surabaya", &messi));
        OK(chat_session_send(messi, "henderson", "halo", NULL));
        OK(chat_session_free(messi));
        OK(chat_client_free(client));
    }
}

static void stop(chat_server *server) {
    OK(chat_server_stop(server));
    OK(chat_server_join(server, 30000));
    OK(chat_server_free(server));
}

static void encrypted(void) {
    chat *it = NULL;
    chat_server *server = NULL;
    chat_server_options options = CHAT_SERVER_OPTIONS_INIT;
    char elsewhere[4100];
    uint16_t port;
    OK(chat_open(NULL, &it));
    OK(chat_add_demo_users(it));
    options.certificate_file = certificate;
    IS(CHAT_INVALID_ARGUMENT, chat_server_start(it, "127.0.0.1:0", &options, &server));
    options.key_file = ca;
    IS(CHAT_BAD_CERTIFICATE, chat_server_start(it, "127.0.0.1:0", &options, &server));
    CHECK(strstr(chat_last_error()->message, "ca.pem has no private key") != NULL);
    options.key_file = key;
    options.web_address = "127.0.0.1:0";
    OK(chat_server_start(it, "127.0.0.1:0", &options, &server));
    OK(chat_server_web_port(server, &port));
    shake_hands(port);
    OK(chat_server_port(server, &port));
    talk(port, CHAT_OK);
    talk(port, CHAT_TLS);

    OK(chat_server_reload_certificate(server));
    snprintf(elsewhere, sizeof elsewhere, "%s.old", key);
    CHECK(rename(key, elsewhere) == 0);
    IS(CHAT_BAD_CERTIFICATE, chat_server_reload_certificate(server));
    CHECK(rename(elsewhere, key) == 0);
    talk(port, CHAT_OK);
    stop(server);
    OK(chat_close(it));
}

/* To write to a server that is gone raised SIGPIPE, and the program ended. */
static void the_server_goes_away(void) {
    chat *it = NULL;
    chat_server *server = NULL;
    chat_client *client = NULL;
    chat_session *messi = NULL;
    chat_server_options options = CHAT_SERVER_OPTIONS_INIT;
    chat_client_options trust = CHAT_CLIENT_OPTIONS_INIT;
    char url[64];
    uint16_t port;
    OK(chat_open(NULL, &it));
    OK(chat_add_demo_users(it));
    options.certificate_file = certificate;
    options.key_file = key;
    OK(chat_server_start(it, "127.0.0.1:0", &options, &server));
    OK(chat_server_port(server, &port));
    snprintf(url, sizeof url, "chats://localhost:%u", (unsigned)port);
    trust.ca_file = ca;
    OK(chat_client_connect(url, &trust, &client));
    OK(chat_client_login(client, "messi", "surabaya", &messi));
    stop(server);
    IS(CHAT_DISCONNECTED, chat_session_logout(messi));
    IS(CHAT_DISCONNECTED, chat_session_logout(messi));
    OK(chat_session_free(messi));
    OK(chat_client_free(client));
    OK(chat_close(it));
}

static void cleartext(void) {
    chat *it = NULL;
    chat_server *server = NULL;
    chat_server_options options = CHAT_SERVER_OPTIONS_INIT;
    OK(chat_open(NULL, &it));
    IS(CHAT_CLEARTEXT, chat_server_start(it, "0.0.0.0:0", NULL, &server));
    options.allow_cleartext = 2;
    IS(CHAT_INVALID_ARGUMENT, chat_server_start(it, "127.0.0.1:0", &options, &server));
    options.allow_cleartext = 1;
    options.size = 1;
    IS(CHAT_INVALID_ARGUMENT, chat_server_start(it, "127.0.0.1:0", &options, &server));
    options.size = sizeof options;
    OK(chat_server_start(it, "0.0.0.0:0", &options, &server));
    OK(chat_server_reload_certificate(server));
    stop(server);
    OK(chat_close(it));
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    path(ca, arguments[1], "ca.pem");
    path(certificate, arguments[1], "cert.pem");
    path(key, arguments[1], "key.pem");
    encrypted();
    the_server_goes_away();
    cleartext();
    return 0;
}
