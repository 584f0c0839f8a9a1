//! The outbox folder of a test's server: the mails it would have sent.

use aethex_tests::App;
use aethex_tests::wait::until;

/// A mail as it lies in the outbox.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// The whole message, transfer encodings undone as far as these mails need.
    pub(crate) text: String,
}

/// The mails to an address, oldest first, once there are so many.
pub(crate) async fn mails_to(app: &App, address: &str, count: usize) -> Vec<Mail> {
    let what = format!("mail {count} to {address}");
    until(&what, async || Some(read(app, address)).filter(|mails| mails.len() >= count)).await
}

fn read(app: &App, address: &str) -> Vec<Mail> {
    let mut files: Vec<_> = std::fs::read_dir(app.data().join("outbox"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
        .collect();
    files.sort_unstable();
    let mails = files.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let to = format!("to: {}", address.to_lowercase());
    let is_to =
        |text: &String| text.lines().any(|line| line.to_lowercase().replace(['<', '>'], "").trim_end() == to);
    mails.filter(is_to).map(|text| Mail { text: unquoted(&text) }).collect()
}

/// Undoes quoted-printable (RFC 2045 section 6.7) where a message uses it.
fn unquoted(text: &str) -> String {
    text.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")
}

/// The code of a mail, `XXXX-XXXX-XXXX-XXXX`; empty when it has none.
pub(crate) fn code_in(mail: &Mail) -> String {
    let is_code = |word: &&str| {
        word.len() == 19
            && word.bytes().enumerate().all(|(at, b)| match at % 5 {
                4 => b == b'-',
                _ => b.is_ascii_digit() || b.is_ascii_uppercase(),
            })
    };
    let words = mail.text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.into_iter().find(|word| is_code(word)).unwrap_or_default().to_owned()
}
