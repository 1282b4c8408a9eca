//! Protocol 2: a line to a command, and replies and events to lines.

use std::hint::black_box;
use std::sync::Arc;

use chat_lib::clock::Timestamp;
use chat_lib::model::{ConversationName, HistoryMessage, MessageId, Profile, UserName};
use chat_lib::protocol::{Event, List, Reply, rpc};
use criterion::Criterion;

use crate::fixture::{TEXT, history_call, send_call};

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rpc");
    for (name, request) in [("parse_send", send_call("henderson")), ("parse_history", history_call("henderson", 100))] {
        group.bench_function(name, |bencher| bencher.iter(|| black_box(rpc::parse(black_box(&request))).is_ok()));
    }
    let id = rpc::parse(&send_call("henderson")).unwrap().id.unwrap();
    let sent = Reply::Sent { id: MessageId::new(1_000_000).unwrap(), time: Timestamp::from_millis(1_800_000_000_000) };
    let page = Reply::History(List { entries: vec![message(); 100], more: true });
    let mut out = Vec::new();
    for (name, reply) in [("write_sent", sent), ("write_history_of_100", page)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                rpc::write_reply(&id, black_box(&reply), &mut out);
                out.len()
            });
        });
    }
    let event = Event::Message(message());
    group.bench_function("write_message_event", |bencher| {
        bencher.iter(|| {
            out.clear();
            rpc::write_event(black_box(&event), &mut out);
            out.len()
        });
    });
}

fn message() -> HistoryMessage {
    let user = UserName::parse("messi").unwrap();
    let from = Arc::new(Profile::new(user.clone(), "Lionel Messi", "Argentina").unwrap());
    let (id, time) = (MessageId::new(1_000_000).unwrap(), Timestamp::from_millis(1_800_000_000_000));
    HistoryMessage::new(id, ConversationName::User(user), from, time, TEXT.to_owned())
}
