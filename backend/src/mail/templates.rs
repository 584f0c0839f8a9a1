//! Templates: `backend/mail/<locale>/<template>.txt`, and the operator's that win over them.
//!
//! A template is text: the subject in its first line, then paragraphs. `frame.txt` puts greeting and ending
//! around it. The HTML part is made of the same paragraphs by `layout.html`, so the two never differ; a paragraph
//! that is the code or the link is shown as such. An operator may also give the HTML of one template of its own:
//! `<locale>/<template>.html`. Values are escaped in HTML, and a name that no value has is an error, at the start.

use super::config::{SUBJECT_CHARS_MAX, TEMPLATE_FILES_MAX, TEMPLATE_LEN_MAX};
use super::rules;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

macro_rules! templates {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What a mail says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Template {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Template {
            /// Every template.
            pub const ALL: &[Template] = &[$(Template::$variant),+];

            /// Its name, which is that of its file.
            pub fn name(self) -> &'static str {
                match self { $(Template::$variant => $name),+ }
            }
        }

        /// The files of one language.
        macro_rules! files {
            ($locale:literal) => {
                &[
                    ("frame", include_str!(concat!("../../mail/", $locale, "/frame.txt"))),
                    $(($name, include_str!(concat!("../../mail/", $locale, "/", $name, ".txt"))),)+
                ]
            };
        }
    };
}

templates! {
    /// A code that proves an address.
    VerifyEmail = "verify_email";
    /// A code to the new address of an account.
    ChangeEmail = "change_email";
    /// A notice to the old address.
    EmailChanged = "email_changed";
    /// A code for a new password.
    ResetPassword = "reset_password";
    /// A notice that the password is another.
    PasswordChanged = "password_changed";
    /// A notice that somebody registered with this address.
    AccountExists = "account_exists";
    /// A notice that a way to log in was added or removed.
    NewLoginMethod = "new_login_method";
    /// A notice that a session may have been stolen.
    SessionReuse = "session_reuse";
    /// A parent is asked for consent.
    ParentConsent = "parent_consent";
    /// A notice that the account will be erased.
    ErasureScheduled = "erasure_scheduled";
    /// A notice that it was.
    ErasureDone = "erasure_done";
    /// A player's data is ready to be fetched.
    ExportReady = "export_ready";
    /// An invitation into a studio.
    StudioInvitation = "studio_invitation";
}

/// Languages with their files. Tags in lower case.
const BUILT_IN: &[(&str, &[(&str, &str)])] = &[
    ("de", files!("de")),
    ("en", files!("en")),
    ("es", files!("es")),
    ("fr", files!("fr")),
    ("ja", files!("ja")),
    ("pt-br", files!("pt-BR")),
];
const LAYOUT: &str = include_str!("../../mail/layout.html");
const FRAME: &str = "frame";
const SUBJECT: &str = "Subject: ";

impl Template {
    pub(super) fn parse(name: &str) -> Option<Template> {
        Template::ALL.iter().copied().find(|template| template.name() == name)
    }

    pub(super) fn needs_code(self) -> bool {
        matches!(
            self,
            Template::VerifyEmail
                | Template::ChangeEmail
                | Template::ResetPassword
                | Template::ParentConsent
                | Template::StudioInvitation
        )
    }

    /// Whether the reader is the player.
    pub(super) fn greets_player(self) -> bool {
        !matches!(self, Template::ParentConsent | Template::StudioInvitation)
    }
}

/// A mail's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// The built-in templates and those of the operator.
#[derive(Debug, Default)]
pub(super) struct Templates {
    /// By locale (lower case; empty for the layout) and file name.
    own: BTreeMap<(String, String), String>,
}

impl Templates {
    /// Reads the operator's folder, if there is one, and tries everything in it.
    pub(super) fn open(folder: &Path) -> Result<Templates, String> {
        let mut templates = Templates::default();
        if folder.as_os_str().is_empty() {
            return Ok(templates);
        }
        let mut left = TEMPLATE_FILES_MAX;
        for (name, path) in list(folder, &mut left)? {
            if path.is_dir() {
                for (file, path) in list(&path, &mut left)? {
                    templates.add(&name, &file, &path)?;
                }
            } else if name == "layout.html" {
                templates.add("", &name, &path)?;
            }
        }
        templates.try_all()?;
        Ok(templates)
    }

    /// Takes a file of the operator's. Files that are no templates (a README) stay where they are.
    fn add(&mut self, locale: &str, file: &str, path: &Path) -> Result<(), String> {
        let shown = path.display();
        let Some((name, ending)) =
            file.rsplit_once('.').filter(|(_, ending)| ["txt", "html"].contains(ending))
        else {
            return Ok(());
        };
        let known = Template::parse(name).is_some()
            || (name == FRAME && ending == "txt")
            || (locale.is_empty() && file == "layout.html");
        if !known {
            return Err(format!("{shown}: there is no template of this name"));
        }
        let about = std::fs::metadata(path).map_err(|error| format!("{shown}: {error}"))?;
        if about.len() > TEMPLATE_LEN_MAX {
            return Err(format!("{shown} is larger than {TEMPLATE_LEN_MAX} bytes"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        self.own.insert((locale.to_ascii_lowercase(), file.to_owned()), text.replace("\r\n", "\n"));
        Ok(())
    }

    /// Renders every template in every language, with everything and with nothing given.
    fn try_all(&self) -> Result<(), String> {
        let full = json!({
            "username": "ann", "provider": "Example", "device": "PC", "organization": "Studio", "inviter": "Ben",
            "role": "Admin", "code": "ABCD-EFGH", "link": "https://example.com/", "minutes": 30, "days": 7,
            "date_ms": 0, "change": "linked",
        });
        for template in Template::ALL {
            for given in [full.clone(), json!({ "code": "ABCD-EFGH" })] {
                let mut values = rules::values(*template, &given)?;
                values.insert("game".into(), "Game".into());
                values.insert("product".into(), "Studio".into());
                for locale in self.locales(*template) {
                    self.render_in(*template, locale, &values)?;
                }
            }
        }
        Ok(())
    }

    /// The languages that have a template.
    fn locales(&self, template: Template) -> Vec<&str> {
        let file = format!("{}.txt", template.name());
        let built_in = BUILT_IN.iter().map(|(locale, _)| *locale);
        let own = self.own.keys().filter(|(_, name)| *name == file).map(|(locale, _)| locale.as_str());
        let mut locales: Vec<&str> = built_in.chain(own).collect();
        locales.sort_unstable();
        locales.dedup();
        locales
    }

    pub(super) fn render(
        &self,
        template: Template,
        locale: &str,
        values: &Map<String, Value>,
    ) -> Result<Rendered, String> {
        let locales = self.locales(template);
        self.render_in(template, rules::choose_locale(locale, &locales), values)
    }

    fn render_in(
        &self,
        template: Template,
        locale: &str,
        values: &Map<String, Value>,
    ) -> Result<Rendered, String> {
        let file = format!("{}.txt", template.name());
        let fill = |name: &str, source: &str, values: &Map<String, Value>| {
            let mut environment = Environment::new();
            environment.set_undefined_behavior(UndefinedBehavior::Strict);
            let filled = environment.render_named_str(name, source, values);
            filled.map_err(|error| format!("{locale}/{name}: {error}"))
        };
        let source = self.source(locale, &file).ok_or_else(|| format!("{locale}/{file} is missing"))?;
        let filled = fill(&file, source, values)?;
        let (subject, body) = filled.split_once('\n').unwrap_or((&filled, ""));
        let subject =
            subject.strip_prefix(SUBJECT).map(rules::one_line).filter(|subject| !subject.is_empty());
        let subject = subject.ok_or_else(|| format!("{locale}/{file} does not begin with `{SUBJECT}`"))?;
        let subject: String = subject.chars().take(SUBJECT_CHARS_MAX).collect();

        let frame =
            self.source(locale, "frame.txt").ok_or_else(|| format!("{locale}/frame.txt is missing"))?;
        let mut values = values.clone();
        values.insert("body".into(), body.into());
        let text = fill("frame.txt", frame, &values)?;
        let paragraphs: Vec<&str> =
            text.split("\n\n").map(str::trim).filter(|part| !part.is_empty()).collect();
        values.remove("body");
        values.insert("subject".into(), subject.as_str().into());
        values.insert("lang".into(), locale.into());
        values.insert("paragraphs".into(), paragraphs.clone().into());
        let own_html = format!("{}.html", template.name());
        let (name, html) = match self.own.get(&(locale.to_owned(), own_html.clone())) {
            Some(html) => (own_html.as_str(), html.as_str()),
            None => ("layout.html", self.source("", "layout.html").unwrap_or(LAYOUT)),
        };
        let html = fill(name, html, &values)?;
        Ok(Rendered { subject, text: paragraphs.join("\n\n") + "\n", html })
    }

    fn source(&self, locale: &str, file: &str) -> Option<&str> {
        if let Some(own) = self.own.get(&(locale.to_owned(), file.to_owned())) {
            return Some(own);
        }
        let (_, files) = BUILT_IN.iter().find(|(built_in, _)| *built_in == locale)?;
        let name = file.strip_suffix(".txt")?;
        files.iter().find(|(built_in, _)| *built_in == name).map(|(_, text)| *text)
    }
}

/// The entries of a folder by name.
fn list(folder: &Path, left: &mut usize) -> Result<Vec<(String, std::path::PathBuf)>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        *left = left.checked_sub(1).ok_or_else(|| format!("more than {TEMPLATE_FILES_MAX} files"))?;
        let entry = entry.map_err(failed)?;
        found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
