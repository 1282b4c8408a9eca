/* A game that is also a chat: one thread, whose epoll loop draws frames, reads the keyboard, and shows messages as they come.
 *
 *     cc epoll.c $(pkg-config --cflags --libs chat) -o epoll && ./epoll
 *
 * It plays in memory, with a robot that answers each line. To talk to a person, on a server:
 *
 *     ./epoll 127.0.0.1:8889 messi surabaya henderson
 */

#include <chat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { FRAME_MILLIS = 16 };

struct game {
    chat_session *me;
    const char *other;       /* whom the lines are for */
    chat_session *robot;     /* NULL on a server */
    unsigned long frames;
    int unanswered, over;
    char line[1024];         /* what was typed of a line so far */
    size_t len;
};

static void done(chat_status status) {
    if (status != CHAT_OK) {
        fprintf(stderr, "%s: %s\n", chat_status_name((int32_t)status), chat_last_error()->message);
        exit(1);
    }
}

/* Others' text may contain what would command the terminal. */
static void show(const char *name, const char *text, size_t len) {
    size_t place;
    printf("%s: ", name);
    for (place = 0; place < len; place++) {
        unsigned char byte = (unsigned char)text[place], next = (unsigned char)text[place + 1];
        if (byte < ' ' || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next < 0xa0)) {
            printf("?");
            place += byte == 0xc2;
        } else {
            putchar(byte);
        }
    }
    printf("\n");
    fflush(stdout);
}

/* Handles all events that are there; it never waits. */
static void take_events(struct game *game, chat_events *events) {
    chat_event event;
    chat_status status;
    while ((status = chat_events_next(events, 0, &event)) == CHAT_OK) {
        switch (event.kind) {
        case CHAT_EVENT_MESSAGE:
            show(event.message.from_name, event.message.text, event.message.text_len);
            if (strcmp(event.message.from, game->other) == 0) {
                done(chat_session_read(game->me, event.with, event.id, NULL));
                game->unanswered--;
            }
            break;
        case CHAT_EVENT_PRESENCE:
            printf("* %s is %s\n", event.user, event.online ? "here" : "away");
            break;
        case CHAT_EVENT_CLOSED:
            game->over = 1;
            break;
        default: /* also what later versions may have */
            break;
        }
    }
    if (status != CHAT_TIMED_OUT && status != CHAT_END) {
        done(status);
    }
}

/* The robot gets messages in the same way, in the same thread. */
static void play_robot(struct game *game, chat_events *events) {
    chat_event event;
    while (chat_events_next(events, 0, &event) == CHAT_OK) {
        if (event.kind == CHAT_EVENT_MESSAGE && strcmp(event.message.from, game->other) != 0) {
            done(chat_session_send(game->robot, event.message.from, "I see.", NULL));
        }
    }
}

static void send_line(struct game *game) {
    game->line[game->len] = '\0';
    game->len = 0;
    if (chat_session_send(game->me, game->other, game->line, NULL) == CHAT_OK) {
        game->unanswered++;
    } else {
        printf("* not sent: %s\n", chat_last_error()->message);
    }
}

/* Returns 0 when there is no more. */
static int read_keyboard(struct game *game) {
    char bytes[256];
    ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes), place;
    for (place = 0; place < count; place++) {
        if (bytes[place] == '\n') {
            send_line(game);
        } else if (game->len < sizeof game->line - 1) {
            game->line[game->len++] = bytes[place];
        }
    }
    return count > 0;
}

static void watch(int loop, int fd) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("epoll_ctl");
        exit(1);
    }
}

int main(int argc, char **argv) {
    static struct game game;
    struct epoll_event ready[4];
    chat *room = NULL;
    chat_client *client = NULL;
    chat_events *events = NULL, *robots = NULL;
    int loop = epoll_create1(EPOLL_CLOEXEC), typing = 1, fd, count;

    if (argc == 5) {
        done(chat_client_connect(argv[1], NULL, &client));
        done(chat_client_login(client, argv[2], argv[3], &game.me));
        game.other = argv[4];
    } else {
        done(chat_open(NULL, &room));
        done(chat_add_demo_users(room));
        done(chat_open_session(room, "messi", &game.me));
        done(chat_open_session(room, "henderson", &game.robot));
        done(chat_session_events(game.robot, &robots));
        done(chat_events_fd(robots, &fd));
        watch(loop, fd);
        game.other = "henderson";
    }
    done(chat_session_events(game.me, &events));
    done(chat_events_fd(events, &fd));
    watch(loop, fd);
    watch(loop, STDIN_FILENO);

    /* Once the input has ended, a robot's answers are awaited still. */
    while (!game.over && (typing || (game.robot != NULL && game.unanswered > 0))) {
        count = epoll_wait(loop, ready, 4, FRAME_MILLIS);
        while (count-- > 0) {
            if (ready[count].data.fd == STDIN_FILENO && !read_keyboard(&game)) {
                epoll_ctl(loop, EPOLL_CTL_DEL, STDIN_FILENO, &ready[count]);
                typing = 0;
            }
        }
        /* In each frame, since a lost connection to a server is made again in here. */
        take_events(&game, events);
        if (robots != NULL) {
            play_robot(&game, robots);
        }
        game.frames++; /* a game would move and draw here */
    }

    done(chat_events_free(events));
    done(chat_events_free(robots));
    done(chat_session_free(game.me));
    done(chat_session_free(game.robot));
    done(chat_client_free(client));
    done(chat_close(room));
    close(loop);
    return 0;
}
