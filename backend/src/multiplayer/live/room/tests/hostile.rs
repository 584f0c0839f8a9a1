//! Clients that say anything at any time: the room stands, and whoever plays by the rules is told only what can be read.

use super::{Table, link};
use crate::multiplayer::live::room::Link;
use aethex_wire::multiplayer::frame::{
    Ack, CHANNELS_MAX, ClientFrame, Order, ServerFrame, State, StateAck, Target,
};
use proptest::prelude::*;

/// Players; the first plays by the rules.
const PLAYERS: u8 = 4;

#[derive(Debug, Clone)]
enum Act {
    State { channel: u8, seq: u64, base: Option<u64>, urgent: bool, data: Vec<u8> },
    Message { seq: u64, target: u8, unordered: bool, data: Vec<u8> },
    Ack(u64),
    StateAcks(Vec<(u8, u8, u64)>),
    Interest(u128),
    Position([u32; 3]),
    Ping(u64),
    Drop,
    Resume(u64),
    Full(bool),
    Pass(u32),
    Leave,
}

/// Mostly small numbers, around those that are in use.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0_u64..40, 1 => any::<u64>()]
}

fn act() -> impl Strategy<Value = Act> {
    let data = proptest::collection::vec(any::<u8>(), 0..120);
    let state = (0..CHANNELS_MAX, number(), proptest::option::of(number()), any::<bool>(), data.clone());
    let message = (number(), any::<u8>(), any::<bool>(), data);
    let ack = (0_u8..128, 0..CHANNELS_MAX, number());
    prop_oneof![
        8 => state.prop_map(|(channel, seq, base, urgent, data)| Act::State {
            channel,
            seq: seq.max(1),
            base: base.filter(|base| *base < seq),
            urgent,
            data,
        }),
        8 => message.prop_map(|(seq, target, unordered, data)| Act::Message { seq: seq.max(1), target, unordered, data }),
        2 => number().prop_map(Act::Ack),
        2 => proptest::collection::vec(ack, 0..5).prop_map(Act::StateAcks),
        1 => any::<u128>().prop_map(Act::Interest),
        1 => any::<[u32; 3]>().prop_map(Act::Position),
        1 => any::<u64>().prop_map(Act::Ping),
        2 => Just(Act::Drop),
        3 => number().prop_map(Act::Resume),
        1 => any::<bool>().prop_map(Act::Full),
        4 => (1..100_000_u32).prop_map(Act::Pass),
        1 => Just(Act::Leave),
    ]
}

struct Play {
    table: Table,
    links: [Link; PLAYERS as usize],
    last: u32,
}

impl Play {
    fn act(&mut self, who: u8, act: Act) {
        let at = self.links[usize::from(who)];
        let mut say = |frame: &ClientFrame<'_>| self.table.hear_on(who, at, frame);
        match act {
            Act::State { channel, seq, base, urgent, data } => {
                say(&ClientFrame::State { urgent, state: State { channel, seq, base, data: &data } });
            }
            Act::Message { seq, target, unordered, data } => {
                let target = match target {
                    0..64 => Target::Others,
                    64..96 => Target::Host,
                    seat if seat % 2 == 0 => Target::Seat(seat % 128),
                    seat => Target::Except(seat % 128),
                };
                let order = if unordered { Order::Unordered } else { Order::Ordered };
                say(&ClientFrame::Message { seq, target, order, channel: 0, data: &data });
            }
            Act::Ack(up_to) => say(&ClientFrame::Ack(Ack { up_to })),
            Act::StateAcks(acks) => {
                let acks = acks.into_iter().map(|(seat, channel, seq)| StateAck { seat, channel, seq });
                say(&ClientFrame::StateAcks(acks.collect()));
            }
            Act::Interest(seats) => say(&ClientFrame::Interest { seats }),
            Act::Position(bits) => {
                let [x, y, z] = bits.map(f32::from_bits);
                say(&ClientFrame::Position { x, y, z });
            }
            Act::Ping(client_us) => say(&ClientFrame::Ping { client_us }),
            Act::Leave => say(&ClientFrame::Leave),
            Act::Drop => self.table.drop_link(who, at),
            Act::Resume(received) => {
                self.last += 1;
                let fresh = link(self.last);
                let Table { room, wires, now_us, .. } = &mut self.table;
                if room.resume(who, received, fresh, *now_us, wires).is_ok() {
                    self.links[usize::from(who)] = fresh;
                }
            }
            Act::Full(full) => {
                let wires = &mut self.table.wires;
                _ = if full { wires.full.insert(at.id) } else { wires.full.remove(&at.id) };
            }
            Act::Pass(us) => self.table.pass(u64::from(us)),
        }
    }
}

proptest! {
    #[test]
    fn whatever_others_say_a_player_reads_what_it_is_told(
        acts in proptest::collection::vec((1..PLAYERS, act()), 0..120),
    ) {
        let mut play = Play {
            table: Table::of(PLAYERS),
            links: std::array::from_fn(|n| link(n as u32)),
            last: 1_000,
        };
        // It was told of everyone who came after it.
        let mut received = u64::from(PLAYERS) - 1;
        play.act(0, Act::Ack(received));
        for (who, act) in acts {
            play.act(who, act);
            for frame in play.table.wires.take(play.links[0]) {
                match ServerFrame::decode(&frame) {
                    Ok(
                        ServerFrame::Message { seq, .. } | ServerFrame::Presence { seq, .. }
                        | ServerFrame::Host { seq, .. } | ServerFrame::Left { seq, .. }
                        | ServerFrame::Joined { seq, .. } | ServerFrame::Room { seq, .. },
                    ) => {
                        prop_assert_eq!(seq, received + 1, "without a gap");
                        received = seq;
                        play.act(0, Act::Ack(received));
                    }
                    Ok(_) => {}
                    Err(error) => prop_assert!(false, "{error:?}: {frame:?}"),
                }
            }
            prop_assert!(play.table.room.session(0).is_some(), "who plays by the rules stays");
        }
    }
}
