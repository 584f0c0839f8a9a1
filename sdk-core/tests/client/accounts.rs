//! The small backend's accounts: guests, providers, links, merges, passwords, settings and exports.

use super::backend::{Answer, Request, State, empty, json, player_of, problem, user};
use aethex_sdk_core::wire::auth::LoggedIn;
use aethex_sdk_core::wire::auth::email::ChangePasswordRequest;
use aethex_sdk_core::wire::auth::identities::{
    GuestRequest, Identities, Identity, LinkEmailRequest, MergeChoice, MergeConflict, MergeRequest, MergeSlot,
};
use aethex_sdk_core::wire::auth::oauth::{OauthRequest, OauthStart, OauthStartRequest, Providers};
use aethex_sdk_core::wire::auth::profile::{Preferences, PreferencesChange};
use aethex_sdk_core::wire::ids::{ExportId, PlayerId, SessionId};
use aethex_sdk_core::wire::privacy::{Export, ExportStatus};
use aethex_sdk_core::wire::proof::{Challenge, ChallengeKind, Proof, Work};
use aethex_sdk_core::wire::{ErrorCode, Problem};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What the backend knows of accounts beside its sessions.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    /// New accounts answer a challenge of this kind and so many bits.
    pub(crate) challenge: Option<(ChallengeKind, u32)>,
    /// So many changes of preferences meet another one.
    pub(crate) preferences_conflicts: u32,
    pub(crate) preferences: BTreeMap<String, serde_json::Value>,
    /// Device keys, and whose they are.
    pub(crate) guests: HashMap<String, PlayerId>,
    pub(crate) passwords_changed: u32,
    /// The export, and what its announced size differs by.
    pub(crate) export: Option<(ExportStatus, Vec<u8>, i64)>,
    pub(crate) avatar_type: Option<String>,
    answered: HashSet<String>,
    flows: HashMap<String, OauthStartRequest>,
    merged: HashSet<PlayerId>,
}

impl State {
    /// Answers what is about accounts and needs no caller.
    pub(crate) fn public_accounts(&mut self, request: &Request) -> Option<Answer> {
        let (method, path) = (request.method.as_str(), request.path.as_str());
        match (method, path.strip_prefix("/api/v1/auth/")?) {
            ("POST", "guest") => Some(self.login_guest(&serde_json::from_slice(&request.body).unwrap())),
            ("GET", "oauth") => Some(json(200, &Providers { items: vec!["google".to_owned()] })),
            ("POST", "oauth/google/start") => {
                Some(self.start_oauth(serde_json::from_slice(&request.body).unwrap()))
            }
            ("POST", "oauth/google") => Some(match self.check_oauth(&request.body) {
                Ok(email) => self.log_in(&player_of(&email), &email),
                Err(refusal) => refusal,
            }),
            ("POST", rest) if rest.starts_with("oauth/") => Some(problem(ErrorCode::UnknownProvider)),
            ("POST", "email/verify" | "password/forgot" | "password/reset") => Some(empty()),
            _ => None,
        }
    }

    /// Answers what a player may ask.
    pub(crate) fn accounts_of(&mut self, player: &PlayerId, request: &Request) -> Option<Answer> {
        let (method, path) = (request.method.as_str(), request.path.as_str());
        let mut changed = self.user_of(player);
        Some(match (method, path.strip_prefix("/api/v1/")?) {
            ("GET", "auth/identities") => {
                let provider = if changed.is_guest { "device" } else { "password" };
                let one = Identity { provider: provider.to_owned(), label: String::new(), linked_at_ms: 1 };
                json(200, &Identities { items: vec![one] })
            }
            ("POST", "auth/email/link") => {
                let body: LinkEmailRequest = serde_json::from_slice(&request.body).unwrap();
                (changed.email, changed.is_guest) = (body.email, false);
                self.change_user(changed)
            }
            ("POST", "auth/identities/google") => match self.check_oauth(&request.body) {
                Ok(_) => {
                    changed.is_guest = false;
                    self.change_user(changed)
                }
                Err(refusal) => refusal,
            },
            ("POST", "auth/merge") => self.merge(player, &serde_json::from_slice(&request.body).unwrap()),
            ("POST", "auth/password/change") => {
                let body: ChangePasswordRequest = serde_json::from_slice(&request.body).unwrap();
                if body.password.as_deref() == Some("wrong password") {
                    return Some(problem(ErrorCode::InvalidCredentials));
                }
                self.accounts.passwords_changed += 1;
                self.end_all(player);
                self.log_in(player, &changed.email)
            }
            ("PUT", "auth/preferences") => self.put_preferences(&request.body),
            ("PUT", "auth/avatar") => {
                self.accounts.avatar_type = Some(request.headers["content-type"].clone());
                json(200, &changed)
            }
            ("GET", path) if path.starts_with("privacy/exports/") => self.export(path),
            _ => return None,
        })
    }

    /// Whether a new account is refused for the want of a proof.
    pub(crate) fn refused_without(&mut self, proof: Option<&Proof>) -> Option<Answer> {
        let (kind, bits) = self.accounts.challenge?;
        if let Some(proof) = proof
            && self.accounts.answered.remove(&proof.challenge)
        {
            let holds = match kind {
                ChallengeKind::Argon2id => proof
                    .solution
                    .parse()
                    .is_ok_and(|number| Work::new(&proof.challenge, 64, bits).unwrap().holds(number)),
                _ => proof.solution == "good token",
            };
            if holds {
                return None;
            }
        }
        let code = if proof.is_some() { ErrorCode::InvalidProof } else { ErrorCode::ProofRequired };
        let challenge = format!("pc1.{}", self.next_id());
        self.accounts.answered.insert(challenge.clone());
        let challenge =
            Challenge { kind, challenge, memory_kib: 64, bits, site_key: "site".into(), expires_in: 60 };
        let refusal = Problem { challenge: Some(Box::new(challenge)), ..Problem::new(code, "prove it") };
        Some(json(403, &refusal))
    }

    fn login_guest(&mut self, request: &GuestRequest) -> Answer {
        assert_eq!(request.device_key.len(), 43);
        let known = self.accounts.guests.get(&request.device_key).cloned();
        let player = match known {
            Some(player) => player,
            None => {
                if let Some(refusal) = self.refused_without(request.proof.as_ref()) {
                    return refusal;
                }
                let player = PlayerId::parse(&self.next_id()).unwrap();
                self.accounts.guests.insert(request.device_key.clone(), player.clone());
                let mut guest = user(&player, "");
                guest.is_guest = true;
                self.users.insert(player.clone(), guest);
                player
            }
        };
        self.log_in(&player, "")
    }

    /// Makes a session; the account is made when there is none.
    pub(crate) fn log_in(&mut self, player: &PlayerId, email: &str) -> Answer {
        let user = self.users.entry(player.clone()).or_insert_with(|| user(player, email)).clone();
        let session = SessionId::parse(&self.next_id()).unwrap();
        let tokens = self.tokens(player, &session);
        json(200, &LoggedIn { user, tokens })
    }

    fn start_oauth(&mut self, request: OauthStartRequest) -> Answer {
        let flow = self.next_id();
        let authorization_url = format!(
            "https://provider.example/authorize?redirect_uri={}&state={}",
            request.redirect_uri, request.state
        );
        self.accounts.flows.insert(flow.clone(), request);
        json(200, &OauthStart { authorization_url, flow, expires_in: 60 })
    }

    /// The email that a grant stands for: its code.
    fn check_oauth(&mut self, body: &[u8]) -> Result<String, Answer> {
        let request: OauthRequest = serde_json::from_slice(body).unwrap();
        let Some(start) = self.accounts.flows.remove(&request.flow) else {
            return Err(problem(ErrorCode::OauthRefused));
        };
        assert_eq!(start.state, request.state);
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&request.code_verifier));
        assert_eq!(start.code_challenge, challenge, "the verifier is the challenge's");
        Ok(request.code)
    }

    fn end_all(&mut self, player: &PlayerId) {
        let sessions = self.sessions_of(player);
        self.ended_sessions.extend(sessions);
    }

    fn merge(&mut self, player: &PlayerId, request: &MergeRequest) -> Answer {
        let Some(other) = self.owner_of(&request.other_refresh_token) else {
            return problem(ErrorCode::Unauthenticated);
        };
        let slots_of = |state: &State, owner: &PlayerId| -> Vec<String> {
            let all = state.slots.keys().filter(|(of, _)| of == owner.as_str());
            all.map(|(_, slot)| slot.clone()).collect()
        };
        let mine = slots_of(self, player);
        let both: Vec<_> = slots_of(self, &other).into_iter().filter(|slot| mine.contains(slot)).collect();
        if request.slots.is_none() && !both.is_empty() {
            let slot = |slot| MergeSlot {
                slot,
                mine_saved_at_ms: 1,
                mine_playtime_ms: 2,
                other_saved_at_ms: 3,
                other_playtime_ms: 4,
            };
            let conflict =
                MergeConflict { other: other.clone(), slots: both.into_iter().map(slot).collect() };
            let code = ErrorCode::MergeConflict;
            let problem = Problem { merge: Some(Box::new(conflict)), ..Problem::new(code, "choose") };
            return json(409, &problem);
        }
        for slot in slots_of(self, &other) {
            let versions = self.slots.remove(&(other.as_str().to_owned(), slot.clone())).unwrap();
            let key = (player.as_str().to_owned(), slot);
            if !self.slots.contains_key(&key) || request.slots == Some(MergeChoice::KeepOther) {
                self.slots.insert(key, versions);
            }
        }
        self.end_all(&other);
        self.accounts.merged.insert(other.clone());
        for owner in self.accounts.guests.values_mut().filter(|owner| **owner == other) {
            *owner = player.clone();
        }
        let user = self.user_of(player);
        json(200, &user)
    }

    fn put_preferences(&mut self, body: &[u8]) -> Answer {
        if self.accounts.preferences_conflicts > 0 {
            self.accounts.preferences_conflicts -= 1;
            return problem(ErrorCode::PreferencesConflict);
        }
        let change: PreferencesChange = serde_json::from_slice(body).unwrap();
        self.accounts.preferences.extend(change.values);
        self.accounts.preferences.retain(|_, value| !value.is_null());
        json(200, &Preferences { values: self.accounts.preferences.clone(), version: 1 })
    }

    fn export(&self, path: &str) -> Answer {
        let Some((status, archive, off_by)) = self.accounts.export.clone() else {
            return problem(ErrorCode::NotFound);
        };
        if path.ends_with("/archive") {
            return Answer { status: 200, content_type: "application/zip", body: archive };
        }
        let id = path.rsplit('/').next().unwrap();
        let size_bytes = archive.len() as i64 + off_by;
        let id = ExportId::parse(id).unwrap();
        json(200, &Export { id, status, size_bytes, created_at_ms: 1, expires_at_ms: 2 })
    }
}
