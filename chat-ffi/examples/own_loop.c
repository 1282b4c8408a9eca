/* Connections in a poll loop of the program's own: one thread, no server of the library. Peers that subscribe to events get them
 * as they happen; since all of it happens in this thread, no callback is needed to learn of them.
 *
 *     cc own_loop.c $(pkg-config --cflags --libs chat) -o own_loop && ./own_loop 8890
 *     nc 127.0.0.1 8890
 *
 * With a second argument, it ends after so many connections.
 */

#include <arpa/inet.h>
#include <chat.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEERS = 64, BYTES = 4096 };

struct peer {
    chat_connection *connection;
    uint8_t received[BYTES]; /* what the connection has not taken yet */
    size_t len;
};

static void done(chat_status status) {
    if (status != CHAT_OK) {
        fprintf(stderr, "%s: %s\n", chat_status_name((int32_t)status), chat_last_error()->message);
        exit(1);
    }
}

static int listen_on(unsigned short port) {
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0) {
        perror("listen");
        exit(1);
    }
    return fd;
}

/* Whether there are events to be sent to a peer. */
static int wants_turn(const struct peer *peer) {
    int wants;
    done(chat_connection_wants_turn(peer->connection, &wants));
    return wants;
}

/* Returns 0 when the peer is gone, or speaks HTTP and was told that we do not. */
static int serve(struct peer *peer, int fd, short events) {
    const uint8_t *data = NULL;
    size_t len, taken;
    ssize_t count;
    int over;
    if (events & (POLLIN | POLLHUP | POLLERR)) {
        count = read(fd, peer->received + peer->len, BYTES - peer->len);
        if (count <= 0) {
            return 0;
        }
        peer->len += (size_t)count;
    }
    do {
        done(chat_connection_receive(peer->connection, peer->received, peer->len, &taken));
        peer->len -= taken;
        memmove(peer->received, peer->received + taken, peer->len);
        done(chat_connection_output(peer->connection, &data, &len));
        count = len > 0 ? send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
        if (count > 0) {
            done(chat_connection_sent(peer->connection, (size_t)count));
        }
        /* What the connection did not take waited for room in the output, and there may be some now. */
    } while (peer->len > 0 && count > 0);
    done(chat_connection_is_over(peer->connection, &over));
    done(chat_connection_output(peer->connection, &data, &len));
    return !over || len > 0;
}

int main(int argc, char **argv) {
    static struct peer peers[PEERS];
    struct pollfd polled[PEERS + 1];
    chat *room = NULL;
    const uint8_t *data = NULL;
    size_t len;
    int count = 0, served = 0, listener, place, wait;
    int last = argc > 2 ? atoi(argv[2]) : -1;

    done(chat_open(NULL, &room));
    done(chat_add_demo_users(room));
    listener = listen_on((unsigned short)(argc > 1 ? atoi(argv[1]) : 8890));
    while (count > 0 || served != last) {
        wait = -1;
        for (place = 0; place < count; place++) {
            done(chat_connection_output(peers[place].connection, &data, &len));
            polled[place].events = (short)((peers[place].len < BYTES ? POLLIN : 0) | (len > 0 ? POLLOUT : 0));
            wait = wants_turn(&peers[place]) ? 0 : wait;
        }
        /* The listener's entry stands behind those of the peers. */
        polled[count].fd = listener;
        polled[count].events = count < PEERS && served != last ? POLLIN : 0;
        if (poll(polled, (nfds_t)count + 1, wait) < 0) {
            perror("poll");
            return 1;
        }
        if (polled[count].revents & POLLIN) {
            polled[count].fd = accept(listener, NULL, NULL);
            polled[count].revents = 0;
            if (polled[count].fd >= 0) {
                memset(&peers[count], 0, sizeof peers[count]);
                done(chat_connection_new(room, NULL, &peers[count].connection));
                count++;
                served++;
            }
        }
        for (place = count - 1; place >= 0; place--) {
            if ((polled[place].revents != 0 || wants_turn(&peers[place]))
                && !serve(&peers[place], polled[place].fd, polled[place].revents)) {
                close(polled[place].fd);
                done(chat_connection_free(peers[place].connection));
                count--;
                peers[place] = peers[count];
                polled[place] = polled[count];
            }
        }
    }
    close(listener);
    done(chat_close(room));
    return 0;
}
