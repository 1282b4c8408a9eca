/* A panic inside is a status, and the program goes on. For a library with the feature panic-for-test. */

#include "check.h"

#ifdef __cplusplus
extern "C"
#endif
chat_status chat_panic_for_test(void);

int main(void) {
    chat *it = NULL;
    IS(CHAT_INTERNAL, chat_panic_for_test());
    CHECK(strstr(chat_last_error()->message, "as told") != NULL);
    OK(chat_open(NULL, &it));
    OK(chat_close(it));
    return 0;
}
