//! Judging SPDX licence expressions.
//!
//! `A OR B` leaves us the choice, so one allowed side is enough; `A AND B` binds us to both. `AND` binds tighter
//! than `OR`. Old crates write `A/B` for `A OR B`.

/// Licences that a closed game may link: permissive, or copyleft by file.
pub(crate) const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Exceptions that only add permissions.
const EXCEPTIONS: &[&str] = &["LLVM-exception"];

/// Whether the expression can be satisfied by allowed licences; an error when it is not understood.
pub(crate) fn allowed(expression: &str) -> Result<bool, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words };
    let verdict = parser.any()?;
    match parser.words.first() {
        None => Ok(verdict),
        Some(extra) => Err(format!("`{expression}`: `{extra}` is out of place")),
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
}

impl Parser<'_> {
    fn any(&mut self) -> Result<bool, String> {
        let mut verdict = self.all()?;
        while self.accept("OR") {
            verdict |= self.all()?;
        }
        Ok(verdict)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut verdict = self.one()?;
        while self.accept("AND") {
            verdict &= self.one()?;
        }
        Ok(verdict)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.accept("(") {
            let verdict = self.any()?;
            return if self.accept(")") { Ok(verdict) } else { Err("a `(` is not closed".into()) };
        }
        let name = self.take("a licence")?;
        if ["OR", "AND", "WITH", ")"].contains(&name) {
            return Err(format!("`{name}` stands where a licence should"));
        }
        let known = ALLOWED.contains(&name);
        if self.accept("WITH") {
            let exception = self.take("an exception")?;
            return Ok(known && EXCEPTIONS.contains(&exception));
        }
        Ok(known)
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    fn take(&mut self, what: &str) -> Result<&str, String> {
        let (word, rest) = self.words.split_first().ok_or_else(|| format!("{what} is missing at the end"))?;
        self.words = rest;
        Ok(word)
    }
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn one_allowed_choice_is_enough_and_every_duty_must_be() {
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "Apache-2.0 AND ISC",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "(Apache-2.0 OR MIT) AND BSD-3-Clause",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
            "GPL-2.0 AND MIT OR ISC",
        ] {
            assert_eq!(allowed(good), Ok(true), "{good}");
        }
        for bad in [
            "GPL-3.0",
            "AGPL-3.0-only",
            "MIT AND GPL-3.0-or-later",
            "MIT AND (GPL-3.0 OR AGPL-3.0)",
            "GPL-2.0 WITH Classpath-exception-2.0",
            "MIT WITH Strange-exception",
            "mit",
        ] {
            assert_eq!(allowed(bad), Ok(false), "{bad}");
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        for bad in ["", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT Apache-2.0", "MIT WITH", "()"] {
            assert!(allowed(bad).is_err(), "{bad}");
        }
    }
}
