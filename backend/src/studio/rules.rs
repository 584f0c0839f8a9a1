//! Decisions about the studio's side: what a role may do, who may grant what, which codes hold.

use crate::auth::check_line;
use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::studio::{BuiltinRole, NAME_CHARS_MAX, Permission, Scope};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// A set of permissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Permissions(u32);

impl Permissions {
    pub(crate) const ALL: Permissions = Permissions::of(Permission::ALL);

    pub(crate) const fn of(list: &[Permission]) -> Permissions {
        let mut bits = 0;
        let mut at = 0;
        while at < list.len() {
            bits |= 1 << list[at] as u32;
            at += 1;
        }
        Permissions(bits)
    }

    pub(crate) fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    pub(crate) fn covers(self, other: Permissions) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn and(self, other: Permissions) -> Permissions {
        Permissions(self.0 | other.0)
    }

    /// What of it is about projects.
    pub(crate) fn of_projects(self) -> Permissions {
        let list: Vec<Permission> = self.list().into_iter().filter(|one| one.is_of_project()).collect();
        Permissions::of(&list)
    }

    pub(crate) fn list(self) -> Vec<Permission> {
        Permission::ALL.iter().copied().filter(|one| self.has(*one)).collect()
    }

    /// As it is stored: names, with commas. A name that this version does not know gives nothing.
    pub(crate) fn parse(text: &str) -> Permissions {
        let list: Vec<Permission> = text.split(',').filter_map(Permission::from_name).collect();
        Permissions::of(&list)
    }

    pub(crate) fn text(self) -> String {
        self.list().iter().map(|one| one.as_str()).collect::<Vec<_>>().join(",")
    }

    /// Refused, by name, unless it is there.
    pub(crate) fn need(self, permission: Permission) -> Outcome<()> {
        if self.has(permission) {
            return Ok(());
        }
        Err(Failure::new(ErrorCode::Forbidden, format!("This needs the permission `{permission}`.")))
    }
}

/// What a role may do: a built-in one by its name, another by its stored permissions. One that is gone may
/// do nothing.
pub(crate) fn of_role(role: &str, stored: Option<&str>) -> Permissions {
    match BuiltinRole::from_name(role) {
        Some(builtin) => Permissions::of(builtin.permissions()),
        None => stored.map(Permissions::parse).unwrap_or_default(),
    }
}

/// What a person may do in a project: their role in the organisation, and what their teams are there. A team
/// gives nothing outside its projects.
pub(crate) fn effective(role: Permissions, teams: impl IntoIterator<Item = Permissions>) -> Permissions {
    teams.into_iter().fold(role, |so_far, team| so_far.and(team.of_projects()))
}

/// Nobody grants what they do not have.
pub(crate) fn may_grant(actor: Permissions, granted: Permissions) -> Outcome<()> {
    if actor.covers(granted) {
        return Ok(());
    }
    let missing: Vec<Permission> = granted.list().into_iter().filter(|one| !actor.has(*one)).collect();
    let missing = Permissions::of(&missing).text();
    Err(Failure::new(ErrorCode::Forbidden, format!("You do not have what this would grant: {missing}.")))
}

/// Whether a member's role may be changed: nobody touches who may do more, nor makes one who may.
pub(crate) fn may_change_member(actor: Permissions, old: Permissions, new: Permissions) -> Outcome<()> {
    actor.need(Permission::MembersManage)?;
    may_grant(actor, old)?;
    may_grant(actor, new)
}

/// The last owner stays one.
pub(crate) fn keep_an_owner(old: &str, new: Option<&str>, owners: i64) -> Outcome<()> {
    let owner = BuiltinRole::Owner.as_str();
    if old == owner && new != Some(owner) && owners <= 1 {
        return Err(Failure::new(
            ErrorCode::LastOwner,
            "An organisation keeps at least one owner: make another one first.",
        ));
    }
    Ok(())
}

/// What a role that an organisation makes may hold: owners are made by their role only, so that they can be
/// counted.
pub(crate) fn check_role(permissions: &[Permission]) -> Outcome<Permissions> {
    let set = Permissions::of(permissions);
    if set.has(Permission::OrgOwn) {
        return Err(Failure::invalid("`permissions` cannot hold `org.own`: give the role `owner`."));
    }
    Ok(set)
}

/// What a person needs to make a server key with these scopes.
pub(crate) fn check_scopes(scopes: &[Scope]) -> Outcome<Permissions> {
    if scopes.is_empty() {
        return Err(Failure::invalid("`scopes` needs at least one scope."));
    }
    let needed: Vec<Permission> = scopes.iter().map(|scope| scope.permission()).collect();
    Ok(Permissions::of(&needed))
}

/// A name that people give to things.
pub(crate) fn check_name(name: &str) -> Outcome<()> {
    if name.trim().is_empty() || name.trim() != name {
        return Err(Failure::invalid("`name` needs a visible character, and no space around it."));
    }
    check_line("name", name, NAME_CHARS_MAX)
}

/// Seconds of a step (RFC 6238).
const TOTP_STEP_S: i64 = 30;
/// Steps that a clock may be off, each way.
const TOTP_DRIFT: i64 = 1;
const TOTP_DIGITS: usize = 6;

/// The step whose code this is, when it is one of those that hold now.
pub(crate) fn totp_step(secret: &[u8], code: &str, now_s: i64) -> Option<i64> {
    let now = now_s.div_euclid(TOTP_STEP_S);
    // Every step is compared, so that the time tells nothing.
    (now - TOTP_DRIFT..=now + TOTP_DRIFT).fold(None, |found, step| {
        let same = bool::from(totp(secret, step).as_bytes().ct_eq(code.as_bytes()));
        if same { Some(step) } else { found }
    })
}

/// The code of a step (RFC 4226, RFC 6238: SHA-1, six digits).
pub(crate) fn totp(secret: &[u8], step: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes([digest[at] & 0x7f, digest[at + 1], digest[at + 2], digest[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// Whether a code is one of the second factor and not a recovery code.
pub(crate) fn is_totp(code: &str) -> bool {
    code.len() == TOTP_DIGITS && code.bytes().all(|b| b.is_ascii_digit())
}

/// A code as it is compared: without case, spaces and hyphens.
pub(crate) fn fold_code(code: &str) -> String {
    code.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

/// Base32 (RFC 4648) without padding, for typing a secret in.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut group = [0_u8; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(group);
        for place in 0..(chunk.len() * 8).div_ceil(5) {
            out.push(char::from(LETTERS[(bits >> (35 - 5 * place)) as usize & 31]));
        }
    }
    out
}

/// Whether a stored digest of a server key's secret holds now.
pub(crate) fn secret_holds(
    presented: &str,
    current: &str,
    previous: &str,
    previous_until: Option<i64>,
    now: i64,
) -> bool {
    let is_current = bool::from(presented.as_bytes().ct_eq(current.as_bytes()));
    let is_previous = bool::from(presented.as_bytes().ct_eq(previous.as_bytes()));
    is_current || (is_previous && previous_until.is_some_and(|until| now < until))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Permission as P;

    fn builtin(role: BuiltinRole) -> Permissions {
        Permissions::of(role.permissions())
    }

    /// Who may do what, one line a role; a change here is a change of what people may do.
    #[test]
    fn the_matrix_of_roles() {
        const MATRIX: [(BuiltinRole, &str); 6] = [
            //                     own  org  mem  aud  gr   gm   km   pr   pm   sr   ar
            (BuiltinRole::Owner, "x x x x x x x x x x x"),
            (BuiltinRole::Admin, "- x x x x x x x x x x"),
            (BuiltinRole::Developer, "- - - - x - x x - x x"),
            (BuiltinRole::Analyst, "- - - - x - - - - - x"),
            (BuiltinRole::Support, "- - - - x - - x x x -"),
            (BuiltinRole::Member, "- - - - - - - - - - -"),
        ];
        assert_eq!(MATRIX.len(), BuiltinRole::ALL.len());
        for (role, row) in MATRIX {
            let found: Vec<&str> =
                P::ALL.iter().map(|one| if builtin(role).has(*one) { "x" } else { "-" }).collect();
            assert_eq!(found.join(" "), row, "{role}");
        }
    }

    /// Every role of the organisation with every role of a team: their union, and of the team's only what
    /// is about projects.
    #[test]
    fn a_team_adds_its_role_on_its_projects_and_nothing_else() {
        for role in BuiltinRole::ALL {
            for team in BuiltinRole::ALL {
                let both = effective(builtin(*role), [builtin(*team)]);
                for one in P::ALL {
                    let wanted =
                        builtin(*role).has(*one) || (builtin(*team).has(*one) && one.is_of_project());
                    assert_eq!(both.has(*one), wanted, "{role} with {team}: {one}");
                }
            }
        }
        assert_eq!(effective(Permissions::default(), []), Permissions::default());
    }

    /// Every role acting on every role: it is allowed exactly where the actor manages members and covers both.
    #[test]
    fn nobody_grants_what_they_do_not_have() {
        use BuiltinRole as R;
        for actor in R::ALL {
            for old in R::ALL {
                for new in R::ALL {
                    let allowed = may_change_member(builtin(*actor), builtin(*old), builtin(*new)).is_ok();
                    let wanted = match actor {
                        R::Owner => true,
                        R::Admin => *old != R::Owner && *new != R::Owner,
                        _ => false,
                    };
                    assert_eq!(allowed, wanted, "{actor} makes {old} {new}");
                }
            }
        }
        let limited = Permissions::of(&[P::MembersManage, P::GamesRead]);
        assert!(may_change_member(limited, Permissions::default(), Permissions::of(&[P::GamesRead])).is_ok());
        assert!(may_change_member(limited, Permissions::default(), builtin(R::Support)).is_err());
        assert!(may_change_member(limited, builtin(R::Support), Permissions::default()).is_err());
    }

    #[test]
    fn the_last_owner_stays() {
        assert!(keep_an_owner("owner", None, 1).is_err());
        assert!(keep_an_owner("owner", Some("admin"), 1).is_err());
        assert!(keep_an_owner("owner", Some("owner"), 1).is_ok());
        assert!(keep_an_owner("owner", None, 2).is_ok());
        assert!(keep_an_owner("admin", None, 1).is_ok());
    }

    #[test]
    fn permissions_are_stored_by_name() {
        for role in BuiltinRole::ALL {
            assert_eq!(Permissions::parse(&builtin(*role).text()), builtin(*role));
            assert_eq!(of_role(role.as_str(), Some("org.own")), builtin(*role), "a name is not overruled");
        }
        assert_eq!(Permissions::parse("games.read,from.2031,"), Permissions::of(&[P::GamesRead]));
        assert_eq!(of_role("0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f", None), Permissions::default());
        assert!(check_role(&[P::GamesRead, P::OrgOwn]).is_err());
    }

    /// The vectors of RFC 6238, appendix B, to six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890";
        for (time_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp(secret, time_s / 30), code);
            for drift in [-30, 0, 30] {
                assert_eq!(totp_step(secret, code, time_s + drift), Some(time_s / 30), "{time_s} {drift}");
            }
            assert_eq!(totp_step(secret, code, time_s + 60), None);
            assert_eq!(totp_step(secret, code, time_s - 60), None);
        }
        assert_eq!(totp_step(secret, "", 59), None);
    }

    /// The vectors of RFC 4648, section 10.
    #[test]
    fn base32_is_that_of_the_standard() {
        for (text, wanted) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(text.as_bytes()), wanted);
        }
    }

    #[test]
    fn an_old_secret_holds_until_its_time() {
        assert!(secret_holds("a", "a", "", None, 5));
        assert!(secret_holds("b", "a", "b", Some(6), 5));
        assert!(!secret_holds("b", "a", "b", Some(5), 5));
        assert!(!secret_holds("b", "a", "b", None, 5));
        assert!(!secret_holds("", "a", "", None, 5));
    }
}
