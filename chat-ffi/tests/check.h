/* What the tests in C share: a check that says where it failed. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Misuse is tested, too, and the compiler would refuse it. */
#define CHAT_NONNULL(...)
#include <chat.h>

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);       \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

/* Whether a call gives what is wanted; says what it gave instead. */
#define IS(wanted, call)                                                          \
    do {                                                                          \
        chat_status got_ = (call);                                                \
        if (got_ != (wanted)) {                                                   \
            const chat_error *error_ = chat_last_error();                         \
            fprintf(stderr, "%s:%d: %s: %s, not %s (%s)\n", __FILE__, __LINE__,   \
                    #call, chat_status_name((int32_t)got_), #wanted,              \
                    error_ ? error_->message : "");                               \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

#define OK(call) IS(CHAT_OK, call)

static inline int begins(const chat_buffer *buffer, const char *text) {
    return buffer->len >= strlen(text) && memcmp(buffer->data, text, strlen(text)) == 0;
}

#endif
