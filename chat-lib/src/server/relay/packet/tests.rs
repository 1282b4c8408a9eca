//! What is written reads back, and anything may be read.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn state() -> impl Strategy<Value = ConnectionState> {
    let message = (0..=MessageId::MAX.get()).prop_map(|id| MessageId::new(id).unwrap());
    let bound =
        ("[a-z][a-z0-9]{0,31}", any::<[u8; 32]>(), option::of(message)).prop_map(|(user, session, told_upto)| Bound {
            user: UserName::parse(&user).unwrap(),
            session: SessionId::from_bytes(session),
            told_upto,
        });
    (any::<bool>(), option::of(bound)).prop_map(|(has_used_session, bound)| ConnectionState { has_used_session, bound })
}

fn ending() -> impl Strategy<Value = Option<Ending>> {
    prop_oneof![Just(None), Just(Some(Ending::Lf)), Just(Some(Ending::CrLf))]
}

proptest! {
    #[test]
    fn to_an_owner(
        conn: u64, address: SocketAddr, begun: bool, ending in ending(), is_json: bool, state in state(), bytes in vec(any::<u8>(), 0..100),
    ) {
        let items = [
            ToOwner::Attach { conn, arrival: Arrival { address: SocketAddr::new(address.ip(), address.port()), form: (begun, ending, is_json), state } },
            ToOwner::Lines { conn, ending: ending.unwrap_or(Ending::Lf), bytes: &bytes },
            ToOwner::TooLong { conn, first: 7, is_busy: begun },
            ToOwner::Taken { conn, bytes: conn },
            ToOwner::Detach { conn },
        ];
        let mut written = Vec::new();
        items.iter().for_each(|item| item.write(&mut written));
        let mut left = Items(&written);
        for item in &items {
            let read = left.next_to_owner();
            prop_assert_eq!(read.as_ref(), Some(item));
        }
        prop_assert!(left.is_empty());
    }

    #[test]
    fn to_a_standby(conns in vec(any::<u64>(), 0..5), answered: u64, state in state(), bytes in vec(any::<u8>(), 0..100)) {
        let changes = [Change::Nothing, Change::ToldUpto(MessageId::MAX), Change::State(state)];
        let whole = |place: usize| changes.get(place).map(|change| Whole { answered, change: change.clone() });
        let to = conns.iter().enumerate().map(|(place, conn)| (*conn, whole(place))).collect();
        let mut items = vec![ToStandby::Output { to, bytes: &bytes }];
        for why in [Why::Http, Why::OutcomeUnknown, Why::RateLimited, Why::Refused, Why::Moved] {
            items.push(ToStandby::Closed { conn: answered, why });
        }
        let mut written = Vec::new();
        items.iter().for_each(|item| item.write(&mut written));
        let mut left = Items(&written);
        for item in &items {
            let read = left.next_to_standby();
            prop_assert_eq!(read.as_ref(), Some(item));
        }
        prop_assert!(left.is_empty());
    }

    #[test]
    fn headers(kind in 0..4_usize, lane: u16, session: u64, number: u32) {
        let kind = [Kind::ToOwner, Kind::ToStandby, Kind::Gone, Kind::Leave][kind];
        let header = Header { kind, lane, session, number };
        let written = header.write();
        let (read, items) = Header::read(&written).unwrap();
        prop_assert!(read == header && items.is_empty());
    }

    /// Also if it almost makes sense.
    #[test]
    fn anything_may_be_read(mut bytes in vec(prop_oneof![0..5_u8, any::<u8>()], 0..300), is_packet: bool) {
        if is_packet && let Some(first) = bytes.first_mut() {
            *first = VERSION;
        }
        Header::read(&bytes);
        let (mut as_owner, mut as_standby) = (Items(&bytes), Items(&bytes));
        while as_owner.next_to_owner().is_some() {}
        while as_standby.next_to_standby().is_some() {}
    }
}
