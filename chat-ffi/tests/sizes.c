/* The sizes of public structs, as the committed list has them. */

#include <chat.h>
#include <stdio.h>

int main(void) {
    printf("sizeof(chat_buffer) %zu\n", sizeof(chat_buffer));
    printf("sizeof(chat_client_options) %zu\n", sizeof(chat_client_options));
    printf("sizeof(chat_conversation) %zu\n", sizeof(chat_conversation));
    printf("sizeof(chat_error) %zu\n", sizeof(chat_error));
    printf("sizeof(chat_event) %zu\n", sizeof(chat_event));
    printf("sizeof(chat_history_message) %zu\n", sizeof(chat_history_message));
    printf("sizeof(chat_identity) %zu\n", sizeof(chat_identity));
    printf("sizeof(chat_invitation) %zu\n", sizeof(chat_invitation));
    printf("sizeof(chat_message) %zu\n", sizeof(chat_message));
    printf("sizeof(chat_options) %zu\n", sizeof(chat_options));
    printf("sizeof(chat_restored) %zu\n", sizeof(chat_restored));
    printf("sizeof(chat_room) %zu\n", sizeof(chat_room));
    printf("sizeof(chat_sent) %zu\n", sizeof(chat_sent));
    printf("sizeof(chat_server_options) %zu\n", sizeof(chat_server_options));
    printf("sizeof(chat_session_info) %zu\n", sizeof(chat_session_info));
    printf("sizeof(chat_status) %zu\n", sizeof(chat_status));
    printf("sizeof(chat_token) %zu\n", sizeof(chat_token));
    printf("sizeof(chat_user) %zu\n", sizeof(chat_user));
    return 0;
}
