use super::*;

fn player(n: u8) -> PlayerId {
    PlayerId::parse(&format!("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e{n:02x}")).unwrap()
}

#[test]
fn only_the_leader_sends_away_and_passes_the_lead_on() {
    let id = PartyId::parse("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f").unwrap();
    let row = PartyRow { id, code: "ABCDEF".into(), leader: player(1) };
    let players = [(player(1), false), (player(2), true)];
    let judged = |who: u8, change: Change| {
        judge(&row, &players, &player(who), &change).map_err(|failure| failure.code())
    };
    assert_eq!(judged(1, Change::Kick(player(2))), Ok(()));
    assert_eq!(judged(1, Change::Lead(player(2))), Ok(()));
    assert_eq!(judged(2, Change::Ready(false)), Ok(()));
    assert_eq!(judged(2, Change::Kick(player(1))), Err(ErrorCode::NotHost));
    assert_eq!(judged(2, Change::Lead(player(2))), Err(ErrorCode::NotHost));
    assert_eq!(judged(3, Change::Ready(true)), Err(ErrorCode::NotInParty));
    assert_eq!(judged(1, Change::Kick(player(3))), Err(ErrorCode::NotInParty));
    assert_eq!(judged(1, Change::Kick(player(1))), Err(ErrorCode::InvalidRequest));
}
