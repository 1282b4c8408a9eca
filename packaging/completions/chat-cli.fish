# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_chat_cli_global_optspecs
    string join \n tls ca= seed c/command= trace h/help V/version
end

function __fish_chat_cli_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_chat_cli_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_chat_cli_using_subcommand
    set -l cmd (__fish_chat_cli_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c chat-cli -n "__fish_chat_cli_needs_command" -l ca -d 'Trust the authorities whose certificates are in this PEM file, and not those that the system trusts' -r
complete -c chat-cli -n "__fish_chat_cli_needs_command" -s c -l command -d 'Run this command and exit; may be given more than once, to run several in order' -r
complete -c chat-cli -n "__fish_chat_cli_needs_command" -l tls -d 'Encrypt the connection with TLS, as a chats:// address does'
complete -c chat-cli -n "__fish_chat_cli_needs_command" -l seed -d 'Behave like the first client at a terminal too'
complete -c chat-cli -n "__fish_chat_cli_needs_command" -l trace -d 'Show on stderr what is sent and received for commands, passwords and tokens included'
complete -c chat-cli -n "__fish_chat_cli_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-cli -n "__fish_chat_cli_needs_command" -s V -l version -d 'Print version'
complete -c chat-cli -n "__fish_chat_cli_needs_command" -a "bench" -d 'Measure how many requests a server answers, and how fast'
complete -c chat-cli -n "__fish_chat_cli_needs_command" -a "conform" -d 'Test whether a server speaks the chat protocols, by playing transcripts against it'
complete -c chat-cli -n "__fish_chat_cli_needs_command" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -l ca -d 'Trust the authorities whose certificates are in this PEM file, and not those that the system trusts' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -s c -l connections -d 'How many connections make requests' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -s p -l depth -d 'How many requests each connection has in flight at most; with --fan-out, how many messages that not every subscriber has' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -s b -l bytes -d 'How many bytes the text of a message has' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -s d -l duration -d 'How long to measure' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -s w -l warm-up -d 'How long to make requests before that, which are not measured' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -s n -l requests -d 'Measure so many requests, however long they take' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -s r -l rate -d 'Make so many requests per second, over all connections together, whether or not the server keeps up' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -l protocol -d 'The protocol to speak: 1 or 2' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -s m -l mix -d 'How often to request what: "send=8,inbox=1,activeuser=1" in protocol 1, "send=8,history=1,ping=1" in protocol 2' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -l fan-out -d 'Have one connection send to a room with so many subscribers, and measure deliveries' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -s u -l user -d 'Use this account; may be given more than once' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -l accounts -d 'Register so many accounts and use them' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -l timeout -d 'How long to wait for connections and answers: the run ends if nothing at all comes for so long' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -l tls -d 'Encrypt the connection with TLS, as a chats:// address does'
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -l json -d 'Print the report as one JSON object'
complete -c chat-cli -n "__fish_chat_cli_using_subcommand bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-cli -n "__fish_chat_cli_using_subcommand conform" -l ca -d 'Trust the authorities whose certificates are in this PEM file, and not those that the system trusts' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand conform" -l transcripts -d 'Play the transcripts in this directory instead of the built-in ones: its .chat files, and those one level below' -r -F
complete -c chat-cli -n "__fish_chat_cli_using_subcommand conform" -l only -d 'Play only transcripts whose names begin with this; may be given more than once' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand conform" -l timeout -d 'How long to wait for each connection, answer or event' -r
complete -c chat-cli -n "__fish_chat_cli_using_subcommand conform" -l tls -d 'Encrypt the connection with TLS, as a chats:// address does'
complete -c chat-cli -n "__fish_chat_cli_using_subcommand conform" -l list -d 'Name the transcripts and exit'
complete -c chat-cli -n "__fish_chat_cli_using_subcommand conform" -l json -d 'Print the report as one JSON object'
complete -c chat-cli -n "__fish_chat_cli_using_subcommand conform" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-cli -n "__fish_chat_cli_using_subcommand help; and not __fish_seen_subcommand_from bench conform help" -f -a "bench" -d 'Measure how many requests a server answers, and how fast'
complete -c chat-cli -n "__fish_chat_cli_using_subcommand help; and not __fish_seen_subcommand_from bench conform help" -f -a "conform" -d 'Test whether a server speaks the chat protocols, by playing transcripts against it'
complete -c chat-cli -n "__fish_chat_cli_using_subcommand help; and not __fish_seen_subcommand_from bench conform help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
