use crate::ports::sql::*;
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) game: Option<aethex_wire::ids::GameId>,
    pub(crate) player: Option<aethex_wire::ids::PlayerId>,
    pub(crate) to: String,
    pub(crate) locale: String,
    pub(crate) template: Template,
    pub(crate) values: serde_json::Value,
}
#[derive(Debug, Clone, Copy)]
pub(crate) enum Template {
    VerifyEmail,
    ChangeEmail,
    EmailChanged,
    ResetPassword,
    PasswordChanged,
    AccountExists,
    NewLoginMethod,
    SessionReuse,
}
pub(crate) async fn queue(_: &mut Transaction, _: &Mail) -> Result<(), SqlError> {
    Ok(())
}
