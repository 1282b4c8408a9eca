# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_chat_server_global_optspecs
    string join \n config= listen= tls-listen= web= tls-web= web-origin= web-page= tls-certificate= tls-key= allow-cleartext proxy= data= memory demo log= log-format= metrics= line-bytes= reply-bytes= answers-bytes= events-bytes= line-time= stall-time= shutdown-grace= connections= connections-per-address= connections-per-user= requests-per-second= requests-burst= login-time= idle-time= limit-loopback= session-idle= mailbox-messages= mailbox-bytes= room-members= rooms-per-user= failed-logins= registration= password-cost= sync= keep-read= keep-messages= keep-bytes= cluster= cluster-name= cluster-server= cluster-credentials= cluster-ca= cluster-certificate= cluster-key= cluster-monitor= cluster-listen= cluster-secret= h/help V/version
end

function __fish_chat_server_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_chat_server_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_chat_server_using_subcommand
    set -l cmd (__fish_chat_server_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c chat-server -n "__fish_chat_server_needs_command" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_needs_command" -l listen -d 'Where to listen, as HOST:PORT; may be given more than once' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l tls-listen -d 'Where to listen for connections with TLS, in the same form; the usual port is 8890' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l web -d 'Where to serve browsers, in the same form: the page, and its WebSocket at /ws' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l tls-web -d 'Where to serve browsers over TLS, in the same form; the usual port is 443' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l web-origin -d 'Let pages of other sites use the WebSocket: their origins, separated by commas' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l web-page -d 'A folder with another page, instead of the built-in one, or "none" for the WebSocket alone' -r -F
complete -c chat-server -n "__fish_chat_server_needs_command" -l tls-certificate -d 'The certificate for TLS, in PEM, followed by those that lead to its issuer' -r -F
complete -c chat-server -n "__fish_chat_server_needs_command" -l tls-key -d 'The certificate\'s private key, in PEM and not encrypted' -r -F
complete -c chat-server -n "__fish_chat_server_needs_command" -l proxy -d 'Trust these proxies in front of the server: addresses or networks such as 10.0.0.0/8, separated by commas' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l data -d 'Where to keep users, sessions and messages' -r -F
complete -c chat-server -n "__fish_chat_server_needs_command" -l log -d 'What to log: at info connections, logins, logouts and refusals; at debug also each send, inbox and activeuser' -r -f -a "off\t''
error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c chat-server -n "__fish_chat_server_needs_command" -l log-format -d 'How to log, and where' -r -f -a "text\t'A line for each event on stderr, for people'
json\t'An object of JSON in each line on stderr, with time, level, message and the event\'s own fields'
journald\t'To journald, with the fields of an event as CHAT_CONN, CHAT_USER and so on'"
complete -c chat-server -n "__fish_chat_server_needs_command" -l metrics -d 'Where to serve metrics over HTTP, as IP:PORT; off by default' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l line-bytes -d 'The longest request line, including its end' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l reply-bytes -d 'How many bytes of answers may wait for one peer' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l answers-bytes -d 'How many bytes may be held for the answers of all connections together: inboxes that are still to be written, and answers that wait for their peers' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l events-bytes -d 'How many bytes of events may wait for one subscriber' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l line-time -d 'How long a line may take from its first byte to its end before the connection is closed' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l stall-time -d 'How long answers may wait while the peer reads none of them before the connection is closed' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l shutdown-grace -d 'How long a server that is stopping waits for peers to read their answers' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l connections -d 'How many connections a server has at once' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l connections-per-address -d 'How many connections a server has at once from one address; of IPv6, from one network of 64 bits' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l connections-per-user -d 'How many connections to a server use sessions of one user at once' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l requests-per-second -d 'How many requests a connection may send in a second for any length of time' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l requests-burst -d 'How many requests a connection may send at once' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l login-time -d 'How long a connection may be open until it has logged in or used a session' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l idle-time -d 'How long a connection may send nothing while it is not subscribed to events before it is closed' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l limit-loopback -d 'Whether connections_per_address, connections_per_user and the rate of requests apply to connections from this machine, too' -r -f -a "no\t''
yes\t''"
complete -c chat-server -n "__fish_chat_server_needs_command" -l session-idle -d 'How long a session lasts without being used' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l mailbox-messages -d 'How many unread messages a mailbox holds' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l mailbox-bytes -d 'How many bytes the texts of a mailbox\'s unread messages may have together' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l room-members -d 'How many members a room has at most, invitations included' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l rooms-per-user -d 'How many rooms a user can be a member of' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l failed-logins -d 'How many logins of one user, or from one address, may fail before the next one has to wait' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l registration -d 'Who may create an account with register' -r -f -a "closed\t'nobody'
open\t'anyone who can connect'
invite\t'whoever has an invitation from the operator, which is valid once'"
complete -c chat-server -n "__fish_chat_server_needs_command" -l password-cost -d 'What hashing a password with Argon2id costs: KiB of memory, passes, lanes' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l sync -d 'When a change is safe from a power failure' -r -f -a "always\t'before it is acknowledged; nothing is lost'
everysec\t'within a second; the last second can be lost'
never\t'when the system writes it; half a minute or more can be lost'"
complete -c chat-server -n "__fish_chat_server_needs_command" -l keep-read -d 'How long read messages are kept, counted from when they were sent' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l keep-messages -d 'How many messages are kept, in all conversations together; 0 for no limit' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l keep-bytes -d 'How many bytes of messages are kept on the disk; 0 for no limit' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l cluster -d 'Be one of several servers, with a log on NATS JetStream or PostgreSQL: nats://HOST:PORT,HOST:PORT,… or postgres://USER@HOST,HOST/DATABASE' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l cluster-name -d 'What the chat is called among those that use the same engine: a-z, 0-9 and "-", at most 32' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l cluster-server -d 'What this server is called among those of the cluster, in "chat-server cluster status"; the host name unless it is given' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l cluster-credentials -d 'Log in to the engine with this file: a .creds file or an NKey seed of NATS, or the password for PostgreSQL' -r -F
complete -c chat-server -n "__fish_chat_server_needs_command" -l cluster-ca -d 'Trust the authorities in this file for TLS with NATS, in PEM' -r -F
complete -c chat-server -n "__fish_chat_server_needs_command" -l cluster-certificate -d 'Show NATS this certificate, in PEM' -r -F
complete -c chat-server -n "__fish_chat_server_needs_command" -l cluster-key -d 'The certificate\'s private key, in PEM' -r -F
complete -c chat-server -n "__fish_chat_server_needs_command" -l cluster-monitor -d 'The monitoring ports of the NATS servers, http://HOST:PORT, separated by commas' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l cluster-listen -d 'Where the other servers reach this one, as HOST:PORT: they then talk to each other there, over TLS, and not through NATS' -r
complete -c chat-server -n "__fish_chat_server_needs_command" -l cluster-secret -d 'The secret by which servers of the cluster know each other: a file that is the same on all of them' -r -F
complete -c chat-server -n "__fish_chat_server_needs_command" -l allow-cleartext -d 'Let --listen take addresses that are not loopback, although anyone on the way can read passwords and messages then: for networks that are trusted or encrypted, such as a VPN'
complete -c chat-server -n "__fish_chat_server_needs_command" -l memory -d 'Keep everything in memory instead: it is gone when the server stops'
complete -c chat-server -n "__fish_chat_server_needs_command" -l demo -d 'Add the users messi, henderson and lineker with the password surabaya'
complete -c chat-server -n "__fish_chat_server_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_needs_command" -s V -l version -d 'Print version'
complete -c chat-server -n "__fish_chat_server_needs_command" -f -a "user" -d 'Adds, shows, changes and removes users'
complete -c chat-server -n "__fish_chat_server_needs_command" -f -a "config" -d 'Checks and shows the configuration: from the file, the environment and the defaults'
complete -c chat-server -n "__fish_chat_server_needs_command" -f -a "room" -d 'Shows, limits and deletes rooms'
complete -c chat-server -n "__fish_chat_server_needs_command" -f -a "announce" -d 'Sends a notice to every subscribed connection, such as when the server will be down'
complete -c chat-server -n "__fish_chat_server_needs_command" -f -a "invite" -d 'Creates an invitation, with which one person can register within 7 days, and prints its code'
complete -c chat-server -n "__fish_chat_server_needs_command" -f -a "dump" -d 'Writes all users and messages to standard output, a JSON object a line, as they are at one moment'
complete -c chat-server -n "__fish_chat_server_needs_command" -f -a "restore" -d 'Takes a dump from standard input into a data directory without users; no server may run on it'
complete -c chat-server -n "__fish_chat_server_needs_command" -f -a "status" -d 'Shows how the server that runs on the data is doing'
complete -c chat-server -n "__fish_chat_server_needs_command" -f -a "cluster" -d 'Shows the cluster that the server is part of'
complete -c chat-server -n "__fish_chat_server_needs_command" -f -a "check" -d 'Reads everything, and says what is damaged'
complete -c chat-server -n "__fish_chat_server_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "add" -d 'Adds a user'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "list" -d 'Lists all users: name, full name and country, separated by tabs, and `banned` after those who are'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "passwd" -d 'Gives a user a new password, and ends the user\'s sessions'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "edit" -d 'Changes what others see of a user'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "remove" -d 'Removes a user with sessions and inbox'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "ban" -d 'Bans a user: ends the user\'s sessions, and refuses new ones'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "unban" -d 'Lets a banned user log in again'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "kick" -d 'Ends all of a user\'s sessions, who may log in again'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "sessions" -d 'Lists a user\'s sessions in order of login: a name that is no secret, when it was opened, when it was last used, and the address that the user logged in from, separated by tabs'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "export" -d 'Writes all that there is of a user to standard output, a JSON object a line: account, sessions, blocks, conversations, rooms, all messages that the user has sent, and all direct ones that they were sent'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "erase" -d 'Removes a user, and the texts of all messages that the user has sent; others see them as deleted'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and not __fish_seen_subcommand_from add list passwd edit remove ban unban kick sessions export erase help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from add" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from add" -l full-name -d 'The name that others see' -r
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from add" -l country -d 'Where the user is from' -r
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from add" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from add" -l password-stdin -d 'Read the password from the first line of standard input instead of the terminal'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from list" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from list" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from passwd" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from passwd" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from passwd" -l password-stdin -d 'Read the password from the first line of standard input instead of the terminal'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from passwd" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from edit" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from edit" -l full-name -d 'The name that others see' -r
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from edit" -l country -d 'Where the user is from' -r
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from edit" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from edit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from remove" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from remove" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from ban" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from ban" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from ban" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from unban" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from unban" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from unban" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from kick" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from kick" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from kick" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from sessions" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from sessions" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from sessions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from export" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from export" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from erase" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from erase" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from erase" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "add" -d 'Adds a user'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists all users: name, full name and country, separated by tabs, and `banned` after those who are'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "passwd" -d 'Gives a user a new password, and ends the user\'s sessions'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "edit" -d 'Changes what others see of a user'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Removes a user with sessions and inbox'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "ban" -d 'Bans a user: ends the user\'s sessions, and refuses new ones'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "unban" -d 'Lets a banned user log in again'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "kick" -d 'Ends all of a user\'s sessions, who may log in again'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "sessions" -d 'Lists a user\'s sessions in order of login: a name that is no secret, when it was opened, when it was last used, and the address that the user logged in from, separated by tabs'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "export" -d 'Writes all that there is of a user to standard output, a JSON object a line: account, sessions, blocks, conversations, rooms, all messages that the user has sent, and all direct ones that they were sent'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "erase" -d 'Removes a user, and the texts of all messages that the user has sent; others see them as deleted'
complete -c chat-server -n "__fish_chat_server_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and not __fish_seen_subcommand_from check show default help" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and not __fish_seen_subcommand_from check show default help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and not __fish_seen_subcommand_from check show default help" -f -a "check" -d 'Says what is wrong with the configuration'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and not __fish_seen_subcommand_from check show default help" -f -a "show" -d 'Prints the configuration that is in effect, and where each value comes from'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and not __fish_seen_subcommand_from check show default help" -f -a "default" -d 'Prints a configuration file with every option, what it does and its default, as comments'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and not __fish_seen_subcommand_from check show default help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and __fish_seen_subcommand_from default" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and __fish_seen_subcommand_from default" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Says what is wrong with the configuration'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Prints the configuration that is in effect, and where each value comes from'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "default" -d 'Prints a configuration file with every option, what it does and its default, as comments'
complete -c chat-server -n "__fish_chat_server_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and not __fish_seen_subcommand_from list show set delete help" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and not __fish_seen_subcommand_from list show set delete help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and not __fish_seen_subcommand_from list show set delete help" -f -a "list" -d 'Lists all rooms: name, title, open or invite-only, and how many members, separated by tabs'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and not __fish_seen_subcommand_from list show set delete help" -f -a "show" -d 'Lists the people in a room: name, full name, and owner, member or invited, separated by tabs'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and not __fish_seen_subcommand_from list show set delete help" -f -a "set" -d 'Sets how much of a room is kept'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and not __fish_seen_subcommand_from list show set delete help" -f -a "delete" -d 'Deletes a room with its messages'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and not __fish_seen_subcommand_from list show set delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from list" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from list" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from show" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from show" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from set" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from set" -l keep-for -d 'How long messages are kept: a duration such as 90days, forever, none or default' -r
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from set" -l keep-messages -d 'How many of the latest messages are kept: a number, unlimited, or default, as the server\'s --keep-messages has it' -r
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from set" -l keep-bytes -d 'How many bytes the latest messages may take: a size such as 64MiB, unlimited, or default, as the server\'s --keep-bytes has it' -r
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from set" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from delete" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from delete" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists all rooms: name, title, open or invite-only, and how many members, separated by tabs'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from help" -f -a "show" -d 'Lists the people in a room: name, full name, and owner, member or invited, separated by tabs'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from help" -f -a "set" -d 'Sets how much of a room is kept'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Deletes a room with its messages'
complete -c chat-server -n "__fish_chat_server_using_subcommand room; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand announce" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand announce" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand announce" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and not __fish_seen_subcommand_from list revoke help" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and not __fish_seen_subcommand_from list revoke help" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and not __fish_seen_subcommand_from list revoke help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and not __fish_seen_subcommand_from list revoke help" -f -a "list" -d 'Lists the invitations that can still be used: id and when they expire, separated by a tab'
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and not __fish_seen_subcommand_from list revoke help" -f -a "revoke" -d 'Revokes an invitation'
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and not __fish_seen_subcommand_from list revoke help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and __fish_seen_subcommand_from list" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and __fish_seen_subcommand_from list" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and __fish_seen_subcommand_from revoke" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and __fish_seen_subcommand_from revoke" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the invitations that can still be used: id and when they expire, separated by a tab'
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Revokes an invitation'
complete -c chat-server -n "__fish_chat_server_using_subcommand invite; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand dump" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand dump" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand dump" -l without-passwords -d 'Leave out the hashes of passwords'
complete -c chat-server -n "__fish_chat_server_using_subcommand dump" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand restore" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand restore" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand status" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand status" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand cluster; and not __fish_seen_subcommand_from status help" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand cluster; and not __fish_seen_subcommand_from status help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand cluster; and not __fish_seen_subcommand_from status help" -f -a "status" -d 'Shows who is the owner, which servers there are and how far they are, and how the engine is doing, as the server sees it that runs on the data'
complete -c chat-server -n "__fish_chat_server_using_subcommand cluster; and not __fish_seen_subcommand_from status help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand cluster; and __fish_seen_subcommand_from status" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand cluster; and __fish_seen_subcommand_from status" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand cluster; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "status" -d 'Shows who is the owner, which servers there are and how far they are, and how the engine is doing, as the server sees it that runs on the data'
complete -c chat-server -n "__fish_chat_server_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand check" -l data -d 'The data directory; chat-data unless the configuration names one' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand check" -l config -d 'The configuration file, in TOML; CHAT_CONFIG can name it, too' -r -F
complete -c chat-server -n "__fish_chat_server_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and not __fish_seen_subcommand_from user config room announce invite dump restore status cluster check help" -f -a "user" -d 'Adds, shows, changes and removes users'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and not __fish_seen_subcommand_from user config room announce invite dump restore status cluster check help" -f -a "config" -d 'Checks and shows the configuration: from the file, the environment and the defaults'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and not __fish_seen_subcommand_from user config room announce invite dump restore status cluster check help" -f -a "room" -d 'Shows, limits and deletes rooms'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and not __fish_seen_subcommand_from user config room announce invite dump restore status cluster check help" -f -a "announce" -d 'Sends a notice to every subscribed connection, such as when the server will be down'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and not __fish_seen_subcommand_from user config room announce invite dump restore status cluster check help" -f -a "invite" -d 'Creates an invitation, with which one person can register within 7 days, and prints its code'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and not __fish_seen_subcommand_from user config room announce invite dump restore status cluster check help" -f -a "dump" -d 'Writes all users and messages to standard output, a JSON object a line, as they are at one moment'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and not __fish_seen_subcommand_from user config room announce invite dump restore status cluster check help" -f -a "restore" -d 'Takes a dump from standard input into a data directory without users; no server may run on it'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and not __fish_seen_subcommand_from user config room announce invite dump restore status cluster check help" -f -a "status" -d 'Shows how the server that runs on the data is doing'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and not __fish_seen_subcommand_from user config room announce invite dump restore status cluster check help" -f -a "cluster" -d 'Shows the cluster that the server is part of'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and not __fish_seen_subcommand_from user config room announce invite dump restore status cluster check help" -f -a "check" -d 'Reads everything, and says what is damaged'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and not __fish_seen_subcommand_from user config room announce invite dump restore status cluster check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "add" -d 'Adds a user'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "list" -d 'Lists all users: name, full name and country, separated by tabs, and `banned` after those who are'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "passwd" -d 'Gives a user a new password, and ends the user\'s sessions'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "edit" -d 'Changes what others see of a user'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "remove" -d 'Removes a user with sessions and inbox'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "ban" -d 'Bans a user: ends the user\'s sessions, and refuses new ones'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "unban" -d 'Lets a banned user log in again'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "kick" -d 'Ends all of a user\'s sessions, who may log in again'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "sessions" -d 'Lists a user\'s sessions in order of login: a name that is no secret, when it was opened, when it was last used, and the address that the user logged in from, separated by tabs'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "export" -d 'Writes all that there is of a user to standard output, a JSON object a line: account, sessions, blocks, conversations, rooms, all messages that the user has sent, and all direct ones that they were sent'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "erase" -d 'Removes a user, and the texts of all messages that the user has sent; others see them as deleted'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Says what is wrong with the configuration'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Prints the configuration that is in effect, and where each value comes from'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "default" -d 'Prints a configuration file with every option, what it does and its default, as comments'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from room" -f -a "list" -d 'Lists all rooms: name, title, open or invite-only, and how many members, separated by tabs'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from room" -f -a "show" -d 'Lists the people in a room: name, full name, and owner, member or invited, separated by tabs'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from room" -f -a "set" -d 'Sets how much of a room is kept'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from room" -f -a "delete" -d 'Deletes a room with its messages'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from invite" -f -a "list" -d 'Lists the invitations that can still be used: id and when they expire, separated by a tab'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from invite" -f -a "revoke" -d 'Revokes an invitation'
complete -c chat-server -n "__fish_chat_server_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "status" -d 'Shows who is the owner, which servers there are and how far they are, and how the engine is doing, as the server sees it that runs on the data'
