/* The system refuses a thread, or more of a file: a call fails, leaves nothing behind, and works later. The argument is
 * a directory to use. */

#include "check.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STACK = 2 << 20 };

static size_t entries(const char *path) {
    DIR *directory = opendir(path);
    size_t count = 0;
    CHECK(directory != NULL);
    while (readdir(directory) != NULL) {
        count++;
    }
    CHECK(closedir(directory) == 0);
    return count;
}

/* Checks that the process has as many descriptors and threads as before. The system may list a thread for a moment after
 * it was joined; one that stays is ended by the alarm. */
static void has_just(size_t descriptors, size_t threads) {
    while (entries("/proc/self/task") != threads) {
        sched_yield();
    }
    CHECK(entries("/proc/self/fd") == descriptors);
}

/* Leaves memory for so many more threads and some more, but not for another one. */
static void allow(rlim_t threads) {
    struct rlimit limit;
    unsigned long pages;
    FILE *statm = fopen("/proc/self/statm", "r");
    CHECK(statm != NULL && fscanf(statm, "%lu", &pages) == 1);
    CHECK(fclose(statm) == 0);
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + threads * STACK + STACK / 2;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void allow_all(void) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void a_chat(const char *directory) {
    chat *it = NULL;
    chat_options options = CHAT_OPTIONS_INIT;
    size_t descriptors = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    options.directory = directory;
    allow(0);
    IS(CHAT_IO, chat_open(&options, &it));
    CHECK(it == NULL);
    allow_all();
    has_just(descriptors, threads);
    OK(chat_open(&options, &it));
    OK(chat_close(it));
}

/* Whichever of its threads a server does not get, it says so, when it starts or when it is waited for. */
static void a_server(void) {
    chat *it = NULL;
    chat_server *server = NULL;
    chat_status started;
    size_t descriptors = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    rlim_t allowed;
    int refused = 0;
    OK(chat_open(NULL, &it));
    for (allowed = 0; refused == (int)allowed && allowed < 100; allowed++) {
        allow(allowed);
        started = chat_server_start(it, "127.0.0.1:0", NULL, &server);
        if (started == CHAT_OK) {
            chat_status ended = chat_server_join(server, 1000);
            allow_all();
            if (ended == CHAT_TIMED_OUT) {
                OK(chat_server_stop(server));
                OK(chat_server_join(server, 30000));
            } else {
                CHECK(ended == CHAT_IO);
                refused++;
            }
            OK(chat_server_free(server));
        } else {
            CHECK(started == CHAT_IO);
            refused++;
        }
        allow_all();
        has_just(descriptors, threads);
    }
    CHECK(refused > 0);
    OK(chat_close(it));
}

/* Where files may not grow, a program that ignores SIGXFSZ, as chat.h tells it, loses a call and no more. */
static void a_file(const char *directory) {
    static char text[16 * 1024];
    struct rlimit limit;
    chat *it = NULL;
    chat_session *messi = NULL;
    chat_status sent;
    chat_options options = CHAT_OPTIONS_INIT;
    options.directory = directory;
    memset(text, 'x', sizeof text - 1);
    OK(chat_open(&options, &it));
    OK(chat_add_demo_users(it));
    OK(chat_login(it, "messi", "surabaya", &messi));
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = 1 << 20;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    do {
        sent = chat_session_send(messi, "messi", text, NULL);
    } while (sent == CHAT_OK);
    IS(CHAT_STORAGE, sent);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    OK(chat_session_send(messi, "messi", text, NULL));
    OK(chat_session_free(messi));
    OK(chat_close(it));
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    alarm(300);
    a_chat(argv[1]);
    a_server();
    a_file(argv[1]);
    return 0;
}
